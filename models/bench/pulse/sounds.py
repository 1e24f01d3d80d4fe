"""Drums to play to a rack, at its rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.bench.stage.telling import Missing
from engine.dsp.resample import resample
from models.pulse.errors import PulseError
from models.pulse.judging.excerpts import RATE as MADE_AT
from models.pulse.judging.excerpts import Excerpt
from models.pulse.judging.sets import excerpts

RATE = 48000


def excerpt(name: str = "warped", number: int = 0) -> Excerpt:
    """An excerpt of a set; raises Missing where its data or FluidSynth are not here."""
    try:
        found = excerpts((name,))[number]
        _ = found.sound
    except PulseError as error:
        raise Missing(str(error)) from None
    return found


def drums(name: str = "warped", number: int = 0) -> npt.NDArray[np.float32]:
    """Its sound, mono (n,) at RATE."""
    sound = excerpt(name, number).sound
    return np.asarray(resample(sound[:, None], MADE_AT, RATE)[:, 0], np.float32)


__all__ = ["RATE", "drums", "excerpt"]
