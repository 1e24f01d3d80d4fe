"""Noise gate for a guitar."""

from typing import Any

import numpy as np

from engine.dsp.approx import gain_of
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, final
from engine.plugin import Plugin, Setup, State, zeros

DETECTOR_MS = 20.0  # the level falls 6 dB between two swings of a low E: within the hysteresis
OPEN, HOLD = range(2)


class Gate(Plugin):
    """Silence the noise between notes, and never chatter or click.

    It opens at once when a sample reaches the threshold, and closes when the level has stayed
    ``hysteresis_db`` below it for ``hold_ms``. The gain moves along a smooth step, whose whole
    length is ``attack_ms`` or ``release_ms``; both channels get the same.
    """

    threshold_db = Param(-50.0, -90.0, 0.0, "dB", help="Level that opens the gate")
    hysteresis_db = Param(6.0, 0.0, 24.0, "dB", help="How far below that it closes")
    attack_ms = Param(1.0, 0.1, 50.0, "ms", taper="log", help="Time to open")
    hold_ms = Param(60.0, 0.0, 1000.0, "ms", help="How long it stays open after the sound")
    release_ms = Param(150.0, 5.0, 2000.0, "ms", taper="log", help="Time to close")
    range_db = Param(-80.0, -90.0, 0.0, "dB", help="Gain when closed")
    readouts = ("open",)

    def prepare(self, setup: Setup) -> State:
        rate = setup.sample_rate / 1000.0
        return {
            "frames_per_ms": rate,
            "decay": float(np.exp(-1.0 / (DETECTOR_MS * rate))),
            "level": zeros(1),
            "flags": zeros(2, dtype=np.int64),
            "position": zeros(1, dtype=np.float64),
            "gains": zeros(CELL),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        gains = state.gains
        one = np.float32(1.0)
        for i in range(frames):
            gains[i] = abs(audio[0, i])
        if channels == 2:
            for i in range(frames):
                gains[i] = max(gains[i], abs(audio[1, i]))

        at = knobs.threshold_db.at
        opens = gain_of(knobs.threshold_db.start)
        opens_step = (gain_of(final(knobs.threshold_db)) - opens) / np.float32(CELL)
        closes = gain_of(-knobs.hysteresis_db.start)
        closes_step = (gain_of(-final(knobs.hysteresis_db)) - closes) / np.float32(CELL)
        up = 1.0 / (knobs.attack_ms.start * state.frames_per_ms)
        down = 1.0 / (knobs.release_ms.start * state.frames_per_ms)
        hold = int(knobs.hold_ms.start * state.frames_per_ms)
        decay = np.float32(state.decay)
        level, position = state.level[0], state.position[0]
        is_open, left = state.flags[OPEN], state.flags[HOLD]
        for i in range(frames):
            t = np.float32(at + i + 1)
            threshold = opens + opens_step * t
            level = max(gains[i], level * decay)
            if level >= threshold:
                is_open = 1
            if level >= threshold * (closes + closes_step * t):
                left = hold
            elif left > 0:
                left -= 1
            else:
                is_open = 0
            move = up if is_open != 0 else -down
            position = min(1.0, max(0.0, position + move))
            gains[i] = position * position * (3.0 - 2.0 * position)
        state.level[0], state.position[0] = level, position
        state.flags[OPEN], state.flags[HOLD] = is_open, left
        state.readout[0] = position

        floor = gain_of(knobs.range_db.start)
        floor_step = (gain_of(final(knobs.range_db)) - floor) / np.float32(CELL)
        for i in range(frames):
            lost = one - (floor + floor_step * np.float32(at + i + 1))
            gains[i] = one - lost * (one - gains[i])
        for c in range(channels):
            for i in range(frames):
                audio[c, i] *= gains[i]
