"""Spectra of notes in dB below a note's own maximum, and how far made ones are from them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError

Array = npt.NDArray[Any]

SIZE, HOP = 1024, 512
"""The thesis's grid (Langer 2023): 64 ms every 32 ms at 16 kHz; 126 frames for 4 s."""
FLOOR_DB = -80.0
SILENT_DB = -75.0
"""A frame whose loudest bin is below this says nothing of a model: floor against floor."""
MOST_DB = 160.0  # what a perfect convergence is told as


def magnitudes(sound: Array, size: int = SIZE, hop: int = HOP) -> Array:
    """Hann magnitudes (1 + n // hop, size // 2 + 1) float32 of a sound (n,).

    Frames are centred, silence stands before the sound and behind it: as librosa.stft.
    """
    sound = np.asarray(sound, np.float32)
    if sound.ndim != 1 or not len(sound):
        raise MorphError(f"a sound is (n,) with n of at least 1, not {sound.shape}")
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(size) / size)).astype(np.float32)
    padded = np.pad(sound, size // 2)
    if len(padded) < size:
        padded = np.pad(padded, (0, size - len(padded)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.asarray(np.abs(np.fft.rfft(frames * window, axis=1)), np.float32)


def decibels(magnitude: Array, floor_db: float = FLOOR_DB, reference: float | None = None) -> Array:
    """20 log10(magnitude / reference), not below ``floor_db``.

    The reference is the note's own maximum unless given; silence is ``floor_db`` everywhere.
    """
    reference = float(magnitude.max()) if reference is None else reference
    if reference <= 0.0:
        return np.full(magnitude.shape, floor_db, np.float32)
    least = 10.0 ** (floor_db / 20.0)
    return np.asarray(20.0 * np.log10(np.maximum(magnitude / reference, least)), np.float32)


def linear(in_db: Array, reference: float = 1.0) -> Array:
    """The magnitudes of ``decibels``; what lies on the floor stays there."""
    return np.asarray(reference * 10.0 ** (np.asarray(in_db) / 20.0), np.float32)


def rmse_db(target_db: Array, made_db: Array) -> float:
    """Root of the mean squared difference over all bins of all frames, in dB.

    sqrt(mean((T - M)^2)). Source: Roche et al. 2019 (arXiv 1806.04096), section 4.
    """
    _alike(target_db, made_db)
    return math.sqrt(float(np.mean(np.square(_double(target_db) - _double(made_db)))))


def lsd_db(target_db: Array, made_db: Array) -> float:
    """Log-spectral distance in dB: the RMSE of each frame, averaged over the frames.

    mean_t sqrt(mean_f((T - M)^2)); never above ``rmse_db``. Source: Gray and Markel 1976,
    Distance measures for speech processing, with the mean over frames that is usual.
    """
    _alike(target_db, made_db)
    squares = np.square(_double(target_db) - _double(made_db))
    return float(np.mean(np.sqrt(np.mean(squares, axis=-1))))


def convergence_db(target: Array, made: Array) -> float:
    """Spectral convergence of linear magnitudes in dB: 0 is as far as silence, lower is nearer.

    20 log10(||T - M|| / ||T||), Frobenius norms. Source: Sturmel and Daudet 2011, Signal
    reconstruction from STFT magnitude (DAFx-11). MorphError for a silent target.
    """
    _alike(target, made)
    wanted = _double(target)
    norm = float(np.linalg.norm(wanted))
    if norm == 0.0:
        raise MorphError("spectral convergence: the target is silent, nothing is a share of it")
    ratio = float(np.linalg.norm(wanted - _double(made))) / norm
    return 20.0 * math.log10(max(ratio, 10.0 ** (-MOST_DB / 20.0)))


def heard(in_db: Array) -> npt.NDArray[np.bool_]:
    """Which frames (frames,) of (frames, bins) have a bin above SILENT_DB."""
    return np.asarray(in_db.max(axis=1) > SILENT_DB)


def _alike(target: Array, made: Array) -> None:
    if target.shape != made.shape or not target.size:
        raise MorphError(f"spectra of {target.shape} and {made.shape} cannot be compared")


def _double(values: Array) -> Array:
    return np.asarray(values, np.float64)


__all__ = [
    "FLOOR_DB", "HOP", "SILENT_DB", "SIZE", "convergence_db", "decibels", "heard", "linear",
    "lsd_db", "magnitudes", "rmse_db",
]  # fmt: skip
