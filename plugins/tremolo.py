"""Tremolo and auto-pan."""

import math
from typing import Any

import numpy as np

from engine.dsp.beats import Sync, beat_at, beats_of
from engine.kernel import Audio, kernel
from engine.params import Param, along
from engine.plugin import Plugin, Setup, State

EDGE_MS = 1.5  # the gain's own smoothing: a square does not click, nor does a beat that jumps
STEEPEST = 12.0


class Tremolo(Plugin):
    """Make the level sway; with spread, from side to side. It can lock to the beat."""

    rate_hz = Param(5.0, 0.1, 20.0, "Hz", taper="log", help="Sways a second, if sync is off")
    sync = Sync("One sway a note of this length, on the beat")
    depth = Param(0.6, 0.0, 1.0, help="How far the level falls")
    shape = Param(0.0, 0.0, 1.0, help="0 is a sine, 1 nearly a square")
    spread = Param(0.0, 0.0, 1.0, help="1 sways the two sides against each other (stereo)")
    follows_beat = True

    def prepare(self, setup: Setup) -> State:
        return {
            "per_hz": 1.0 / setup.sample_rate,
            "share": 1.0 - math.exp(-1000.0 / (EDGE_MS * setup.sample_rate)),
            "phase": np.zeros(1),
            "gain": np.full(setup.channels, -1.0),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        beats = beats_of(knobs.sync.start)
        for i in range(frames):
            state.phase[0] += float(along(knobs.rate_hz, i)) * state.per_hz
            if beats > 0.0:
                state.phase[0] = beat_at(state.beat, i) / beats
            state.phase[0] -= math.floor(state.phase[0])
            steep = STEEPEST ** float(along(knobs.shape, i))
            for c in range(channels):
                turn = state.phase[0] + 0.5 * c * float(along(knobs.spread, i))
                wave = math.tanh(steep * math.cos(2.0 * math.pi * turn)) / math.tanh(steep)
                wanted = 1.0 - float(along(knobs.depth, i)) * (0.5 - 0.5 * wave)
                if state.gain[c] < 0.0:
                    state.gain[c] = wanted
                state.gain[c] += state.share * (wanted - state.gain[c])
                audio[c, i] *= np.float32(state.gain[c])
