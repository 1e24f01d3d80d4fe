"""Opens a morph by what a player calls it: a file, a training's folder, a model's name."""

from __future__ import annotations

from pathlib import Path

from engine.library import user_models
from engine.morph.errors import MorphError
from engine.morph.file import read_morph
from engine.morph.model import MorphModel

FILES = ("morph.npz", "best.npz")
"""The model in a folder of the zoo, and in that of a training."""
ZOO = Path(__file__).parents[2] / "zoo"


def open_model(name: str) -> tuple[Path, MorphModel]:
    """Its file, and the model with notes in it; MorphError, one line, if there is none."""
    path = _file(name)
    model = read_morph(path)
    if not model.notes:
        raise MorphError(f"{path}: has no notes; one is wanted that was trained with notes in it")
    return path, model


def _file(name: str) -> Path:
    known = {
        path.parent.name: path for place in (ZOO, user_models()) for path in place.glob("*/*.npz")
        if path.name == FILES[0]
    }  # fmt: skip
    if name in known:
        return known[name]
    given = Path(name).expanduser()
    try:
        if given.is_dir():
            inside = [given / file for file in FILES if (given / file).is_file()]
            return inside[0] if inside else given
        if given.is_file() or given.suffix or given.name != name:
            return given  # whoever reads it says what is wrong
    except OSError:  # a name that no file can have
        pass
    there = ", ".join(sorted(known)) or "none"
    raise MorphError(f"no morph is called {name[:60]!r}; there are: {there}; or give a file")


__all__ = ["open_model"]
