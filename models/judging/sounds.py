"""What is refused before anything is measured, and how late one sound is behind another."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
import scipy.optimize
from numpy.typing import NDArray

from models.judging.errors import JudgeError

Array = NDArray[Any]

SILENT = 1e-10
"""RMS (-200 dB) below which a target is silent: what is divided by it means nothing."""


def two_sounds(target: Array, output: Array) -> tuple[Array, Array]:
    """Both as (frames,) float64; JudgeError if they cannot be compared or the target is silent."""
    heard = alike("the target", target), alike("the output", output)
    if len(heard[0]) != len(heard[1]):
        raise JudgeError(
            f"the target has {len(heard[0])} frames and the output {len(heard[1])}; "
            "both must have as many"
        )
    if np.sqrt(np.mean(np.square(heard[0]))) < SILENT:
        raise JudgeError("the target is silent; nothing can be measured against silence")
    return heard


def alike(what: str, sound: Array) -> Array:
    """One sound as (frames,) float64; JudgeError if it has channels, no frames or a NaN."""
    sound = np.asarray(sound, np.float64)
    if sound.ndim != 1:
        raise JudgeError(f"{what} has the shape {sound.shape}; one channel (frames,) is allowed")
    if not len(sound):
        raise JudgeError(f"{what} has no frames")
    bad = np.flatnonzero(~np.isfinite(sound))
    if len(bad):
        raise JudgeError(f"{what} is {sound[bad[0]]} at frame {bad[0]}; it must be finite")
    return sound


def shift_between(target: Array, output: Array, most: int = 4800) -> float:
    """How many samples, fractions too, ``output`` is late behind ``target``; negative if early.

    The largest of their correlation within ``most`` samples, between the samples as its
    band-limited spectrum tells. Only the size counts: an inverted output is as well aligned.
    """
    first, second = two_sounds(target, output)
    most = min(most, len(first) - 1)
    size = scipy.fft.next_fast_len(2 * len(first), real=True)
    cross = scipy.fft.rfft(second, size) * np.conj(scipy.fft.rfft(first, size))
    lags = np.arange(-most, most + 1)
    correlation = scipy.fft.irfft(cross, size)[lags]
    best = int(lags[np.argmax(np.abs(correlation))])
    turn = 2j * np.pi * np.arange(len(cross)) / size

    def against(lag: float) -> float:
        return -abs(float(np.sum((cross * np.exp(turn * lag)).real)))

    near = (best - 1.0, best + 1.0)
    found = scipy.optimize.minimize_scalar(against, bounds=near, method="bounded")
    return float(found.x)


__all__ = ["SILENT", "alike", "shift_between", "two_sounds"]
