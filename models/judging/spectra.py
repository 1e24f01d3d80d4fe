"""Short-time spectra and the mel scale, piece by piece so that an hour needs no more memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Array = NDArray[Any]

LOUDEST = 1e9  # what a model that runs away may reach; its square is finite still
ROWS = 512
"""Spectra made at a time: about 4 MB at the largest size, which stays in a processor's cache."""


def hann(length: int) -> Array:
    """A periodic Hann window (length,) float64."""
    return np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(length) / length))


def spectra(sound: Array, size: int, hop: int, length: int) -> Iterator[Array]:
    """Complex spectra of ``sound`` (frames,), some rows (up to 512, size // 2 + 1) at a time.

    In single precision, twice as fast: its noise is 140 dB below the loudest of a spectrum.

    The Hann window of ``length`` lies in the middle of ``size`` samples, the ends are mirrored
    by size // 2: as torch.stft does with ``center=True``. Needs more than size // 2 frames.
    """
    window = np.zeros(size, np.float32)
    first = (size - length) // 2
    window[first : first + length] = hann(length)
    padded = np.pad(np.clip(sound, -LOUDEST, LOUDEST).astype(np.float32), size // 2, mode="reflect")
    rows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    for at in range(0, len(rows), ROWS):
        yield np.asarray(scipy.fft.rfft(rows[at : at + ROWS] * window, axis=1))


def mel_of(hertz: Array | float) -> Array:
    """Slaney's mel scale: 66.67 Hz a step up to 1 kHz, then 27 steps to a factor of 6.4.

    Source: Slaney, Auditory Toolbox, 1998.
    """
    hertz = np.asarray(hertz, np.float64)
    above = 15.0 + 27.0 * np.log(np.maximum(hertz, 1000.0) / 1000.0) / np.log(6.4)
    return np.where(hertz < 1000.0, hertz * 0.015, above)


def hertz_of(mel: Array | float) -> Array:
    """The inverse of ``mel_of``."""
    mel = np.asarray(mel, np.float64)
    above = 1000.0 * 6.4 ** ((np.maximum(mel, 15.0) - 15.0) / 27.0)
    return np.where(mel < 15.0, mel / 0.015, above)


def mel_filters(sample_rate: int, size: int, bands: int) -> Array:
    """Triangles (bands, size // 2 + 1) of unit area, as far apart in mel from 0 to Nyquist."""
    edges = hertz_of(np.linspace(0.0, float(mel_of(sample_rate / 2.0)), bands + 2))
    bins = np.arange(size // 2 + 1) * sample_rate / size
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None])


__all__ = ["hann", "hertz_of", "mel_filters", "mel_of", "spectra"]
