"""C2, resembles the source: timbre, pitch, spectrum and motion, without regard to order.

fad     Frechet distance of the sound's cepstra (13 of MFCC, rests left out) to the source's, both
        whitened by the source's covariance: |m|^2 + tr(A + B - 2 (A B)^1/2). After Heusel et al.
        2017, equation 6, and Kilgour et al. 2019; here on MFCC and divided by their number, so
        that 1 is one standard deviation in each. 5 % of the mean variance is added to the
        source's: a render has directions that hardly vary.
pitch   Jensen-Shannon divergence of the pitch-class histograms, bit; each frame weighs by the
        root of its power.
ltas    mean over the mel bands of the dB between the long-term average spectra, both at one
        loudness; bands 50 dB under the source's loudest and more are taken for that.
near    mean distance of a frame to the nearest of the source's, in whitened cepstra / the same of
        the source's frames to those more than half a second away.
move    mean absolute change of the mel bands in 40 ms, in dB / the source's.
tone    absolute difference of the spectral flatness: a hard limit against noise and bare tones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.sampler.score.features import HOP_S, Heard

Array = NDArray[Any]

SHRINK = 0.05
LTAS_RANGE_DB = 50.0
APART_S = 0.5
MOST_FRAMES = 3000
"""Frames of a source that are looked through for the nearest, evenly spread: a minute's worth."""
STEP = 2  # frames of 20 ms
LEAST_NEAR = 0.7
"""Of whitened cepstra: a source that is a loop is as near to itself as it gets, which is no bar."""


@dataclass(frozen=True)
class Likeness:
    """What the source is like: the whitening and whatever the sound is compared with."""

    mean: Array
    whitening: Array
    cepstra: Array
    """(T, 13) whitened, at most 3000 of them."""
    covariance: Array
    near: float
    pitch: Array
    ltas: Array
    move: float

    def __post_init__(self) -> None:
        from scipy.spatial import cKDTree

        object.__setattr__(self, "tree", cKDTree(self.cepstra))

    def whitened(self, cepstra: Array) -> Array:
        """(T, 13) as the source's axes have it."""
        return (cepstra - self.mean) @ self.whitening


def likeness(heard: Heard) -> Likeness:
    """Analyse a source."""
    cepstra = heard.cepstra[heard.active]
    mean, covariance = cepstra.mean(0), np.cov(cepstra.T)
    values, axes = np.linalg.eigh(covariance)
    whitening = axes / np.sqrt(np.maximum(values, 0) + SHRINK * max(values.mean(), 1e-6))
    every = max(1, -(-len(cepstra) // MOST_FRAMES))
    white = ((cepstra - mean) @ whitening)[::every]
    return Likeness(
        mean, whitening, white, np.atleast_2d(np.cov(white.T)), _own_nearest(white, every),
        pitch_histogram(heard), long_term(heard), motion(heard),
    )  # fmt: skip


def timbre(heard: Heard, source: Likeness) -> float:
    """``fad``."""
    white = source.whitened(heard.cepstra[heard.active])
    own = np.atleast_2d(np.cov(white.T))
    # tr (A B)^1/2 from the eigenvalues: A B is similar to a positive semidefinite matrix
    mixed = np.sqrt(np.maximum(np.linalg.eigvals(own @ source.covariance).real, 0.0)).sum()
    apart = white.mean(0) - source.cepstra.mean(0)
    spread = np.trace(own) + np.trace(source.covariance) - 2.0 * mixed
    return float(max(apart @ apart + spread, 0.0) / len(apart))


def pitch_apart(heard: Heard, source: Likeness) -> float:
    """``pitch``."""
    from scipy.spatial.distance import jensenshannon

    return float(jensenshannon(pitch_histogram(heard), source.pitch, 2.0) ** 2)


def spectrum_apart(heard: Heard, source: Likeness) -> float:
    """``ltas``."""
    lowest = source.ltas.max() - LTAS_RANGE_DB
    return float(
        np.abs(np.maximum(long_term(heard), lowest) - np.maximum(source.ltas, lowest)).mean()
    )


def nearest(heard: Heard, source: Likeness) -> float:
    """``near``."""
    distances, _ = source.tree.query(source.whitened(heard.cepstra[heard.active]))  # type: ignore[attr-defined]
    return float(np.mean(distances) / source.near)


def pitch_histogram(heard: Heard) -> Array:
    """(12,) that sum to 1."""
    chroma, level = heard.chroma[heard.active], heard.level[heard.active]
    histogram = np.sqrt(level) @ (chroma / (chroma.sum(1, keepdims=True) + 1e-20)) + 1e-12
    return np.asarray(histogram / histogram.sum())


def long_term(heard: Heard) -> Array:
    """(40,) dB, the mean power of each mel band."""
    return np.asarray(10 * np.log10(np.mean(10 ** (heard.mel_db[heard.active] / 10), axis=0)))


def motion(heard: Heard) -> float:
    """dB in 40 ms."""
    both = heard.active[STEP:] & heard.active[:-STEP]
    change = np.abs(heard.mel_db[STEP:] - heard.mel_db[:-STEP])
    return float(change[both].mean()) if both.any() else 0.0


def _own_nearest(white: Array, every: int) -> float:
    """The mean distance of frames to those of the same sound half a second away and more."""
    from scipy.spatial.distance import cdist

    some = np.arange(0, len(white), max(1, len(white) // 500))
    distances = cdist(white[some], white)
    beside = np.abs(some[:, None] - np.arange(len(white))) * every * HOP_S <= APART_S
    distances[beside] = np.inf
    least = distances.min(1)
    found = float(np.mean(least[np.isfinite(least)])) if np.isfinite(least).any() else 0.0
    return max(found, LEAST_NEAR)


__all__ = [
    "Likeness",
    "likeness",
    "motion",
    "nearest",
    "pitch_apart",
    "spectrum_apart",
    "timbre",
]
