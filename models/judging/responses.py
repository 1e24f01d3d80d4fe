"""What a sound tells of the effect behind it: impulse response, level curve, where to look."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Array = NDArray[Any]

REGULAR = 1e-3
"""Of the mean power of the dry sound: where it has less, the response is pulled to nothing."""
LONGEST = 1 << 21  # frames that a response is estimated from: 44 s at 48 kHz
FRAME_SECONDS = 0.01


def impulse_response(dry: Array, wet: Array, frames: int, before: int = 0) -> Array:
    """The linear part of what made ``wet`` of ``dry``: (before + frames,), time 0 at ``before``.

    Regularised spectral division, Y conj(X) / (|X|^2 + c mean |X|^2): the least squares of a
    filter with a penalty on its size (Tikhonov). For a nonlinear effect it is the filter
    nearest to it on this sound, and for one that moves, a mean over time.
    """
    dry, wet = (np.asarray(sound[:LONGEST], np.float64) for sound in (dry, wet))
    size = scipy.fft.next_fast_len(len(dry) + frames + before, real=True)
    x, y = scipy.fft.rfft(dry, size), scipy.fft.rfft(wet, size)
    power = np.square(np.abs(x))
    response = scipy.fft.irfft(y * np.conj(x) / (power + REGULAR * power.mean() + 1e-30), size)
    return np.asarray(np.roll(response, before)[: before + frames])


def frequency_response(impulse: Array, size: int = 8192) -> Array:
    """Gain in dB of an impulse response at size // 2 + 1 frequencies from 0 to Nyquist."""
    return np.asarray(20.0 * np.log10(np.abs(np.fft.rfft(impulse, size)) + 1e-6))


def levels_db(sound: Array, sample_rate: int) -> Array:
    """RMS of each 10 ms, in dB below full scale, not under -120."""
    frame = max(round(FRAME_SECONDS * sample_rate), 1)
    whole = sound[: len(sound) // frame * frame].reshape(-1, frame)
    power = np.mean(np.square(whole, dtype=np.float64), axis=1)
    return np.asarray(10.0 * np.log10(power + 1e-12))


def loudest(sound: Array, frames: int) -> int:
    """Where the ``frames`` with most energy begin; 0 where the sound is no longer than that."""
    if len(sound) <= frames:
        return 0
    energy = np.append(0.0, np.cumsum(np.square(sound, dtype=np.float64)))
    return int(np.argmax(energy[frames:] - energy[:-frames]))


def attack(sound: Array, sample_rate: int) -> int:
    """The frame before which the level rises most within 10 ms: where a note begins."""
    levels = np.maximum(levels_db(sound, sample_rate), -60.0)
    if len(levels) < 2:
        return 0
    frame = max(round(FRAME_SECONDS * sample_rate), 1)
    amplitudes = 10.0 ** (levels / 20.0)
    return int(np.argmax(np.diff(amplitudes)) + 1) * frame


__all__ = ["attack", "frequency_response", "impulse_response", "levels_db", "loudest"]
