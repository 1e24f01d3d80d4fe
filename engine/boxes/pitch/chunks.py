"""A phase vocoder's work on one chunk, cut in units that are dealt out over the analysis hop.

The phase of a bin moves on by its instantaneous frequency times the synthesis hop (Flanagan and
Golden, Phase vocoder, 1966). Neighbouring bins that drift the same way, and more than the bin
above did, take part of its advance, so that the bins of one partial stay together: a looser
form of the locking of Laroche and Dolson, Improved phase vocoder time-scale modification of
audio, 1999. ``locks`` says over how many bins that may spread, none at low frequencies.

With ``spread`` 0 their rigid locking is done instead: all bins around a peak turn with it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.boxes.pitch import places as at
from engine.boxes.pitch.onsets import pace
from engine.dsp.fft import irfft, rfft
from engine.kernel import kernel

UNITS = 7
TURN = 2.0 * math.pi
OVERLAP = 0.75
"""A chunk is windowed twice and divided by its window times this: 3/8 of a square over 1/2."""


@kernel
def tick(state: Any) -> None:
    """Do what is due; called for every sample the stretcher is given."""
    counts = state.counts
    beyond = counts[at.HEARD] - counts[at.START] - state.window
    while beyond >= counts[at.UNIT] * state.hop // UNITS:
        run_unit(counts[at.UNIT], state)
        counts[at.UNIT] += 1
        if counts[at.UNIT] == UNITS:
            counts[at.UNIT] = 0
            counts[at.START] += state.hop
            beyond -= state.hop


@kernel
def run_unit(unit: int, state: Any) -> None:
    """Do one of UNITS parts of the work on a chunk."""
    s = state
    half = s.window // 2
    if unit == 0:
        cut(s)
        rfft(s.folded, s.spectrum, s.fft_steps, s.fft_twiddle, s.fft_turn, s.fft_work)
    elif unit == 1:
        to_polar(s, 0, half // 2)
    elif unit == 2:
        to_polar(s, half // 2, half + 1)
    elif unit == 3:
        pace(s)
        advance(s)
    elif unit == 4:
        from_polar(s, 0, half // 2)
    elif unit == 5:
        from_polar(s, half // 2, half + 1)
    else:
        if s.counts[at.RESET] == 0:
            irfft(s.spectrum, s.folded, s.fft_steps, s.fft_twiddle, s.fft_turn, s.fft_work)
        lay(s)


@kernel
def cut(state: Any) -> None:
    """Window the chunk and fold it, its middle first, so that phases are those of the middle."""
    window, heard, shape = state.window, state.heard_ring, state.shape
    mask, start, half = heard.shape[0] - 1, state.counts[at.START], window // 2
    for i in range(window):
        state.folded[(i + half) & (window - 1)] = np.float32(heard[(start + i) & mask] * shape[i])


@kernel
def to_polar(state: Any, first: int, last: int) -> None:
    """Magnitudes and phases of bins ``first`` to before ``last``."""
    real, imag = state.spectrum[0], state.spectrum[1]
    for k in range(first, last):
        state.magnitude[k] = math.sqrt(real[k] * real[k] + imag[k] * imag[k])
        state.phase[k] = math.atan2(imag[k], real[k])


@kernel
def from_polar(state: Any, first: int, last: int) -> None:
    """The spectrum with its new phases."""
    if state.counts[at.RESET] == 1:
        return
    for k in range(first, last):
        state.spectrum[0, k] = state.magnitude[k] * math.cos(state.moved[k])
        state.spectrum[1, k] = state.magnitude[k] * math.sin(state.moved[k])


@kernel
def advance(state: Any) -> None:
    """New phases, from the highest bin down; the phases there are where they restart."""
    counts, hop = state.counts, state.hop
    last = counts[at.LAST_SHIFT] if counts[at.LAST_SHIFT] > 0 else counts[at.SHIFT]
    counts[at.LAST_SHIFT] = counts[at.SHIFT]
    if counts[at.RESET] == 1:
        for k in range(state.phase.shape[0]):
            state.drift[k] = 0.0
            state.earlier[k] = state.phase[k]
            state.moved[k] = state.phase[k]
        return
    if state.spread == 0.0:
        advance_locked(last, state)
        return
    top, spread = state.phase.shape[0] - 1, state.spread
    distance, above, above_grew = 0.0, 0.0, False
    for k in range(top, -1, -1):
        phase = state.phase[k]
        expected = TURN * hop * k / state.window
        drift = wrapped(phase - state.earlier[k] - expected)
        grown, grew = abs(drift - state.drift[k]), drift > state.drift[k]
        step = last * ((expected + drift) / hop)
        may = k < top and distance < min(spread, lock(k, state.locks))
        if may and grown > above and grew == above_grew:
            handed = state.moved[k + 1] - state.earlier[k + 1]
            moved = phase + (step * distance + handed * (spread - distance)) / spread
            distance += 1.0
        else:
            moved = state.moved[k] + step
            distance = 0.0
        above, above_grew = grown, grew
        state.drift[k] = drift
        state.earlier[k] = phase
        state.moved[k] = moved


@kernel
def advance_locked(last: int, state: Any) -> None:
    """New phases where each peak moves on and the bins around it, half way to the next, turn too.

    Laroche and Dolson 1999, section III, identity phase locking; ``last`` is the synthesis hop.
    """
    phase, bins, hop = state.phase, state.phase.shape[0], state.hop
    first, peak = 0, next_peak(0, state.magnitude)
    while first < bins:
        following = next_peak(peak + 1, state.magnitude)
        end = bins if following >= bins else (peak + following + 1) // 2
        at_peak = min(peak, bins - 1)
        expected = TURN * hop * at_peak / state.window
        drift = wrapped(phase[at_peak] - state.earlier[at_peak] - expected)
        turn = state.moved[at_peak] + last * (expected + drift) / hop - phase[at_peak]
        for k in range(first, end):
            state.moved[k] = phase[k] + turn
        first, peak = end, following
    for k in range(bins):
        state.earlier[k] = phase[k]


@kernel
def next_peak(first: int, magnitude: Any) -> int:
    """The first bin from ``first`` on that is above its two neighbours to either side."""
    bins: int = magnitude.shape[0]
    for k in range(max(first, 2), bins - 2):
        m = magnitude[k]
        left = m > magnitude[k - 1] and m > magnitude[k - 2]
        if left and m >= magnitude[k + 1] and m >= magnitude[k + 2]:
            return k
    return bins


@kernel
def lock(k: int, locks: Any) -> float:
    """Over how many bins an advance may be handed down to bin ``k``."""
    if k <= locks[0]:
        return 0.0
    if k <= locks[1]:
        return 1.0
    return 3.0 if k <= locks[2] else math.inf


@kernel
def wrapped(angle: float) -> float:
    """``angle`` between -pi and pi."""
    return angle - TURN * math.floor((angle + math.pi) / TURN)


@kernel
def lay(state: Any) -> None:
    """Add the chunk to what is being made, and give out what no later chunk will reach."""
    window, shape, counts = state.window, state.shape, state.counts
    total, weight, out = state.total, state.weight, state.stretched
    mask, out_mask, half = total.shape[0] - 1, out.shape[0] - 1, window // 2
    place = counts[at.WRITTEN]
    for i in range(window):
        n = (place + i) & mask
        total[n] += state.folded[(i + half) & (window - 1)] * shape[i]
        weight[n] += OVERLAP * shape[i]
    for i in range(counts[at.SHIFT]):
        n = (place + i) & mask
        out[(place + i) & out_mask] = total[n] / weight[n] if weight[n] > 0.0 else 0.0
        total[n] = 0.0
        weight[n] = 0.0
    counts[at.WRITTEN] = place + counts[at.SHIFT]
