"""Compressor."""

from typing import Any

import numpy as np

from engine.dsp.approx import db_of, gain_of, step_of
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, along
from engine.plugin import Plugin, Setup, State, zeros


@kernel
def reduction_of(level_db: Any, threshold_db: Any, ratio: Any, knee_db: Any) -> np.float32:
    """How many decibels a level is over what the ratio allows: Giannoulis et al., equation 4."""
    over = level_db - threshold_db
    half = np.float32(0.5) * knee_db
    bend = min(knee_db, max(np.float32(0.0), over + half))
    bend *= bend / max(knee_db + knee_db, np.float32(1e-3))
    slope = np.float32(1.0) - np.float32(1.0) / ratio
    return slope * (bend + max(np.float32(0.0), over - half))


class Compressor(Plugin):
    """Even out the level: what is louder than the threshold is turned down by the ratio.

    Feed-forward with a soft knee; the gain reduction, in decibels, is what attack and release
    smooth, so a release is as quick after a loud note as after a soft one. Both are time
    constants: 63 % of the way. The louder channel steers both. Method: Giannoulis, Massberg
    and Reiss, Digital Dynamic Range Compressor Design, JAES 60(6), 2012 (the smooth
    branching detector in the logarithmic domain).
    """

    threshold_db = Param(-24.0, -60.0, 0.0, "dB", help="Level above which it works")
    ratio = Param(4.0, 1.0, 20.0, taper="log", help="Decibels in for one decibel out")
    attack_ms = Param(5.0, 0.1, 200.0, "ms", taper="log", help="Time to turn down")
    release_ms = Param(120.0, 5.0, 2000.0, "ms", taper="log", help="Time to come back")
    knee_db = Param(6.0, 0.0, 24.0, "dB", help="Width of the bend around the threshold")
    makeup_db = Param(0.0, 0.0, 36.0, "dB", help="Gain after compression")
    readouts = ("gain_reduction_db",)

    def prepare(self, setup: Setup) -> State:
        return {
            "frames_per_ms": setup.sample_rate / 1000.0,
            "reduction": zeros(1, dtype=np.float64),
            "gains": zeros(CELL),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        gains = state.gains
        for i in range(frames):
            gains[i] = abs(audio[0, i])
        if channels == 2:
            for i in range(frames):
                gains[i] = max(gains[i], abs(audio[1, i]))

        threshold, ratio, knee = knobs.threshold_db, knobs.ratio, knobs.knee_db
        if threshold.step == 0.0 and ratio.step == 0.0 and knee.step == 0.0:
            low, by, bend = threshold.start, ratio.start, knee.start
            for i in range(frames):
                gains[i] = reduction_of(db_of(gains[i]), low, by, bend)
        else:
            for i in range(frames):
                low, by, bend = along(threshold, i), along(ratio, i), along(knee, i)
                gains[i] = reduction_of(db_of(gains[i]), low, by, bend)

        attack = step_of(knobs.attack_ms.start * state.frames_per_ms)
        release = step_of(knobs.release_ms.start * state.frames_per_ms)
        y = state.reduction[0]
        if attack >= release:  # then the follower that is higher is the one that is due
            for i in range(frames):
                x = float(gains[i])
                y = max((1.0 - attack) * y + attack * x, (1.0 - release) * y + release * x)
                gains[i] = y
        else:
            for i in range(frames):
                x = float(gains[i])
                y = min((1.0 - attack) * y + attack * x, (1.0 - release) * y + release * x)
                gains[i] = y
        state.reduction[0] = y
        state.readout[0] = y

        if knobs.makeup_db.step == 0.0:
            makeup = knobs.makeup_db.start
            for i in range(frames):
                gains[i] = gain_of(makeup - gains[i])
        else:
            for i in range(frames):
                gains[i] = gain_of(along(knobs.makeup_db, i) - gains[i])
        for c in range(channels):
            for i in range(frames):
                audio[c, i] *= gains[i]
