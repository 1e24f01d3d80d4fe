"""C4, is not stuck: the share of a sound that goes round in a loop, or stands still.

stuck   The larger of two shares of its frames.
        The same: for some lag L of 0.1 to 3 s the mel bands of the next L seconds are those L and
        2 L later, or for a short lag n L and 0.75 s later: mean absolute difference under 1.5 dB,
        over the bands that sound. That is three times the same, or 1.5 s that stand still; a note
        that dies away does not.
        Alike: for some lag L of 0.2 to 3 s the fingerprints (``copying.py``) of the next second
        and L at least are like those L and 2 L later: correlation over 0.6. That is a figure
        three times over, not to the letter: a network that is caught, with dropout on.
        Where the source itself goes round, the limits are tightened until at most 1/20 of it is
        the same (down to 0.4 dB) and a quarter alike (up to 0.9); what still is, is not counted
        against the sound: (share - source's) / (1 - source's).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.sampler.score.features import HOP_S, Heard

Array = NDArray[Any]

SHORTEST_S, LONGEST_S, STILL_S, FAR_S = 0.1, 3.0, 1.5, 0.75
SAME_DB = (1.5, 1.25, 1.0, 0.8, 0.65, 0.5, 0.4)
RANGE_DB = 50.0
LEAST_BANDS = 4
OF_SOURCE = 0.05
FIGURE_S, SHORTEST_FIGURE_S = 1.0, 0.2
ALIKE = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
ALIKE_OF_SOURCE = 0.25
SHORT_S, ALIKE_IF_SHORT = 10.0, 0.8
"""A short source does not show how its figures come again, so less is held against a sound."""


@dataclass(frozen=True)
class Bounds:
    """Limits for the sounds of a source, and its own shares at those."""

    same_db: float
    same: float
    alike: float
    figures: float


def bounds_of(heard: Heard, prints: Array) -> Bounds:
    """Measure a source; ``prints`` are its fingerprints."""
    same, alike = list(_apart_at_lags(heard)), list(_alike_at_lags(prints))
    for same_db in SAME_DB:
        own = _share(len(prints), [(whole, apart < same_db) for whole, apart in same])
        if own <= OF_SOURCE:
            break
    short = len(prints) * HOP_S < SHORT_S
    for likeness in (like for like in ALIKE if like >= (ALIKE_IF_SHORT if short else 0.0)):
        figures = _share(len(prints), [(whole, like > likeness) for whole, like in alike])
        if figures <= ALIKE_OF_SOURCE:
            break
    return Bounds(same_db, own, likeness, figures)


def stuck(heard: Heard, prints: Array, bounds: Bounds) -> float:
    """The share that is in a loop, beyond what the source is; 0 to 1."""
    same = [(size, apart < bounds.same_db) for size, apart in _apart_at_lags(heard)]
    alike = [(size, like > bounds.alike) for size, like in _alike_at_lags(prints)]
    shares = (
        (_share(len(prints), same), bounds.same),
        (_share(len(prints), alike), bounds.figures),
    )
    return max(max(0.0, share - own) / max(1.0 - own, 1e-9) for share, own in shares)


def _apart_at_lags(heard: Heard) -> Iterator[tuple[int, Array]]:
    """For each lag how far the mel bands are from themselves, dB, the further of two."""
    lowest = heard.mel_db.max() - RANGE_DB
    mel = np.maximum(heard.mel_db, lowest).astype(np.float32)
    sounding = (mel > lowest).astype(np.float32)
    still = round(STILL_S / HOP_S)
    for lag in _lags(SHORTEST_S):
        far = lag * max(2, round(FAR_S / HOP_S / lag))
        span = max(lag, still - far)
        if len(mel) < span + far:
            continue
        near = _apart(mel, sounding, lag)[: len(mel) - far]
        total = _running(np.maximum(near, _apart(mel, sounding, far)))
        yield span + far, (total[span:] - total[:-span]) / span


def _alike_at_lags(prints: Array) -> Iterator[tuple[int, Array]]:
    """For each lag how like the fingerprints are to themselves, the less of two correlations."""
    energy = _running(np.square(prints).sum(1))
    for lag in _lags(SHORTEST_FIGURE_S):
        span = max(lag, round(FIGURE_S / HOP_S))
        count = len(prints) - 2 * lag - span + 1
        if count < 1:
            break
        like = [_correlations(prints, energy, by, span)[:count] for by in (lag, 2 * lag)]
        yield span + 2 * lag, np.minimum(*like)


def _correlations(prints: Array, energy: Array, lag: int, span: int) -> Array:
    """Of each span of frames with the one ``lag`` later."""
    product = _running((prints[lag:] * prints[:-lag]).sum(1))
    own = energy[span:] - energy[:-span]
    both = own[:-lag] * own[lag:]
    return np.asarray((product[span:] - product[:-span]) / np.sqrt(both + 1e-6))


def _share(frames: int, found: list[tuple[int, Array]]) -> float:
    """Of the frames, those that some loop covers."""
    edges = np.zeros(frames + 1)
    for whole, holds in found:
        starts = np.flatnonzero(holds)
        np.add.at(edges, starts, 1)
        np.add.at(edges, starts + whole, -1)
    return float((np.cumsum(edges)[:frames] > 0).mean())


def _apart(mel: Array, sounding: Array, lag: int) -> Array:
    """Mean absolute difference to what comes ``lag`` frames later, dB, (T - lag,)."""
    bands = np.maximum(sounding[lag:], sounding[:-lag]).sum(1)
    return np.asarray(np.abs(mel[lag:] - mel[:-lag]).sum(1) / np.maximum(bands, LEAST_BANDS))


def _lags(shortest_s: float) -> range:
    return range(round(shortest_s / HOP_S), round(LONGEST_S / HOP_S) + 1)


def _running(values: Array) -> Array:
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])


__all__ = ["Bounds", "bounds_of", "stuck"]
