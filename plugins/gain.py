"""Louder or softer."""

from typing import Any

import numpy as np

from engine.dsp.approx import gain_of
from engine.kernel import Audio, kernel
from engine.params import Param, along
from engine.plugin import Plugin


class Gain(Plugin):
    """Louder or softer, smoothly."""

    gain_db = Param(0.0, -60.0, 36.0, "dB", help="What every sample is multiplied by")

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        if knobs.gain_db.step == np.float32(0.0):
            gain = gain_of(knobs.gain_db.start)
            if gain != np.float32(1.0):
                for c in range(channels):
                    for i in range(frames):
                        audio[c, i] *= gain
            return
        for i in range(frames):
            gain = gain_of(along(knobs.gain_db, i))
            for c in range(channels):
                audio[c, i] *= gain
