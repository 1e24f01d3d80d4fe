"""Opens a model by what its user calls it: a name in the zoo or the library, a file or a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.artefact import CARD, NETWORKS, Artefact, open_artefact
from engine.library import Library
from engine.modelfiles import ModelFile, open_model


@dataclass(frozen=True)
class Named:
    """A model as its user calls it. ``artefact`` is its folder, ``file`` what our kernels play.

    ``file`` is None where ONNX Runtime plays the artefact.
    """

    name: str
    file: ModelFile | None
    artefact: Artefact | None


def open_named(name: str) -> Named:
    """Open a model by its name in the zoo or the library, or by its file or folder.

    What has a slash in it is a path; anything else is a name first, then a path. A ValueError
    of the engine's, in one line, if it is none.
    """
    path = Path(name).expanduser()
    is_path = len(path.parts) > 1 or name.endswith("/")
    library = Library()
    card = None if is_path else library.called(name)
    if card is None and (is_path or path.is_file() or (path / CARD).is_file()):
        in_folder = path.name in (CARD, *NETWORKS) and (path.parent / CARD).is_file()
        if path.is_dir() or in_folder:
            return _in_folder(path)
        return Named(path.stem, open_model(path), None)
    card = card or library.named(name)
    if card.origin == "yours":
        return Named(card.name, open_model(card.path), None)
    return _in_folder(card.path)


def _in_folder(path: Path) -> Named:
    artefact = open_artefact(path)
    file = None if artefact.is_onnx else artefact.open_network()
    return Named(artefact.path.resolve().name, file, artefact)


__all__ = ["Named", "open_named"]
