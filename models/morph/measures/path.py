"""How even, how straight and how well in tune the way from one sound to another is.

A path is the sounds of a morph at shares 0 to 1 in equal steps. Cross-fades are even in neither
timbre nor, when their ends differ, in pitch: that is what tells a morph from one.
Source of the criteria: Caetano and Rodet 2013 (correspondence, intermediateness, smoothness).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from engine.morph.errors import MorphError
from models.morph.measures.crossing import residual
from models.morph.measures.pitch import cents
from models.morph.measures.spectra import Array
from models.morph.measures.timbre import centroid_hz, mfcc, mfcc_distance

FEWEST = 3
STEPS = 9
"""Sounds of a path, both ends with them, as the published and measured figures have it."""
RANGE_DB = 120.0
"""Of the cepstrum that steps are taken in. With 80, what a cross-fade brings in at first, far
below the other sound, is not seen: its spread is 0.46 instead of 0.8 (dB interpolation: 0.13)."""
ALIKE = 0.02
"""Ends whose centroids differ by less than this share: there is no way between to be monotone."""


@dataclass(frozen=True)
class PathFigures:
    """What is measured of one path, or of many: their means, but the worst cents of all."""

    step_cv: float
    directness: float
    monotone: float  # nan, as the next, where the ends' centroids are alike
    line_error: float
    residual: float
    endpoint: float
    cents_median: float  # off the pitch that was asked for
    cents_worst: float
    drift_worst: float  # off a straight line between the recordings' own tunings


def judge_path(
    sounds: Sequence[Array], ends: tuple[Array, Array], rate: int, pitch: float
) -> PathFigures:
    """Every figure of the path ``sounds`` (each (n,)), meant to lead from one end to the other.

    ``ends`` are the recordings, ``pitch`` the MIDI note that was asked for at every step.
    """
    means = mean_cepstra(sounds, rate)
    centroids = np.array([centroid_hz(sound, rate) for sound in sounds])
    tuned = np.array([cents(sound, pitch, rate) for sound in sounds])
    first, last = (cents(end, pitch, rate) for end in ends)
    off, drift = np.abs(tuned), np.abs(tuned - np.linspace(first, last, len(sounds)))
    kept = (endpoint(ends[0], sounds[0], rate), endpoint(ends[1], sounds[-1], rate))
    return PathFigures(
        step_cv=step_cv(steps_of(means)),
        directness=directness(means),
        monotone=monotone(centroids),
        line_error=line_error(centroids),
        residual=residual(sounds[len(sounds) // 2], sounds[0], sounds[-1]),
        endpoint=sum(kept) / 2.0,
        cents_median=_of(np.median, off),
        cents_worst=_of(np.max, off),
        drift_worst=_of(np.max, drift),
    )


def together(figures: Sequence[PathFigures]) -> PathFigures:
    """The mean of each figure over many paths, without nan; the median and the worst of cents."""
    if not figures:
        raise MorphError("paths: there are none to take the mean of")
    made = {}
    for field in fields(PathFigures):
        values = np.array([getattr(each, field.name) for each in figures], np.float64)
        there = values[~np.isnan(values)]
        made[field.name] = _summed(field.name, there) if len(there) else float("nan")
    return PathFigures(**made)


def _summed(name: str, values: Array) -> float:
    if name.endswith("_worst"):
        return float(values.max())
    return float(np.median(values) if name == "cents_median" else values.mean())


def mean_cepstra(sounds: Sequence[Array], rate: int) -> Array:
    """The cepstrum of each sound, averaged over its frames: (sounds, 20), 120 dB deep."""
    return np.array([mfcc(sound, rate, RANGE_DB).mean(axis=0) for sound in sounds])


def steps_of(means: Array) -> Array:
    """How far it is from each of the mean cepstra (sounds, 20) to the next, (sounds - 1,)."""
    return np.asarray(np.linalg.norm(np.diff(means, axis=0), axis=1))


def step_cv(steps: Array) -> float:
    """The spread of the steps: their standard deviation over their mean. 0 is perfectly even.

    MorphError where nothing changes along the path.
    """
    if len(steps) < FEWEST - 1 or not steps.mean() > 0.0:
        raise MorphError(f"path: at least {FEWEST} sounds are needed that are not all the same")
    return float(steps.std() / steps.mean())


def directness(means: Array) -> float:
    """How straight the way is: the distance of the ends over the length of the path, 0 to 1."""
    length = float(steps_of(means).sum())
    return float(np.linalg.norm(means[-1] - means[0])) / length if length > 0.0 else float("nan")


def monotone(centroids: Array) -> float:
    """The share of the steps in which the centroid moves towards the other end, 0 to 1."""
    way = centroids[-1] - centroids[0]
    if _are_alike(centroids):
        return float("nan")
    return float(np.mean(np.diff(centroids) * np.sign(way) > 0.0))


def line_error(centroids: Array) -> float:
    """How far the centroid gets from a straight line between the ends, over their distance.

    max_i |c_i - (c_0 + i / n (c_n - c_0))| / |c_n - c_0|: Caetano and Rodet 2013's criterion that
    features of a morph vary linearly.
    """
    if _are_alike(centroids):
        return float("nan")
    line = np.linspace(centroids[0], centroids[-1], len(centroids))
    return float(np.max(np.abs(centroids - line)) / abs(centroids[-1] - centroids[0]))


def endpoint(recorded: Array, made: Array, rate: int) -> float:
    """How far an end of the path is from the sound it stands for, by ``mfcc_distance``."""
    return mfcc_distance(mfcc(recorded, rate), mfcc(made, rate))


def _are_alike(centroids: Array) -> bool:
    return bool(abs(centroids[-1] - centroids[0]) < ALIKE * max(centroids[-1], centroids[0]))


def _of(how: Callable[[Array], Any], values: Array) -> float:
    there = values[~np.isnan(values)]
    return float(how(there)) if len(there) else float("nan")


__all__ = [
    "RANGE_DB", "STEPS", "PathFigures", "directness", "endpoint", "judge_path", "line_error",
    "mean_cepstra", "monotone", "step_cv", "steps_of", "together",
]  # fmt: skip
