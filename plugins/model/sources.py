"""Where a model's name leads: a path, the shipped zoo, the player's own, the library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.artefact import CARD, NETWORKS, Artefact, ArtefactError, open_artefact
from engine.library import LibraryError, near, user_models
from engine.library import find as find_in_library
from engine.modelfiles import ModelFile, ModelFileError, open_model
from engine.plugin import PluginError

SCRIPTS = (".pt", ".pts", ".ts", ".torchscript")


@dataclass(frozen=True)
class Source:
    """A model found: ``kind`` is network (we compile it), session (ONNX Runtime) or script."""

    kind: str
    path: Path
    artefact: Artefact | None = None

    @property
    def latency_samples(self) -> int:
        """How late a card says that the network makes the sound, at its own rate."""
        return 0 if self.artefact is None else self.artefact.latency_samples

    def read(self, core_compatible: bool) -> ModelFile:
        """Read the network's file; raises PluginError."""
        try:
            if self.artefact is not None:
                return self.artefact.open_network(core_compatible)
            return open_model(self.path, core_compatible)
        except (ArtefactError, ModelFileError) as error:
            raise PluginError(str(error)) from None


def zoo() -> Path:
    """Where the models that come with taraf are."""
    return Path(__file__).parents[2] / "models" / "zoo"


def find_source(name: str, folder: Path) -> Source:
    """What ``name`` means for a preset in ``folder``; raises PluginError."""
    if not name:
        raise PluginError("model is empty; it is a file, or a name that `taraf models list` shows")
    path = _find(name, folder)
    if not path.exists():
        raise PluginError(f"{path}: there is no such model")
    if path.is_dir() and not (path / CARD).is_file():
        raise PluginError(f"{path}: is a folder without a card ({CARD}); a model is a file in it")
    if path.is_dir() or (path.name in (CARD, *NETWORKS) and (path.parent / CARD).is_file()):
        try:
            artefact = open_artefact(path)
        except ArtefactError as error:
            raise PluginError(str(error)) from None
        return Source("session" if artefact.is_onnx else "network", path, artefact)
    if path.suffix.lower() == ".onnx":
        raise PluginError(f"{path}: a network in ONNX needs its card ({CARD}) beside it")
    return Source("script" if path.suffix.lower() in SCRIPTS else "network", path)


def _find(name: str, folder: Path) -> Path:
    if any(mark in name for mark in "/\\"):
        return folder / Path(name).expanduser()
    known: dict[str, Path] = {}
    for place in (zoo(), user_models()):
        if place.is_dir():
            known.update({p.name: p for p in sorted(place.iterdir()) if (p / CARD).is_file()})
    if name in known:
        return known[name]
    try:
        found = find_in_library(name)
    except LibraryError as error:
        raise PluginError(str(error)) from None
    if found is not None:
        return found
    if (folder / name).exists():
        return folder / name
    like = ", ".join(near(name))
    hint = f"near to it: {like}" if like else f"there are {', '.join(known) or 'none'}"
    raise PluginError(f"no model is called {name!r}; {hint}; `taraf models list` shows all")
