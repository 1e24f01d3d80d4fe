"""Magnitude spectra as a sampler learns and makes them, and logarithms of them.

A frame is ``window_size`` samples times Blackman's window, with ``zero_padding`` followed by as
many zeros, as magnitudes of the lower half of its Fourier transform, 0 Hz and up; as in the
dissertation the last, at half the rate, is left out. They are scaled so that a sine of amplitude
A that lies on a bin shows there as A, which is what the vocoder's oscillators take.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.sampler.errors import SamplerError

Array = npt.NDArray[np.float32]
FLOOR = 1e-4
"""Added before a logarithm: -80 dB of full scale is as good as nothing."""


def bins_of(window_size: int, zero_padding: bool) -> int:
    """Numbers in a frame."""
    return points_of(window_size, zero_padding) // 2


def points_of(window_size: int, zero_padding: bool) -> int:
    """Points of the transform: a power of two, so shorter windows are padded up to one.

    Raises SamplerError where no such transform is made: outside 64 to 8192 points.
    """
    points = 1 << (window_size - 1).bit_length() << bool(zero_padding)
    if not 128 <= points <= 8192:
        padded = " with zero_padding" if zero_padding else ""
        raise SamplerError(
            f"window_size = {window_size}{padded} needs {points} points; 128 to 8192 can be made"
        )
    return points


def window_of(window_size: int) -> npt.NDArray[np.float64]:
    """Blackman's window, scaled so that a sine's peak is its amplitude."""
    window = np.blackman(window_size)
    return window * (2.0 / window.sum())


def magnitudes(sound: npt.ArrayLike, window_size: int, hop_size: int, zero_padding: bool) -> Array:
    """Frames (count, bins) of ``sound`` (n,): one every ``hop_size`` samples, whole ones only."""
    samples = np.asarray(sound, np.float64)
    points = points_of(window_size, zero_padding)
    count = max(0, (len(samples) - window_size) // hop_size + 1)
    made = np.empty((count, points // 2), np.float32)
    window = window_of(window_size)
    for k in range(count):
        part = samples[k * hop_size : k * hop_size + window_size]
        made[k] = np.abs(np.fft.rfft(part * window, points))[:-1]
    return made


def to_log(frames: npt.ArrayLike) -> npt.NDArray[Any]:
    """What a model with ``log`` learns: ln(magnitude + FLOOR)."""
    return np.log(np.asarray(frames) + FLOOR)


def from_log(frames: npt.ArrayLike) -> npt.NDArray[Any]:
    """Magnitudes again; never below 0."""
    return np.maximum(np.exp(np.asarray(frames)) - FLOOR, 0.0)


__all__ = ["FLOOR", "bins_of", "from_log", "magnitudes", "points_of", "to_log", "window_of"]
