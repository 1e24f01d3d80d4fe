"""Where a morph's name leads: a file, a training's folder, the player's own, what is shipped."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from engine.library import user_models
from engine.morph.errors import MorphError
from engine.morph.file import read_morph
from engine.morph.model import MorphModel
from engine.plugin import PluginError

SHIPPED, TRAINED = "morph.npz", "best.npz"
"""The model in a folder of the zoo, and in that of a training."""


def zoo() -> Path:
    """Where the models that come with taraf are."""
    return Path(__file__).parents[2] / "models" / "zoo"


def morph_of(name: str, folder: Path) -> MorphModel:
    """The model that ``name`` means for a preset in ``folder``, with notes; raises PluginError.

    The last ones are kept: a page asks for their sounds whenever it draws a rack.
    """
    path = find_morph(name, folder)
    try:
        told = path.stat()
        model = _read(path, told.st_mtime_ns, told.st_size)
    except OSError as error:
        raise PluginError(f"{path}: {error.strerror or error}") from None
    except MorphError as error:
        raise PluginError(str(error)) from None
    if not model.notes:
        raise PluginError(f"{path}: holds no notes, so there is nothing to play")
    return model


@lru_cache(maxsize=2)
def _read(path: Path, changed_ns: int, size: int) -> MorphModel:
    return read_morph(path)


def find_morph(name: str, folder: Path) -> Path:
    """The file that ``name`` means for a preset in ``folder``; raises PluginError.

    What is a path is looked for beside the preset, then where taraf was started.
    """
    if not name:
        raise PluginError("model is empty; it is a morph's name, a file, or a training's folder")
    known = _known()
    if name in known:
        return known[name]
    given = os.path.expanduser(name)
    places = folder / given, Path.cwd() / given
    for place in places:
        for path in (place, place / SHIPPED, place / TRAINED):
            if os.path.isfile(path):  # Path.is_file raises where a name is too long
                return path
    if any(mark in name for mark in "/\\") or name.endswith(".npz"):
        raise PluginError(f"{places[0]}: there is no such morph")
    there = ", ".join(sorted(known)) or "none"
    raise PluginError(
        f"no morph is called {name[:60]!r}; there are: {there}; or give a file or a folder"
    )


def _known() -> dict[str, Path]:
    found = {}
    for place in (zoo(), user_models()):
        if place.is_dir():
            found.update({path.parent.name: path for path in sorted(place.glob(f"*/{SHIPPED}"))})
    return found


__all__ = ["SHIPPED", "TRAINED", "find_morph", "morph_of"]
