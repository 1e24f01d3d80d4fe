"""Impulses at a steady rate, to measure a round trip with a cable."""

from typing import Any

import numpy as np

from engine.kernel import Audio, kernel
from engine.params import Setting
from engine.plugin import Plugin, Setup, State, zeros

IMPULSE = np.float32(0.5)


class Ping(Plugin):
    """Ignore the input and send one impulse every so often, the first at frame 0."""

    every_ms = Setting(100, "count", 1, 60_000, help="Milliseconds from one impulse to the next")

    def prepare(self, setup: Setup) -> State:
        every = max(1, round(int(self.every_ms) * setup.sample_rate / 1000))
        return {"every": every, "left": zeros(1, dtype=np.int64)}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        left = state.left[0]
        for i in range(frames):
            value = IMPULSE if left == 0 else np.float32(0.0)
            left = state.every - 1 if left == 0 else left - 1
            for c in range(channels):
                audio[c, i] = value
        state.left[0] = left
