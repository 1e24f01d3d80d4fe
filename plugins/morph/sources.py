"""Where a morph's name leads: a file, a training's folder, the player's own, what is shipped."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from engine.library.beside import find_model
from engine.morph.errors import MorphError
from engine.morph.file import read_morph
from engine.morph.model import MorphModel
from engine.plugin import PluginError

SHIPPED, TRAINED = "morph.npz", "best.npz"
"""The model in a folder of the zoo, and in that of a training."""


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
    return find_model(name, folder, "morph", SHIPPED, TRAINED)


__all__ = ["SHIPPED", "TRAINED", "find_morph", "morph_of"]
