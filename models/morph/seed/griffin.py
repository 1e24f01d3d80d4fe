"""Phases for magnitudes that have none: Griffin and Lim's rounds, and the fast ones."""

from __future__ import annotations

import math

import numpy as np

from engine.morph.errors import MorphError
from models.morph.seed.spectra import Array, Phases, Transform

ROUNDS, MOMENTUM = 32, 0.99
"""As the thesis, which takes librosa's: the fast variant."""


def griffin_lim(
    magnitudes: Array, transform: Transform, samples: int, *, rounds: int = ROUNDS,
    momentum: float = MOMENTUM, seed: int = 0, phases: Phases | None = None,
) -> Array:  # fmt: skip
    """Sounds (n, samples) whose spectra have nearly these magnitudes (n, n_fft // 2 + 1, frames).

    ``momentum`` 0 is Griffin and Lim (1984), above it Perraudin, Balazs and Sondergaard's fast
    variant (2013). Begins with random phases, or with ``phases``. Raises MorphError.
    """
    if rounds < 0 or not 0.0 <= momentum < 1.0:
        told = "rounds of 0 or more and a momentum from 0 to below 1 are allowed"
        raise MorphError(f"rounds = {rounds}, momentum = {momentum:g}: {told}")
    wanted = magnitudes if magnitudes.ndim == 3 else magnitudes[None]
    angles = _random(wanted.shape, seed) if phases is None else phases
    share = np.float32(momentum / (1.0 + momentum))
    before = np.zeros(wanted.shape, np.complex64)
    for _ in range(rounds):
        rebuilt = transform.spectra(transform.sounds(wanted, angles, samples))
        moved = rebuilt - share * before
        angles = (moved / np.maximum(np.abs(moved), 1e-16)).astype(np.complex64)
        before = rebuilt
    return transform.sounds(wanted, angles, samples)


def convergence(sound: Array, magnitudes: Array, transform: Transform) -> float:
    """How far the spectrum of ``sound`` (n, samples) is from ``magnitudes``, in dB.

    Lower is nearer: 20 log10 of the norm of the difference over that of the magnitudes.
    """
    off = float(np.linalg.norm(np.abs(transform.spectra(sound)) - magnitudes))
    return 20.0 * math.log10(max(off, 1e-30) / max(float(np.linalg.norm(magnitudes)), 1e-30))


def _random(shape: tuple[int, ...], seed: int) -> Phases:
    turns = np.random.default_rng(seed).random(shape, np.float32)
    return np.asarray(np.exp(2j * np.pi * turns), np.complex64)


__all__ = ["MOMENTUM", "ROUNDS", "convergence", "griffin_lim"]
