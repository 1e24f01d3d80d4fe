"""C1, free of artefacts: clicks, noise between the partials, seams, offset, clipping.

clicks  bursts per second of the prediction residual (``residual.py``), over a threshold that the
        source itself passes once in five seconds, less the source's rate.
floor   dB: how much the floor of the spectrum lies over the source's. In bands of 2/5 octave from
        100 Hz (those of six bins and more) and frames of 93 ms: the 15th percentile of the bins
        over the power of the frame; of that the lower quartile over time, as noise is always
        there and the smear of an attack is not; not under -70 dB; then the mean over bands of
        what is above the source.
flat    spectral flatness (geometric / arithmetic mean of the power, 60 Hz to 0.475 rate; median
        over frames) of the sound less that of the source.
seam    burstiness folded at a period of N samples: the median over the folds, the highest of it
        over all places in the period / the middle one. The worst N of 64, 128 ... 8192 and those
        told, at the sound's own rate; over the source's at the same N where that is above 1.
dc      mean / RMS.    clip   share of samples in runs of three or more at the same extreme.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.sampler.score.features import Heard
from models.sampler.score.residual import bursts

Array = NDArray[Any]

PERIODS = tuple(2**power for power in range(6, 14))
LEAST_FOLDS = 24
"""Fewer folds have no steady median: over 10 s, the longest period at 22,050 Hz has 26."""
SMEAR = 5  # samples, as a period is no whole number of samples at another rate
MOST_BURST = 20.0
FLOOR_DB = -70.0
FLOOR_TIME = 25  # percentile
CLIP_RUN, CLIP_AT = 3, 0.98


def click_rate(outstanding: Array, rate: int, threshold: float) -> float:
    """Bursts per second."""
    return len(bursts(outstanding, rate, threshold)) / (len(outstanding) / rate)


def noise_floor(heard: Heard) -> Array:
    """dB against the frame's power, a value a band; see the module."""
    quartile = np.percentile(heard.floor_db[heard.active], FLOOR_TIME, axis=0)
    return np.asarray(np.maximum(quartile, FLOOR_DB))


def flatness(heard: Heard) -> float:
    """0 for tones to 0.56 for white noise."""
    return float(np.median(heard.flatness[heard.active]))


def seam(outstanding: Array, period: float) -> float:
    """How much one place in the period stands out, 1 if none; 0 if the sound is too short."""
    from scipy.ndimage import maximum_filter1d

    length, folds = int(period), int(len(outstanding) / period)
    if folds < LEAST_FOLDS:
        return 0.0
    smeared = maximum_filter1d(np.minimum(outstanding, MOST_BURST), SMEAR)
    starts = np.minimum(np.arange(folds) * period, len(smeared) - length).astype(np.int64)
    folded = np.median(smeared[starts[:, None] + np.arange(length)], axis=0)
    return float(folded.max() / max(np.median(folded), 1e-3))


def offset(sound: Array) -> float:
    """The absolute mean over the RMS."""
    return float(abs(np.mean(sound)) / max(np.sqrt(np.mean(np.square(sound))), 1e-12))


def clipped(sound: Array) -> float:
    """Share of samples of a full-scale sound that are cut off; 0 if its peak is under 0.98.

    Cut off is a run of three samples and more at the very same extreme.
    """
    highest = 0.0
    for peak in (float(sound.max()), float(sound.min())):
        if abs(peak) < CLIP_AT:
            continue
        at = np.concatenate([[0], (np.abs(sound - peak) < 1e-6).astype(np.int8), [0]])
        edges = np.flatnonzero(np.diff(at))
        runs = edges[1::2] - edges[::2]
        highest += float(runs[runs >= CLIP_RUN].sum()) / len(sound)
    return highest


__all__ = ["PERIODS", "click_rate", "clipped", "flatness", "noise_floor", "offset", "seam"]
