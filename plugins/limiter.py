"""Limiter."""

import math
from typing import Any

import numpy as np

from engine.dsp.approx import step_of
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, Setting, final
from engine.plugin import Plugin, Setup, State, zeros

LONGEST = 256  # frames of lookahead
HOLD_MS = 15.0  # longer than half a period of a bass's low E
SLOW_RISE = 4.0  # times release_ms: how long a passage must be loud to count as sustained
SLOW_FALL = 6.0  # times release_ms: how it comes back from one
MOST = np.float32(1e6)  # over the ceiling; what is louder is cut: its gain would not come back
UNIT = 1 << 40  # gains in the moving mean are whole numbers of 2**-40: their sum is exact
FRAME, AT, SUM = range(3)
FAST, SLOW, PEAK, PEAK_BEFORE = range(4)


@kernel
def ceiling_of(db: float) -> np.float32:
    """A level as a factor, rounded down."""
    return np.float32(math.exp(db * (math.log(10.0) / 20.0)) * (1.0 - 1e-7))


class Limiter(Plugin):
    """Never louder than the ceiling, without delay unless lookahead is set.

    The gain follows the loudest sample of the last 15 to 30 ms, so it stands still under a
    sustained low note instead of bending its wave. It comes back in two stages: at
    ``release_ms`` after a short peak, and more slowly after a long loud passage. With
    lookahead the gain is its mean over that time, so it comes down before the peak arrives;
    the hold keeps it down until the peak has passed.
    """

    ceiling_db = Param(-1.0, -40.0, 0.0, "dB", help="No sample leaves louder than this")
    release_ms = Param(60.0, 5.0, 1000.0, "ms", taper="log", help="Time to come back")
    lookahead = Setting(0, "count", 0, LONGEST, help="Frames the sound is late, to turn down early")
    readouts = ("gain_reduction_db",)

    def prepare(self, setup: Setup) -> State:
        ahead = int(self.lookahead)
        self.latency_samples = ahead
        rate = setup.sample_rate / 1000.0
        return {
            "frames_per_ms": rate,
            "hold": max(round(HOLD_MS * rate), LONGEST + 1),
            "ahead": ahead,
            "counts": np.array((0, 0, UNIT * (ahead + 1))),
            "levels": np.ones(4),
            "gains": zeros(CELL),
            "past": np.full(ahead + 1, UNIT),
            "line": zeros(setup.channels, ahead + 1),
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

        at = knobs.ceiling_db.at
        ceiling = ceiling_of(knobs.ceiling_db.start)
        slope = np.float32(0.0)
        if knobs.ceiling_db.step != 0.0:
            slope = (ceiling_of(final(knobs.ceiling_db)) - ceiling) / np.float32(CELL)
        for i in range(frames):
            gains[i] = min(MOST, gains[i] / (ceiling + slope * np.float32(at + i + 1)))

        release = knobs.release_ms.start
        fall = step_of(release * state.frames_per_ms)
        slow_rise = step_of(SLOW_RISE * release * state.frames_per_ms)
        slow_fall = step_of(SLOW_FALL * release * state.frames_per_ms)
        counts, levels = state.counts, state.levels
        fast, slow = levels[FAST], levels[SLOW]
        peak, before = levels[PEAK], levels[PEAK_BEFORE]
        frame = counts[FRAME]
        for i in range(frames):
            if frame == state.hold:
                frame, before, peak = 0, peak, 1.0
            frame += 1
            peak = max(peak, float(gains[i]))
            held = max(peak, before)
            slow = max(
                (1.0 - slow_rise) * slow + slow_rise * held,
                (1.0 - slow_fall) * slow + slow_fall * held,
            )
            fast = max(held, (1.0 - fall) * fast + fall * slow)
            gains[i] = fast
        levels[FAST], levels[SLOW] = fast, slow
        levels[PEAK], levels[PEAK_BEFORE] = peak, before
        counts[FRAME] = frame
        state.readout[0] = 20.0 * math.log10(fast)
        for i in range(frames):
            gains[i] = np.float32(1.0) / gains[i]

        if state.ahead > 0:
            delay(audio, gains, state)
        for c in range(channels):
            for i in range(frames):
                highest = ceiling + slope * np.float32(at + i + 1)
                audio[c, i] = min(highest, max(-highest, audio[c, i] * gains[i]))


@kernel
def delay(audio: Any, gains: Any, state: Any) -> None:
    """Make the sound ``ahead`` frames late and each gain the mean of the last ``ahead`` + 1."""
    past, line, ahead = state.past, state.line, state.ahead
    total, at = state.counts[SUM], state.counts[AT]
    scale = 1.0 / (UNIT * (ahead + 1.0))
    for i in range(audio.shape[1]):
        gain = int(gains[i] * UNIT)
        total += gain - past[at]
        past[at] = gain
        gains[i] = total * scale
        for c in range(audio.shape[0]):
            line[c, at] = audio[c, i]
        at = at + 1 if at < ahead else 0
        for c in range(audio.shape[0]):
            audio[c, i] = line[c, at]
    state.counts[SUM], state.counts[AT] = total, at
