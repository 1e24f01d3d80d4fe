"""A sound as a score hears it: spectra, mel bands, cepstra, pitch classes, at one loudness."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

HIGHEST_RATE, LOWEST_RATE = 22_050, 8_000
HOP_S = 0.02
WINDOW_S = 0.093  # rounded to a power of two: 2048 samples at 22,050 Hz
BANDS, LOWEST_HZ = 40, 60.0
RANGE_DB = 70.0
"""Mel bands are floored this much under the loudest moment of the sound."""
QUIET_DB = 40.0
"""A frame that is further under the loudest (95th percentile) is a rest."""
CEPSTRA = 13
FLOOR_BANDS, FLOOR_SHARE = 16, 15
BLOCK = 1500  # frames at once: 30 s, 25 MB of spectra
SILENT = 1e-7  # RMS of full scale: -140 dB


@dataclass(frozen=True)
class Heard:
    """``sound`` (n,) at ``rate``, scaled so that its loud frames have an RMS of 1.

    A frame is every 20 ms, its window 93 ms (Hann), centred. Of each frame: level (T,), power;
    mel_db (T, 40); cepstra (T, 13) of the mel bands, without the 0th; chroma (T, 12), power;
    flatness (T,), geometric / arithmetic mean of the power; floor_db (T, bands), see
    ``floor_bands``; active (T,): whether it is no rest.
    """

    sound: Array
    rate: int
    level: Array
    mel_db: Array
    cepstra: Array
    chroma: Array
    flatness: Array
    floor_db: Array
    active: Array

    @property
    def hop(self) -> int:
        """Samples between frames."""
        return round(HOP_S * self.rate)


def common_rate(*rates: int) -> int:
    """The rate at which sounds of these rates are compared: the lowest, 8 to 22.05 kHz."""
    return max(LOWEST_RATE, min(HIGHEST_RATE, *rates))


def resampled(sound: Array, rate: int, to: int) -> Array:
    """``sound`` (n,) at another rate, band-limited (libsoxr's high quality)."""
    if rate == to:
        return sound.astype(np.float64)
    from librosa import resample

    return np.asarray(resample(sound.astype(np.float64), orig_sr=rate, target_sr=to))


def hear(sound: Array, rate: int) -> Heard:
    """Everything the criteria share; ``sound`` is not silent."""
    import scipy.fft

    hop, size = round(HOP_S * rate), window_size(rate)
    total = np.concatenate([[0.0], np.cumsum(np.square(sound))])
    loud = np.percentile(np.sqrt(np.maximum(total[hop:] - total[:-hop], 0.0) / hop), 95)
    sound = sound / (loud or 1.0)
    frames = framed(sound, size, hop)
    parts = [_of_frames(frames[at : at + BLOCK], rate) for at in range(0, len(frames), BLOCK)]
    level, mel, chroma, flatness, floor = (
        np.concatenate(each) for each in zip(*parts, strict=True)
    )
    mel_db = 10 * np.log10(np.maximum(mel, mel.max() * 10 ** (-RANGE_DB / 10)))
    cepstra = scipy.fft.dct(mel_db, type=2, norm="ortho")[:, 1 : CEPSTRA + 1]
    level_db = 10 * np.log10(level + 1e-20)
    active = level_db > np.percentile(level_db, 95) - QUIET_DB
    return Heard(sound, rate, level, mel_db, cepstra, chroma, flatness, floor, active)


def _of_frames(frames: Array, rate: int) -> tuple[Array, ...]:
    """Level, mel bands, chroma, flatness and floor of some frames (T, size)."""
    import scipy.fft
    import scipy.signal

    size = frames.shape[1]
    power = np.abs(scipy.fft.rfft(frames * scipy.signal.get_window("hann", size))) ** 2
    power *= 16.0 / 3.0 / size**2  # so that the bins of a frame sum to its mean square
    level = power.sum(1)
    hertz = np.arange(power.shape[1]) * rate / size
    heard = power[:, (hertz >= LOWEST_HZ) & (hertz <= 0.475 * rate)] + 1e-12
    flatness = np.exp(np.log(heard).mean(1)) / heard.mean(1)
    floor = [
        10 * np.log10(np.percentile(power[:, band], FLOOR_SHARE, axis=1) * count + 1e-20)
        - 10 * np.log10(level + 1e-20)
        for band, count in floor_bands(rate, size)
    ]
    chroma = power @ pitch_classes(rate, size)
    return level, power @ mel_bands(rate, size), chroma, flatness, np.transpose(floor)


@lru_cache(maxsize=8)
def floor_bands(rate: int, size: int) -> tuple[tuple[slice, int], ...]:
    """Bins of the bands of the noise floor: about 2/5 octave from 100 Hz, six bins or more."""
    edges = np.geomspace(100.0, 0.475 * rate, FLOOR_BANDS + 1) * size / rate
    bins = [int(np.ceil(edge)) for edge in edges]
    return tuple((slice(low, high), high - low) for low, high in pairwise(bins) if high - low >= 6)


def window_size(rate: int) -> int:
    """Samples of the analysis window."""
    return int(2 ** round(np.log2(WINDOW_S * rate)))


def framed(sound: Array, size: int, hop: int) -> Array:
    """Frames (T, size) centred on every ``hop``-th sample, zeros beyond the ends."""
    padded = np.pad(sound, size // 2)
    return np.lib.stride_tricks.sliding_window_view(padded, size)[: len(sound) : hop]


@lru_cache(maxsize=8)
def mel_bands(rate: int, size: int) -> Array:
    """(size / 2 + 1, 40) triangles of equal area on Slaney's mel scale, 60 Hz to 0.475 rate."""
    from librosa.filters import mel

    bands = mel(sr=rate, n_fft=size, n_mels=BANDS, fmin=LOWEST_HZ, fmax=0.475 * rate, norm=None)
    return np.ascontiguousarray(bands.T, np.float64)


@lru_cache(maxsize=8)
def pitch_classes(rate: int, size: int) -> Array:
    """(size / 2 + 1, 12): the share of each bin in each pitch class, A = 440 Hz."""
    from librosa.filters import chroma

    return np.ascontiguousarray(chroma(sr=rate, n_fft=size, n_chroma=12).T)


def is_silent(sound: Array) -> bool:
    """Whether there is nothing to hear in it."""
    return float(np.sqrt(np.mean(np.square(sound)))) < SILENT


__all__ = ["Heard", "common_rate", "framed", "hear", "is_silent", "resampled", "window_size"]
