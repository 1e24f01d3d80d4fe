"""Spectrograms as the thesis learns them: dB under a note's own maximum, which is kept apart.

values, references = transform.values(sounds)           # (n, bins, frames) in 0..1, (n,)
sounds = transform.sounds(transform.magnitudes(values, references), phases, samples)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError
from models.morph.seed.mel import Mel

Array = npt.NDArray[np.float32]
Phases = npt.NDArray[np.complex64]

SILENT = 1e-7
"""A note whose largest magnitude is below this is silence; nothing is divided by less."""
LARGEST_N_FFT, LEAST_N_FFT = 8192, 64


@dataclass(frozen=True)
class Transform:
    """A short-time Fourier transform and its scale; the defaults are the thesis's.

    ``window`` is any of SciPy's names, ``n_fft`` samples long and periodic. Frames are centred:
    a sound has zeros before and behind it, and 1 + samples // hop frames. ``mels`` bands instead
    of bins where it is not 0. What lies ``top_db`` under a note's maximum is the floor.
    Raises MorphError for what cannot be made or not be undone.
    """

    rate: int = 16_000
    n_fft: int = 1024
    hop: int = 512
    window: str = "hann"
    mels: int = 0
    top_db: float = 80.0

    def __post_init__(self) -> None:
        size = self.n_fft
        if not LEAST_N_FFT <= size <= LARGEST_N_FFT or size & (size - 1):
            told = f"a power of two from {LEAST_N_FFT} to {LARGEST_N_FFT} is allowed"
            raise MorphError(f"n_fft = {size}: {told}")
        if not 1 <= self.hop <= size // 2:
            raise MorphError(f"hop = {self.hop}: 1 to {size // 2} is allowed, half of n_fft")
        if self.mels and not 8 <= self.mels <= size // 2:
            raise MorphError(f"mels = {self.mels}: 0 for none, or 8 to {size // 2} is allowed")
        if not 10.0 <= self.top_db <= 200.0:
            raise MorphError(f"top_db = {self.top_db:g}: 10 to 200 is allowed")
        if self.rate < 1000:
            raise MorphError(f"rate = {self.rate}: at least 1000 Hz is allowed")
        self._shape  # noqa: B018  an unknown window is told now

    @property
    def bins(self) -> int:
        """Rows of a spectrogram: the bins under half the rate, or the bands."""
        return self.mels or self.n_fft // 2

    @property
    def centres_hz(self) -> npt.NDArray[np.float64]:
        """The frequency of each row (bins,)."""
        if self.mels:
            return self._mel.centres_hz
        return np.arange(self.bins) * self.rate / self.n_fft

    def frames(self, samples: int) -> int:
        """Columns of the spectrogram of so many samples."""
        return 1 + samples // self.hop

    def spectra(self, sounds: npt.ArrayLike) -> Phases:
        """Complex spectra (n, n_fft // 2 + 1, frames) of ``sounds`` (n, samples)."""
        import scipy.fft

        heard = np.atleast_2d(np.asarray(sounds, np.float32))
        padded = np.pad(heard, ((0, 0), (self.n_fft // 2, self.n_fft // 2)))
        pieces = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft, 1)[:, :: self.hop]
        found = scipy.fft.rfft(pieces * self._shape, axis=2)
        return np.asarray(np.swapaxes(found, 1, 2), np.complex64)

    def values(self, sounds: npt.ArrayLike, floor_db: float | None = None) -> tuple[Array, Array]:
        """Spectrograms (n, bins, frames), 0 at the floor and 1 at the maximum; maxima (n,).

        With ``floor_db`` values go below 0, down to so many dB under the maximum.
        """
        shown = self.shown(np.abs(self.spectra(sounds)))
        references = np.maximum(shown.max((1, 2)), SILENT).astype(np.float32)
        lowest = 10.0 ** (-(floor_db or self.top_db) / 20.0)
        in_db = 20.0 * np.log10(np.maximum(shown / references[:, None, None], lowest))
        return np.asarray(1.0 + in_db / self.top_db, np.float32), references

    def shown(self, magnitudes: Array) -> Array:
        """The rows of magnitudes (..., n_fft // 2 + 1, frames): bands, or all but the last bin."""
        return self._mel.bands(magnitudes) if self.mels else magnitudes[..., :-1, :]

    def linear(self, values: Array) -> Array:
        """Values as magnitudes of the same rows, 1 at the maximum and 0 at the floor."""
        made = 10.0 ** ((np.asarray(values, np.float32) - 1.0) * (self.top_db / 20.0))
        return np.where(values <= 0.0, np.float32(0.0), made).astype(np.float32)

    def magnitudes(self, values: Array, references: npt.ArrayLike = 1.0) -> Array:
        """Magnitudes (..., n_fft // 2 + 1, frames) of ``values``; bands are spread over bins."""
        made = self.linear(values) * np.asarray(references, np.float32)[..., None, None]
        if self.mels:
            return self._mel.bins_of(made)
        last = [(0, 0)] * (made.ndim - 2) + [(0, 1), (0, 0)]
        return np.pad(made, last)

    def phases(self, sounds: npt.ArrayLike) -> Phases:
        """The phase of each bin as a complex number of size 1, to be kept for `sounds`."""
        found = self.spectra(sounds)
        size = np.abs(found)
        return np.where(size > 0.0, found / np.maximum(size, 1e-30), 1.0).astype(np.complex64)

    def sounds(self, magnitudes: Array, phases: Phases, samples: int) -> Array:
        """Sounds (n, samples) by the inverse transform: least squares (Griffin and Lim 1984)."""
        import scipy.fft

        spectra = np.atleast_3d(magnitudes * phases)
        spectra = spectra[None] if spectra.ndim == 2 else spectra
        pieces = scipy.fft.irfft(np.swapaxes(spectra, -1, -2), self.n_fft).astype(np.float32)
        pieces = pieces.reshape(-1, *pieces.shape[-2:]) * self._shape
        count, frames = pieces.shape[:2]
        made = np.zeros((count, self.n_fft + self.hop * (frames - 1)), np.float32)
        weight = np.zeros(made.shape[1], np.float32)
        for k in range(frames):
            piece = slice(k * self.hop, k * self.hop + self.n_fft)
            made[:, piece] += pieces[:, k]
            weight[piece] += np.square(self._shape)
        made /= np.maximum(weight, 1e-8)
        made = made[:, self.n_fft // 2 :][:, :samples]
        return np.pad(made, ((0, 0), (0, samples - made.shape[1])))

    @cached_property
    def _shape(self) -> Array:
        from scipy.signal import get_window

        try:
            return np.asarray(get_window(self.window, self.n_fft), np.float32)
        except (ValueError, TypeError):
            told = "allowed are SciPy's that need no value, as hann, hamming, blackman"
            raise MorphError(f"window = {self.window!r} is not known; {told}") from None

    @cached_property
    def _mel(self) -> Mel:
        return Mel(self.rate, self.n_fft, self.mels)

    def as_json(self) -> dict[str, Any]:
        """The fields; ``Transform(**json)`` is this one."""
        names = ("rate", "n_fft", "hop", "window", "mels", "top_db")
        return {name: getattr(self, name) for name in names}


__all__ = ["SILENT", "Array", "Phases", "Transform"]
