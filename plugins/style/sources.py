"""Where a style's name leads, and its recording as the loss wants it: mono, of one loudness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.library.beside import find_file, named
from engine.plugin import PluginError
from engine.soundfiles import SoundError, read
from plugins.style.answer import LEVEL, loudness
from plugins.style.hearing import HOP
from plugins.style.wanted import WIDTH

SHIPPED = "style.flac"
"""The recording in a folder of the zoo."""
SHORTEST_S, LONGEST_S = 0.5, 60.0
SILENT = 1e-5


class StyleError(ValueError):
    """A recording that cannot be a style; the message says why."""


def find_style(name: str, folder: Path) -> Path:
    """The recording that ``name`` means for a preset in ``folder``; raises PluginError.

    A name of the zoo's or of a folder among the player's models, or a sound file: looked for
    beside the preset, then where taraf was started.
    """
    if not name.strip():
        raise PluginError("style is empty; it is a sound file, or a name such as glass")
    found = find_file(name, folder, SHIPPED)
    if found is not None:
        return found
    there = ", ".join(sorted(named(SHIPPED))) or "none"
    raise PluginError(f"style = {name[:200]!r}: there is no such file; names are: {there}")


def opened(path: Path, rate: float) -> npt.NDArray[np.float32]:
    """The first minute of it at ``rate``, mono, at LEVEL; StyleError in one line."""
    try:
        sound = read(path, round(rate))
    except SoundError as error:
        raise StyleError(f"style: {error}") from None
    mono = sound.mean(axis=1)[: round(LONGEST_S * rate)]
    least = max(SHORTEST_S, (WIDTH - 1) * HOP / rate)  # a patch of frames, at a low rate
    if len(mono) < least * rate:
        raise StyleError(
            f"style: {path}: {len(mono) / rate:.2f} s are too short; at least {least:.2g} s"
        )
    level = loudness(mono)
    if not level > SILENT:
        raise StyleError(f"style: {path}: is silent; at least -100 dB is wanted")
    return np.asarray(mono * (LEVEL / level), np.float32)


__all__ = ["StyleError", "find_style", "opened"]
