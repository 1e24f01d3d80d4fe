"""Where a style's name leads, and its recording as the loss wants it: mono, of one loudness."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.library import user_models
from engine.plugin import PluginError
from engine.soundfiles import SoundError, read
from plugins.style.answer import LEVEL, loudness

SHIPPED = "style.flac"
"""The recording in a folder of the zoo."""
SHORTEST_S, LONGEST_S = 0.5, 60.0
SILENT = 1e-5


class StyleError(ValueError):
    """A recording that cannot be a style; the message says why."""


def zoo() -> Path:
    """Where the models that come with taraf are."""
    return Path(__file__).parents[2] / "models" / "zoo"


def find_style(name: str, folder: Path) -> Path:
    """The recording that ``name`` means for a preset in ``folder``; raises PluginError.

    A name of the zoo's or of a folder among the player's models, or a sound file: looked for
    beside the preset, then where taraf was started.
    """
    if not name.strip():
        raise PluginError("style is empty; it is a sound file, or a name such as glass")
    known = _known()
    if name in known:
        return known[name]
    given = os.path.expanduser(name)
    for place in (folder / given, Path.cwd() / given):
        for path in (place, place / SHIPPED):
            if os.path.isfile(path):  # Path.is_file raises where a name is too long
                return path
    there = ", ".join(sorted(known)) or "none"
    raise PluginError(f"style = {name[:200]!r}: there is no such file; names are: {there}")


def _known() -> dict[str, Path]:
    found = {}
    for place in (zoo(), user_models()):
        if place.is_dir():
            found.update({path.parent.name: path for path in sorted(place.glob(f"*/{SHIPPED}"))})
    return found


def opened(path: Path, rate: float) -> npt.NDArray[np.float32]:
    """The first minute of it at ``rate``, mono, at LEVEL; StyleError in one line."""
    try:
        sound = read(path, round(rate))
    except SoundError as error:
        raise StyleError(f"style: {error}") from None
    mono = sound.mean(axis=1)[: round(LONGEST_S * rate)]
    if len(mono) < SHORTEST_S * rate:
        raise StyleError(
            f"style: {path}: {len(mono) / rate:.2f} s are too short; at least {SHORTEST_S:g} s"
        )
    level = loudness(mono)
    if not level > SILENT:
        raise StyleError(f"style: {path}: is silent; at least -100 dB is wanted")
    return np.asarray(mono * (LEVEL / level), np.float32)


__all__ = ["StyleError", "find_style", "opened"]
