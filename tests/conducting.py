"""A plugin that leads the beat as steadily as a clock, and elsewhere on demand."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.kernel import Audio, kernel
from engine.params import Param
from engine.plugin import Plugin, Setup, State, zeros


class Conductor(Plugin):
    """Lead at 120 bpm; from a knob, a beat that is ahead or behind and counts from elsewhere."""

    ahead = Param(0.0, -64.0, 64.0, smooth_ms=0.0, help="Beats")
    bar = Param(4.0, 1.0, 8.0, smooth_ms=0.0, help="Beats a bar")
    leads_beat = True

    def prepare(self, setup: Setup) -> State:
        return {"rate": setup.sample_rate, "now": zeros(1, dtype=np.int64)}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        state.now[0] += audio.shape[1]
        state.lead[0], state.lead[1] = 1.0, 120.0
        state.lead[2] = state.now[0] / (0.5 * state.rate) + float(knobs.ahead.start)
        state.lead[3], state.lead[4] = state.now[0], float(knobs.bar.start)


__all__ = ["Conductor"]
