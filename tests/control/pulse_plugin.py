"""Plugins that lead the beat and make notes, as simple as can be; also for an audio process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import Audio, kernel
from engine.params import Choice, Param
from engine.plugin import Plugin, Setup, State, zeros


class Leads(Plugin):
    """Lead at a tempo, from the first frame on; hear an onset at each eighth."""

    tempo_bpm = Param(120.0, 10.0, 500.0, "bpm", smooth_ms=0.0, help="How fast")
    mode = Choice("follow", ("follow", "hold", "free"), help="Free does not lead")
    octave = Choice("as heard", ("half", "as heard", "double"), help="Of the tempo")
    nudge_ms = Param(0.0, -100.0, 100.0, "ms", help="Later")
    one = Param(0.0, help="The first of a bar is here")
    leads_beat = True

    def prepare(self, setup: Setup) -> State:
        return {"rate": setup.sample_rate, "now": zeros(4, dtype=np.float64)}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        lead, now = state.lead, state.now
        tempo = float(knobs.tempo_bpm.start) * 2.0 ** (float(knobs.octave.start) - 1.0)
        now[0] = lead[12]
        if lead[8] != now[2]:  # somebody has tapped
            now[2] = lead[8]
            now[1] = lead[10] + (now[0] - lead[11]) * lead[9] / (60.0 * state.rate)
        if knobs.one.start > np.float32(0.5) and now[3] == 0.0:
            now[1] -= math.floor(now[1]) % 4.0
        now[3] = 1.0 if knobs.one.start > np.float32(0.5) else 0.0
        now[0] += audio.shape[1]
        now[1] += audio.shape[1] * tempo / (60.0 * state.rate)
        lead[0] = 0.0 if knobs.mode.start == np.float32(2.0) else 1.0
        lead[1], lead[2], lead[3], lead[4] = tempo, now[1], now[0], 4.0
        lead[5], lead[6], lead[7] = 0.8, math.floor(2.0 * now[1]), 0.5


class Drums(Plugin):
    """Play a note on the eighths: told 20 ms before, ended 50 ms after; a long one at first."""

    makes_notes = True
    follows_beat = True

    def prepare(self, setup: Setup) -> State:
        return {"rate": setup.sample_rate}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        for i in range(audio.shape[1]):
            frame = state.made_count[2] + i
            every = state.rate // 4
            if frame == 0:
                write(state, 0, 0x90 | 36 << 8 | 90 << 16)
            if frame % every == every - state.rate // 50:
                write(state, frame + state.rate // 50, 0x99 | 38 << 8 | 100 << 16)
                write(state, frame + state.rate // 50 + state.rate // 20, 0x89 | 38 << 8)


@kernel
def write(state: Any, frame: int, message: int) -> None:
    """Make a message."""
    row = state.made_count[0] % 256
    state.made[row, 0], state.made[row, 1] = frame, message
    state.made_count[0] += 1
