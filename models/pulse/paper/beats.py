"""The quasi-periodic pulse: Ellis's dynamic programming, equations 1 to 4."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.pulse.paper.envelope import FRAMES_A_SECOND, Array

Frames = NDArray[np.int64]
TIGHTNESS = 100.0
FIRST = 0.01  # of the strongest: what the first beat has to reach
LAST = 0.5  # of the median score at peaks: what the last one has to


def beats(envelope: Array, tempo_bpm: float, tightness: float = TIGHTNESS) -> Frames:
    """The frames of the pulse in ``envelope`` (frames,); none where nothing sounds.

    Equation 1 is the sum that the pulse maximises: onset strength at its beats and, weighted
    by ``tightness``, how well each gap fits ``tempo_bpm`` (equation 2). Source: Ellis, Beat
    Tracking by Dynamic Programming, Journal of New Music Research 36(1), 2007.
    """
    if len(envelope) < 2 or not np.any(envelope != envelope[0]):
        return np.zeros(0, np.int64)
    period = max(1, round(60.0 * FRAMES_A_SECOND / tempo_bpm))
    strength = local_strength(envelope, period)
    score, before = best_scores(strength, period, tightness)
    return without_silence(trace(before, last_beat(score)), strength)


def local_strength(envelope: Array, period: int) -> Array:
    """``envelope`` in units of its deviation, smoothed by a Gaussian of a 32nd of the beat."""
    even = envelope / (envelope.std(ddof=1) + np.finfo(float).tiny)
    bell = np.exp(-0.5 * (np.arange(-period, period + 1) * 32.0 / period) ** 2)
    return np.asarray(np.convolve(even, bell)[period : period + len(even)])


def gap_costs(gaps: Array, period: int) -> Array:
    """Equation 2: F(gap, period) = -(log(gap / period)) ** 2."""
    return np.asarray(-((np.log(gaps) - np.log(period)) ** 2))


def best_scores(strength: Array, period: int, tightness: float) -> tuple[Array, Frames]:
    """Equations 3 and 4: the best score of a pulse that ends at each frame, and its beat before.

    The beat before lies half a period to two periods back; -1 where there is none.
    """
    count = len(strength)
    gaps = np.arange(round(period / 2), 2 * period + 1)  # Python and NumPy round halves alike
    gaps = gaps[gaps > 0]
    costs = tightness * gap_costs(gaps.astype(np.float64), period)
    score, before = strength.copy(), np.full(count, -1, np.int64)
    started, enough = False, FIRST * strength.max()
    for at in range(count):
        reached = gaps[gaps <= at] if at < gaps[-1] else gaps
        best = -1
        if len(reached):
            options = score[at - reached] + costs[: len(reached)]
            choice = int(np.argmax(options))
            score[at] = strength[at] + options[choice]
            best = at - int(reached[choice])
        started = started or strength[at] >= enough
        if started:
            before[at] = best
    return score, before


def last_beat(score: Array) -> int:
    """The last peak of ``score`` that is at least half as high as peaks usually are."""
    padded = np.pad(score, 1, mode="edge")
    peaks = np.flatnonzero((score > padded[:-2]) & (score >= padded[2:]))
    good = peaks[score[peaks] >= LAST * np.median(score[peaks])] if len(peaks) else peaks
    return int(good[-1]) if len(good) else len(score) - 1


def trace(before: Frames, last: int) -> Frames:
    """The beats that lead to ``last``, in order."""
    found, at = [], last
    while at >= 0:
        found.append(at)
        at = int(before[at])
    return np.array(found[::-1], np.int64)


def without_silence(found: Frames, strength: Array) -> Frames:
    """``found`` without beats before the first frame of any strength and after the last."""
    heard = np.flatnonzero(strength > 0.0)
    if len(heard) == 0:
        return found[:0]
    return np.asarray(found[(found >= heard[0]) & (found <= heard[-1])])


__all__ = ["TIGHTNESS", "Frames", "beats"]
