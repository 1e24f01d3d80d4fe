"""Where sound breaks: what linear prediction cannot foresee, against what is beside it.

A click, a hard cut and a seam between two vectors are short bursts of the prediction residual
(Vaseghi, Advanced Digital Signal Processing and Noise Reduction, chapter 13; Godsill and Rayner,
Digital Audio Restoration, chapter 5). An attack is one as well, but after it the residual stays
up. So a burst is measured against the louder of its two sides, which also makes loud dense
sound and quiet sound alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ORDER = 32
FRAME_S = 0.046
BURST = 4  # samples; one sample misses soft seams, 16 lose clicks in dense sound
GUARD_S, SIDE_S = 0.0005, 0.004
APART_S = 0.005
"""Bursts nearer than this are one."""
LEAST, MOST = 4.0, 16.0
STEPS = 30
RARE_PER_S = 0.2
BLOCK = 1024  # frames at once


def burstiness(sound: Array, rate: int) -> Array:
    """How much the residual at each sample stands out, (n,): about 1 in steady sound.

    The square root of: mean square of the residual over 4 samples / the larger of its means over
    4 ms before and behind, half a millisecond away.
    """
    energy = np.square(residual(sound, rate))
    guard, side = round(GUARD_S * rate) + BURST, round(SIDE_S * rate)
    total = np.concatenate([[0.0], np.cumsum(energy)])
    at = np.arange(len(sound))

    def mean(first: Array, last: Array) -> Array:
        first, last = np.clip(first, 0, len(sound)), np.clip(last, 0, len(sound))
        return np.asarray((total[last] - total[first]) / np.maximum(last - first, 1))

    burst = mean(at - BURST // 2, at - BURST // 2 + BURST)
    beside = np.maximum(mean(at - guard - side, at - guard), mean(at + guard, at + guard + side))
    return np.sqrt(np.maximum(burst, 0.0) / np.maximum(beside, 1e-10))


def residual(sound: Array, rate: int) -> Array:
    """The error of linear prediction of order 32, fitted anew every 23 ms to 46 ms around.

    ``sound`` (n,) has an RMS of about 1. The autocorrelation method (Makhoul 1975) with a Hann
    window; the noise added to its diagonal is at -90 dB, or digital silence would have no answer.
    """
    import scipy.linalg

    size = int(2 ** round(np.log2(FRAME_S * rate)))
    hop = size // 2
    padded = np.pad(sound, (size, 2 * size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[size - hop // 2 :: hop]
    out = np.zeros(len(sound))
    for k in range(-(-len(sound) // hop)):
        if k % BLOCK == 0:
            lags = _autocorrelations(frames[k : k + BLOCK])
        taps = scipy.linalg.solve_toeplitz(lags[k % BLOCK, :-1], lags[k % BLOCK, 1:])
        first, last = k * hop, min((k + 1) * hop, len(sound))
        piece = padded[size + first - ORDER : size + last]
        out[first:last] = np.convolve(piece, np.concatenate([[1.0], -taps]), "valid")
    return out


def _autocorrelations(frames: Array) -> Array:
    """(T, 33) of frames (T, size)."""
    import scipy.fft

    size = frames.shape[1]
    power = np.abs(scipy.fft.rfft(frames * np.hanning(size), 2 * size)) ** 2
    lags = scipy.fft.irfft(power)[:, : ORDER + 1]
    lags[:, 0] = lags[:, 0] * (1 + 1e-9) + 1e-9 * size
    return np.asarray(lags)


def bursts(outstanding: Array, rate: int, threshold: float) -> Array:
    """Where ``burstiness`` rises over a threshold, in samples; those within 5 ms are one."""
    at = np.flatnonzero(outstanding > threshold)
    if not len(at):
        return at
    apart = np.concatenate([[True], np.diff(at) > APART_S * rate])
    return np.asarray(at[apart])


def threshold_of(outstanding: Array, rate: int) -> float:
    """The lowest threshold, 4 to 16, over which the source has a burst in five seconds at most."""
    seconds = len(outstanding) / rate
    for threshold in np.geomspace(LEAST, MOST, STEPS):
        if len(bursts(outstanding, rate, threshold)) <= max(RARE_PER_S * seconds, 1.0):
            return float(threshold)
    return MOST


__all__ = ["burstiness", "bursts", "residual", "threshold_of"]
