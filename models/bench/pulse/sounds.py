"""Drums to play to a rack, at its rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.dsp.resample import resample
from models.pulse.judging.excerpts import RATE as MADE_AT
from models.pulse.judging.excerpts import Excerpt
from models.pulse.judging.sets import excerpts

RATE = 48000


def excerpt(name: str = "warped", number: int = 0) -> Excerpt:
    """An excerpt of a set, made; raises PulseError."""
    found = excerpts((name,))[number]
    _ = found.sound
    return found


def drums(name: str = "warped", number: int = 0) -> npt.NDArray[np.float32]:
    """Its sound, mono (n,) at RATE."""
    sound = excerpt(name, number).sound
    return np.asarray(resample(sound[:, None], MADE_AT, RATE)[:, 0], np.float32)


__all__ = ["RATE", "drums", "excerpt"]
