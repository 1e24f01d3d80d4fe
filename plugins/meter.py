"""Level meter: peak, RMS and loudness."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.filters import COEFFICIENTS, run_pair, set_filter, tune
from engine.kernel import Audio, kernel
from engine.params import CELL
from engine.plugin import Plugin, Setup, State, zeros

SLICES_PER_SECOND = 100
RMS_SLICES = 30  # 300 ms
LOUDNESS_SLICES = 40  # 400 ms: momentary loudness
PEAK_FALL_DB = 12.0  # per second
FLOOR_DB = -120.0
FRAME, SLICE = range(2)
PLAIN, WEIGHTED = range(2)


def k_weighting(rate: float) -> npt.NDArray[np.float64]:
    """The two filters of ITU-R BS.1770-5, annex 1, for any sample rate.

    The Recommendation tables them for 48 kHz only. These are the analogue prototypes that the
    tables come from: +4 dB above 1.7 kHz for the head, then a high-pass at 38 Hz. The tables
    leave the high-pass 0.04 dB above unity at high frequencies, and so do we.
    """
    rows = np.zeros((2, COEFFICIENTS))
    top = 10.0 ** (3.999843853973347 / 20.0)
    k = 1.0 / 0.7071752369554196
    set_filter(
        rows[0], tune(1681.974450955533, rate, 1.0), k, top, k * top**0.4996667741545416, 1.0
    )
    k = 1.0 / 0.5003270373238773
    g = tune(38.13547087602444, 48_000.0, 1.0)
    set_filter(rows[1], tune(38.13547087602444, rate, 1.0), k, 1.0 + g * (g + k), 0.0, 0.0)
    return rows


class Meter(Plugin):
    """Measure the sound here and let it pass untouched.

    ``peak_db`` is the largest sample, falling 12 dB a second; ``rms_db`` the mean power of the
    channels over 300 ms (a full-scale sine reads -3.01); ``lufs`` the momentary loudness of
    ITU-R BS.1770-5: K-weighted, the channels' powers added, over 400 ms.
    """

    readouts = ("peak_db", "rms_db", "lufs")

    def prepare(self, setup: Setup) -> State:
        return {
            "slice": round(setup.sample_rate / SLICES_PER_SECOND),
            "fall": 10.0 ** (-PEAK_FALL_DB / 20.0 / SLICES_PER_SECOND),
            "weighting": k_weighting(setup.sample_rate),
            "memory": np.zeros((2, setup.channels, 2)),
            "work": zeros(setup.channels, CELL),
            "counts": np.zeros(2, np.int64),
            "peak": zeros(1),
            "sums": np.zeros(2),
            "powers": np.zeros((2, LOUDNESS_SLICES)),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        work, memory, rows = state.work, state.memory, state.weighting
        for c in range(channels):
            for i in range(frames):
                work[c, i] = audio[c, i]
        run_pair(work, frames, rows[0], memory[0], rows[1], memory[1])
        done = 0
        while done < frames:
            count = min(frames - done, state.slice - state.counts[FRAME])
            measure(audio, done, done + count, state)
            done += count
            state.counts[FRAME] += count
            if state.counts[FRAME] == state.slice:
                show(channels, state)


@kernel
def measure(audio: Any, first: int, last: int, state: Any) -> None:
    """Add the frames from ``first`` to ``last`` to the slice of time under way."""
    work, peak = state.work, state.peak[0]
    plain, weighted = state.sums[PLAIN], state.sums[WEIGHTED]
    if audio.shape[0] == 1:
        for i in range(first, last):
            x, y = float(audio[0, i]), float(work[0, i])
            plain += x * x
            weighted += y * y
            peak = max(peak, abs(audio[0, i]))
    else:
        for i in range(first, last):
            x, z = float(audio[0, i]), float(audio[1, i])
            y, w = float(work[0, i]), float(work[1, i])
            plain += x * x + z * z
            weighted += y * y + w * w
            peak = max(peak, max(abs(audio[0, i]), abs(audio[1, i])))
    state.sums[PLAIN], state.sums[WEIGHTED] = plain, weighted
    state.peak[0] = peak


@kernel
def show(channels: int, state: Any) -> None:
    """Close a slice: keep its powers and write what the screen shows."""
    counts, powers = state.counts, state.powers
    now = counts[SLICE]
    for kind in range(2):
        powers[kind, now] = state.sums[kind] / state.slice
        state.sums[kind] = 0.0
    counts[SLICE] = now + 1 if now + 1 < LOUDNESS_SLICES else 0
    counts[FRAME] = 0
    plain, weighted = 0.0, 0.0
    for n in range(LOUDNESS_SLICES):
        weighted += powers[WEIGHTED, n]
    for n in range(RMS_SLICES):
        k = now - n
        plain += powers[PLAIN, k if k >= 0 else k + LOUDNESS_SLICES]
    state.readout[0] = decibels(state.peak[0] * state.peak[0])
    state.readout[1] = decibels(plain / (RMS_SLICES * channels))
    state.readout[2] = decibels(weighted / LOUDNESS_SLICES) - 0.691
    state.peak[0] *= np.float32(state.fall)


@kernel
def decibels(power: float) -> float:
    """A power in decibels, at least -120."""
    return max(FLOOR_DB, 10.0 * math.log10(power + 1e-30))
