"""How good announced beats are: mir_eval's measures, and how fast a beat is found and kept.

Everything but the time to lock is told of what comes after the first five seconds.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.pulse.judging.announced import Announced, Times

Flags = npt.NDArray[np.bool_]

FROM_SECONDS = 5.0
WINDOW_SECONDS = 0.07
RUN = 4
"""So many good beats in a row are a beat that was found."""
GOOD = 0.9


@dataclass(frozen=True)
class Score:
    """One excerpt. Times are seconds; ``inf`` where a beat was not found.

    ``lock`` is when the first of four good beats in a row fell, ``lock_switched`` the same with
    the best of half, same and double tempo. ``sure`` (n, 2) is confidence, and 1 for a beat that
    landed within 70 ms.
    """

    f: float
    f_emitted: float
    f_switched: float
    cmlt: float
    amlt: float
    lock: float
    lock_switched: float
    sure: Times


def score(beats: Times, said: Announced) -> Score:
    """Measure what a tracker said against ``beats`` (n,)."""
    variants = switched(said.beats)
    each = [f_measure(beats, beat) for beat in variants]
    cmlt, amlt = _continuity(beats, said.beats)
    return Score(
        f=f_measure(beats, said.beats),
        f_emitted=f_measure(beats, said.emitted),
        f_switched=max(each),
        cmlt=cmlt,
        amlt=amlt,
        lock=locked_at(beats, said.beats),
        lock_switched=min(locked_at(beats, beat) for beat in variants),
        sure=_sure(beats, said),
    )


def switched(beats: Times) -> list[Times]:
    """The beats, either half of them, and twice as many."""
    beats = np.sort(beats)
    middles = (beats[1:] + beats[:-1]) / 2
    return [beats, beats[::2], beats[1::2], np.sort(np.concatenate([beats, middles]))]


def f_measure(beats: Times, said: Times, start: float = FROM_SECONDS) -> float:
    """F within 70 ms, of what is after ``start``."""
    from mir_eval.beat import f_measure as measure

    reference, estimate = beats[beats >= start], _increasing(said[said >= start])
    if not len(reference) or not len(estimate):
        return 0.0
    return float(measure(reference, estimate, WINDOW_SECONDS))


def _continuity(beats: Times, said: Times) -> tuple[float, float]:
    from mir_eval.beat import continuity

    reference = beats[beats >= FROM_SECONDS]
    estimate = _increasing(said[said >= FROM_SECONDS])
    if len(reference) < 2 or len(estimate) < 2:
        return 0.0, 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of very few beats
        _, cmlt, _, amlt = continuity(reference, estimate)
    return float(cmlt), float(amlt)


def _increasing(said: Times) -> Times:
    return np.unique(said)


def good_beats(beats: Times, said: Times) -> tuple[Flags, Flags]:
    """Which ``beats`` were hit (n,), and after which nothing was said until the next (n - 1,)."""
    if not len(said):
        return np.zeros(len(beats), bool), np.zeros(max(0, len(beats) - 1), bool)
    said = np.sort(said)
    hit = nearest(beats, said) <= WINDOW_SECONDS
    window = np.minimum(WINDOW_SECONDS, np.diff(beats) / 2)
    first = np.searchsorted(said, beats[:-1] + window, "right")
    last = np.searchsorted(said, beats[1:] - window, "left")
    return hit, last <= first


def nearest(times: Times, others: Times) -> Times:
    """How far each of ``times`` (n,) is from the nearest of ``others``, sorted."""
    if not len(others):
        return np.full(len(times), math.inf)
    after = np.clip(np.searchsorted(others, times), 1, len(others) - 1) if len(others) > 1 else 0
    before = np.maximum(np.asarray(after) - 1, 0)
    near = np.minimum(np.abs(times - others[after]), np.abs(times - others[before]))
    return np.asarray(near, np.float64)


def locked_at(beats: Times, said: Times, start: float = 0.0) -> float:
    """When, from ``start`` on, the first of four good beats in a row falls; inf if never."""
    hit, clear = good_beats(beats, said)
    for k in range(int(np.searchsorted(beats, start)), len(beats) - RUN + 1):
        if hit[k : k + RUN].all() and clear[k : k + RUN - 1].all():
            return float(beats[k])
    return math.inf


def locked_before(beats: Times, said: Times, end: float) -> bool:
    """Whether the last four beats before ``end`` were good."""
    count = int(np.searchsorted(beats, end - 1e-6))
    hit, clear = good_beats(beats, said)
    return bool(
        count >= RUN and hit[count - RUN : count].all() and clear[count - RUN : count - 1].all()
    )


def relock(beats: Times, said: Times, at: float) -> float:
    """Seconds from ``at`` until four good beats in a row begin; inf if they never do."""
    return locked_at(beats, said, at) - at


def inside(beats: Times, said: Times, span: tuple[float, float]) -> float:
    """F of the beats of ``span``: what was said up to half a beat around them counts."""
    part = beats[(beats >= span[0] - 1e-6) & (beats < span[1] - 1e-6)]
    half = float(np.diff(part).mean()) / 2
    heard = said[(said >= part[0] - half) & (said < part[-1] + half)]
    return f_measure(part, heard, 0.0)


def _sure(beats: Times, said: Announced) -> Times:
    if said.confidence is None:
        return np.zeros((0, 2))
    late = said.beats >= FROM_SECONDS
    hit = nearest(said.beats[late], beats) <= WINDOW_SECONDS
    return np.column_stack([said.confidence[late], hit])


def auroc(sure: Times) -> float:
    """How often a beat that landed was announced with more confidence than one that did not.

    ``sure`` is (n, 2); nan if all landed, or none. Ties count half (Mann and Whitney 1947).
    """
    from scipy.stats import rankdata

    hit = sure[:, 1] > 0
    good, bad = int(hit.sum()), int((~hit).sum())
    if not good or not bad:
        return math.nan
    ranks = rankdata(sure[:, 0])
    return float((ranks[hit].sum() - good * (good + 1) / 2) / (good * bad))


__all__ = ["FROM_SECONDS", "GOOD", "RUN", "WINDOW_SECONDS", "Score", "auroc", "f_measure",
           "inside", "locked_at", "locked_before", "nearest", "relock", "score",
           "switched"]  # fmt: skip
