"""Chromatic tuner."""

import math
from typing import Any

import numpy as np

from engine.dsp.filters import COEFFICIENTS, run_pair, set_lowpass
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, Toggle, along
from engine.plugin import Plugin, Setup, State, zeros

LOWEST_HZ, HIGHEST_HZ = 29.0, 1400.0
SLOW_RATE = 12_000  # what the pitch is looked for in
LOWPASS_HZ = 1500.0  # 66 dB down where it would fold onto 1.5 kHz
BLOCKER_HZ = 8.0
WINDOW_HZ = 15.0  # the window is two periods of 30 Hz
GROUP = 4  # samples correlated in one step
SCAN = 32  # lags examined in one step
PEAKS = 64
NEAR_BEST = 0.93  # the first peak this near to the best is the period, not a multiple
CLEAR = 0.85
FAINT = 1e-7  # -70 dB of power
PATIENCE = 3  # readings without a pitch before the screen goes blank
PHASE, WRITTEN, STEP, FOUND, LOBE, MISSES = range(6)
BLOCK_IN, BLOCK_OUT, ENERGY, MOVING, POWER = range(5)


class Tuner(Plugin):
    """Show which note sounds and how far off it is; the sound passes untouched, or muted.

    Method: McLeod and Wyvill, A Smarter Way to Find Pitch, ICMC 2005, on the signal at about
    12 kHz below 1.5 kHz, the period then refined at its later multiples. A reading takes 37
    ms and every chunk does an equal share of it: four samples of the window are correlated at
    all lags, or 32 lags are searched for peaks. ``note`` is the MIDI number; ``hz`` is 0 while
    there is no clear pitch.
    """

    a4_hz = Param(440.0, 432.0, 448.0, "Hz", smooth_ms=0.0, help="What A above middle C is")
    mute = Toggle(smooth_ms=10.0, help="Tune in silence")
    readouts = ("hz", "cents", "note", "clarity")

    def prepare(self, setup: Setup) -> State:
        every = max(1, round(setup.sample_rate / SLOW_RATE))
        rate = setup.sample_rate / every
        lags = math.ceil(rate / LOWEST_HZ) + 2
        window = math.ceil(rate / WINDOW_HZ / GROUP) * GROUP
        rows = np.zeros((2, COEFFICIENTS))
        for row, q in zip(rows, (0.5411961, 1.3065630), strict=True):  # Butterworth, order 4
            set_lowpass(row, LOWPASS_HZ, q, setup.sample_rate)
        return {
            "every": every,
            "rate": rate,
            "window": window,
            "scans": math.ceil(lags / SCAN),
            "blocker": math.exp(-2.0 * math.pi * BLOCKER_HZ / rate),
            "rows": rows,
            "memory": np.zeros((2, 1, 2)),
            "work": zeros(1, CELL),
            "counts": np.zeros(6, np.int64),
            "numbers": np.zeros(5),
            "ring": zeros(1 << (window + lags).bit_length()),
            "frame": zeros(window + lags),
            "likeness": zeros(lags),
            "peaks": np.zeros(PEAKS, np.int64),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        work = state.work
        for i in range(frames):
            work[0, i] = audio[0, i]
        if channels == 2:
            for i in range(frames):
                work[0, i] = np.float32(0.5) * (audio[0, i] + audio[1, i])
        run_pair(work, frames, state.rows[0], state.memory[0], state.rows[1], state.memory[1])
        counts = state.counts
        for i in range(frames):
            counts[PHASE] += 1
            if counts[PHASE] == state.every:
                counts[PHASE] = 0
                listen(work[0, i], float(knobs.a4_hz.start), state)
        if knobs.mute.start != 0.0 or knobs.mute.step != 0.0:
            for i in range(frames):
                gain = np.float32(1.0) - along(knobs.mute, i)
                for c in range(channels):
                    audio[c, i] *= gain


@kernel
def listen(x: float, a4_hz: float, state: Any) -> None:
    """Take one slow sample, without its direct current, and work a step at every second one."""
    counts, numbers, ring = state.counts, state.numbers, state.ring
    y = x - numbers[BLOCK_IN] + state.blocker * numbers[BLOCK_OUT]
    numbers[BLOCK_IN], numbers[BLOCK_OUT] = x, y
    ring[counts[WRITTEN] & (ring.shape[0] - 1)] = y
    counts[WRITTEN] += 1
    if counts[WRITTEN] & 1:
        return
    step = counts[STEP]
    groups = state.window // GROUP
    if step == 0:
        begin(state)
    elif step <= groups:
        correlate((step - 1) * GROUP, state)
    elif step <= groups + state.scans:
        scan((step - groups - 1) * SCAN, state)
    else:
        conclude(a4_hz, state)
        counts[STEP] = 0
        return
    counts[STEP] = step + 1


@kernel
def begin(state: Any) -> None:
    """Copy the latest samples and clear the sums."""
    counts, ring, frame, likeness = state.counts, state.ring, state.frame, state.likeness
    first = counts[WRITTEN] - frame.shape[0]
    for i in range(frame.shape[0]):
        frame[i] = ring[(first + i) & (ring.shape[0] - 1)]
    for lag in range(likeness.shape[0]):
        likeness[lag] = np.float32(0.0)
    state.numbers[ENERGY] = 0.0
    counts[FOUND], counts[LOBE] = 0, -1


@kernel
def correlate(first: int, state: Any) -> None:
    """Add four products to the autocorrelation at every lag."""
    frame, likeness = state.frame, state.likeness
    a, b, c, d = frame[first], frame[first + 1], frame[first + 2], frame[first + 3]
    later = frame[first:]
    for lag in range(likeness.shape[0]):
        likeness[lag] += (a * later[lag] + b * later[lag + 1]) + (
            c * later[lag + 2] + d * later[lag + 3]
        )
    state.numbers[ENERGY] += float(a) * a + float(b) * b + float(c) * c + float(d) * d


@kernel
def scan(first: int, state: Any) -> None:
    """Normalise some lags to -1 .. 1 and note the highest of every positive lobe.

    The lobe at lag 0 does not count. ``counts[LOBE]`` is its highest lag, -1 in the first
    lobe and -2 between lobes.
    """
    counts, numbers, frame, likeness = state.counts, state.numbers, state.frame, state.likeness
    if first == 0:
        numbers[MOVING] = numbers[ENERGY]
        numbers[POWER] = numbers[ENERGY] / state.window
    moving, lobe = numbers[MOVING], counts[LOBE]
    last = min(first + SCAN, likeness.shape[0])
    for lag in range(first, last):
        value = np.float32(2.0 * likeness[lag] / (numbers[ENERGY] + moving + 1e-20))
        likeness[lag] = value
        old, new = float(frame[lag]), float(frame[state.window + lag])
        moving += new * new - old * old
        if value <= 0.0:
            if lobe >= 0 and counts[FOUND] < PEAKS:
                state.peaks[counts[FOUND]] = lobe
                counts[FOUND] += 1
            lobe = -2
        elif lobe == -2 or (lobe >= 0 and value > likeness[lobe]):
            lobe = lag
    if last == likeness.shape[0] and 0 <= lobe < last - 1 and counts[FOUND] < PEAKS:
        state.peaks[counts[FOUND]] = lobe
        counts[FOUND] += 1
    numbers[MOVING], counts[LOBE] = moving, lobe


@kernel
def summit(likeness: Any, lag: int) -> tuple[float, float]:
    """Where, from ``lag`` on, the parabola through three points is highest, and how high."""
    a, b, c = float(likeness[lag - 1]), float(likeness[lag]), float(likeness[lag + 1])
    bend = 2.0 * b - a - c
    if bend <= 0.0:
        return 0.0, b
    shift = 0.5 * (c - a) / bend
    return shift, b + 0.25 * (c - a) * shift


@kernel
def conclude(a4_hz: float, state: Any) -> None:
    """Choose the period, refine it at its multiples and write what the screen shows."""
    counts, likeness, peaks = state.counts, state.likeness, state.peaks
    best = 0.0
    for n in range(counts[FOUND]):
        best = max(best, summit(likeness, peaks[n])[1])
    period, clarity = 0.0, 0.0
    for n in range(counts[FOUND]):
        shift, height = summit(likeness, peaks[n])
        if height >= NEAR_BEST * best:
            period, clarity = peaks[n] + shift, height
            break
    readout = state.readout
    faint = state.numbers[POWER] < FAINT
    if faint or clarity < CLEAR or period * HIGHEST_HZ < state.rate:
        counts[MISSES] += 1
        if counts[MISSES] >= PATIENCE or faint:
            readout[0], readout[1], readout[2], readout[3] = 0.0, 0.0, 0.0, 0.0
        return
    counts[MISSES] = 0
    hz = state.rate / refine(likeness, period, clarity)
    semitones = 69.0 + 12.0 * math.log2(hz / a4_hz)
    note = math.floor(semitones + 0.5)
    readout[0], readout[1] = hz, 100.0 * (semitones - note)
    readout[2], readout[3] = note, min(1.0, clarity)


@kernel
def refine(likeness: Any, period: float, clarity: float) -> float:
    """The period from the farthest of its multiples that is still clear: k times as exact."""
    times, highest = 1, likeness.shape[0] - 2
    while True:
        further = min(2 * times, int(highest / period))
        if further <= times:
            return period
        lag = int(further * period + 0.5)
        if lag < highest and likeness[lag + 1] > likeness[lag]:
            lag += 1
        elif likeness[lag - 1] > likeness[lag]:
            lag -= 1
        lag = min(lag, highest)
        shift, height = summit(likeness, lag)
        if abs(shift) > 1.0 or height < 0.95 * clarity:
            return period
        times, period = further, (lag + shift) / further
