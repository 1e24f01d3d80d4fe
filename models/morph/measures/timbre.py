"""What a sound is like, in few numbers: cepstrum over the mel scale, centroid."""

from __future__ import annotations

from functools import cache

import numpy as np

from engine.morph.errors import MorphError
from models.morph.measures.spectra import Array, magnitudes

COEFFICIENTS, BANDS = 20, 128
SIZE, HOP = 2048, 512
RANGE_DB = 80.0
"""librosa's default, and the floor under every model's spectra."""
LEAST_POWER = 1e-10


def mfcc(sound: Array, rate: int, range_db: float = RANGE_DB) -> Array:
    """Mel-frequency cepstrum (frames, 20) of a sound (n,): librosa.feature.mfcc, its defaults.

    The orthonormal DCT-II of 128 mel bands in dB, ``range_db`` at most below the loudest. The
    first is the level. Source: Davis and Mermelstein 1980; mel bands of Slaney 1998.
    """
    from scipy.fft import dct

    power = np.square(magnitudes(sound, SIZE, HOP)) @ _filters(rate).T
    in_db = 10.0 * np.log10(np.maximum(power, LEAST_POWER))
    in_db = np.maximum(in_db, in_db.max() - range_db)
    return np.asarray(dct(in_db, type=2, norm="ortho", axis=1)[:, :COEFFICIENTS])


def mfcc_distance(one: Array, other: Array) -> float:
    """Euclidean distance of two cepstra (frames, 20), frame by frame, averaged over the frames."""
    if one.shape != other.shape:
        raise MorphError(f"cepstra of {one.shape} and {other.shape} cannot be compared")
    return float(np.mean(np.linalg.norm(one - other, axis=1)))


def centroid_hz(sound: Array, rate: int) -> float:
    """Spectral centroid: the mean frequency of the sound's spectrum, weighted by magnitude.

    sum(f M) / sum(M), where M is each bin's magnitude summed over the frames. Source: Peeters et
    al. 2011, The Timbre Toolbox. MorphError for silence.
    """
    spectrum = magnitudes(sound, SIZE, HOP).sum(axis=0, dtype=np.float64)
    if spectrum.sum() <= 0.0:
        raise MorphError("centroid: the sound is silent")
    hertz = np.arange(len(spectrum)) * rate / SIZE
    return float(hertz @ spectrum / spectrum.sum())


@cache
def _filters(rate: int) -> Array:
    from models.judging.spectra import mel_filters

    return mel_filters(rate, SIZE, BANDS).astype(np.float32)


__all__ = ["COEFFICIENTS", "centroid_hz", "mfcc", "mfcc_distance"]
