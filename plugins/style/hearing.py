"""What a loss hears of a sound: magnitudes of frames, mel bands, pitch classes, and the way back.

The same numbers as ``models/style/frames.py``, in NumPy, so that a player needs no PyTorch; a test
holds both to them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]

SIZE, HOP = 2048, 512
"""Samples of a frame and from one to the next: 93 and 23 ms at 22.05 kHz."""
BINS = SIZE // 2 + 1
TIMBRE_BANDS, ONSET_BANDS, EQ_BANDS = 40, 64, 24
TINY = np.float32(1e-12)
CHROMA_LEAST = np.float32(1e-3)


class Ear:
    """Filters for one rate: ``mel`` (BINS, bands of timbre, then of onsets), ``chroma``."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        both = [mel(rate, TIMBRE_BANDS), mel(rate, ONSET_BANDS)]
        self.mel = np.ascontiguousarray(np.concatenate(both, axis=1), np.float32)
        self.equaliser = mel(rate, EQ_BANDS).astype(np.float32)
        self.chroma = chroma(rate).astype(np.float32)


class Frames:
    """The STFT of sounds of so many samples, zeros beyond the ends, and its gradient.

    Buffers are made once: what a call returns is overwritten by the next.
    """

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.count = -(-samples // HOP) + 1
        self.window = hann()
        self._padded = np.zeros((self.count - 1) * HOP + SIZE, np.float32)
        self._rows = np.lib.stride_tricks.sliding_window_view(self._padded, SIZE)[::HOP]
        self._cut = np.empty((self.count, SIZE), np.float32)

    def spectra(self, sound: Array) -> npt.NDArray[np.complex64]:
        """(samples,) -> (frames, BINS)."""
        self._padded[SIZE // 2 : SIZE // 2 + self.samples] = sound
        np.multiply(self._rows, self.window, out=self._cut)
        return np.asarray(np.fft.rfft(self._cut, axis=1), np.complex64)

    def gather(self, spectra: npt.NDArray[np.complex64]) -> Array:
        """Inverse transforms times SIZE, windowed, added up where they lie: (samples,)."""
        rows = np.asarray(np.fft.irfft(spectra, SIZE, axis=1, norm="forward"), np.float32)
        rows *= self.window
        made = np.zeros_like(self._padded)
        for part in range(SIZE // HOP):
            place = made[part * HOP : part * HOP + self.count * HOP].reshape(-1, HOP)
            place += rows[:, part * HOP : (part + 1) * HOP]
        return made[SIZE // 2 : SIZE // 2 + self.samples]

    def slope(self, spectra: npt.NDArray[np.complex64], share: Array) -> Array:
        """The gradient (samples,), given that for the magnitudes / them; uses ``spectra`` up."""
        share[:, 1:-1] *= np.float32(0.5)  # the inverse transform counts these bins twice
        spectra *= share
        return self.gather(spectra)


def magnitudes(spectra: npt.NDArray[np.complex64]) -> Array:
    """(frames, BINS), never 0."""
    power = np.square(spectra.real)
    power += np.square(spectra.imag)
    power += TINY
    return np.asarray(np.sqrt(power, out=power), np.float32)


def hann() -> Array:
    """A periodic Hann window (SIZE,)."""
    return np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(SIZE) / SIZE), np.float32)


def mel(rate: float, bands: int) -> Wide:
    """(BINS, bands): means over triangles as far apart on Slaney's mel scale, none of them empty.

    Source: Slaney, Auditory Toolbox, 1998.
    """
    edges = hertz_of(np.linspace(0.0, float(mel_of(np.array(rate / 2.0))), bands + 2))
    bins = np.arange(BINS) * rate / SIZE
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    for band in np.flatnonzero(filters.sum(1) == 0.0):  # lies between two bins: its share
        place = float(edges[band + 1]) * SIZE / rate
        low = min(int(place), BINS - 2)
        filters[band, low], filters[band, low + 1] = 1.0 - (place - low), place - low
    return np.asarray((filters / filters.sum(1, keepdims=True)).T)


def chroma(rate: float) -> Wide:
    """(BINS, 12): what each bin gives to each pitch class, A = 440 Hz; sums of powers.

    Gaussian bumps, a bin or a semitone wide: Ellis, Chroma feature analysis and synthesis, 2007.
    """
    hertz = np.arange(1, SIZE) * rate / SIZE
    semitones = 12.0 * np.log2(hertz / 27.5)
    semitones = np.concatenate([[semitones[0] - 18.0], semitones])
    width = np.concatenate([np.maximum(np.diff(semitones), 1.0), [1.0]])
    apart = np.remainder(semitones[:, None] - np.arange(12) + 6.0, 12.0) - 6.0
    bumps = np.exp(-0.5 * (2.0 * apart / width[:, None]) ** 2)
    return np.asarray(np.roll(bumps, -3, axis=1)[:BINS])  # from A to C


def mel_of(hertz: Wide) -> Wide:
    """Linear to 1 kHz, then 27 steps to a factor of 6.4."""
    above = 15.0 + 27.0 * np.log(np.maximum(hertz, 1000.0) / 1000.0) / np.log(6.4)
    return np.where(hertz < 1000.0, hertz * 0.015, above)


def hertz_of(scale: Wide) -> Wide:
    """The inverse of ``mel_of``."""
    above = 1000.0 * 6.4 ** ((np.maximum(scale, 15.0) - 15.0) / 27.0)
    return np.where(scale < 15.0, scale / 0.015, above)


__all__ = ["BINS", "HOP", "SIZE", "Ear", "Frames", "hann", "hertz_of", "magnitudes", "mel_of"]
