"""Sounds that no drummer plays, and drums as a bad stage makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from models.pulse.judging.announced import Announced, Sound
from models.pulse.judging.excerpts import RATE, SECONDS

RATES = (8000, 16000, 22050, 32000, 48000, 88200, 96000, 192000)
END_SECONDS = 20.0
SEED = 6


def silence() -> Sound:
    """Digital silence."""
    return np.zeros(round(SECONDS * RATE), np.float32)


def noise() -> Sound:
    """White noise at -20 dB."""
    rng = np.random.default_rng(SEED)
    return (0.1 * rng.standard_normal(round(SECONDS * RATE))).astype(np.float32)


def speech() -> Sound:
    """Somebody speaks, as a vocal tract does: voiced syllables of uneven length, and breath.

    A pulse train with a wandering pitch through three formants that move from syllable to
    syllable (Klatt 1980); syllables last 80 to 350 ms, pauses up to a second.
    """
    rng = np.random.default_rng(SEED)
    parts, total = [], 0
    while total < SECONDS * RATE:
        parts.append(_syllable(rng, rng.uniform(0.08, 0.35)))
        pause = rng.exponential(0.05) if rng.random() < 0.85 else rng.uniform(0.3, 1.0)
        parts.append(0.001 * rng.standard_normal(round(pause * RATE)))
        total += len(parts[-1]) + len(parts[-2])
    made = np.concatenate(parts)[: round(SECONDS * RATE)]
    return np.asarray(0.4 * made / np.abs(made).max(), np.float32)


def _syllable(rng: np.random.Generator, seconds: float) -> npt.NDArray[Any]:
    from scipy.signal import lfilter

    count = round(seconds * RATE)
    pitch = np.linspace(rng.uniform(90, 160), rng.uniform(80, 150), count)
    turns = np.floor(np.cumsum(pitch) / RATE)
    source = np.diff(turns, prepend=0.0) + 0.02 * rng.standard_normal(count)
    made = source
    for low, high, width in ((300, 800, 80), (900, 2200, 110), (2300, 3000, 160)):
        radius = np.exp(-np.pi * width / RATE)
        angle = 2 * np.pi * rng.uniform(low, high) / RATE
        made = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], made)
    swell = np.sin(np.pi * np.linspace(0, 1, count)) ** 0.5
    return np.asarray(made * swell / max(1e-9, float(np.abs(made).max())))


QUIET: dict[str, Callable[[], Sound]] = {"silence": silence, "noise": noise, "speech": speech}
"""Sounds without a beat: whoever is asked how sure he is must be less sure than of music."""


def clipped(sound: Sound) -> Sound:
    """Twenty times too loud, cut at full scale."""
    return np.asarray(np.clip(20.0 * sound, -1.0, 1.0), np.float32)


def ended(sound: Sound) -> Sound:
    """The take ends at 20 s; nothing comes after it."""
    cut = sound.copy()
    cut[round(END_SECONDS * RATE) :] = 0.0
    return cut


def at_rate(sound: Sound, rate: int) -> Sound:
    """The same at another sample rate."""
    from engine.dsp.resample import resample

    return np.asarray(resample(sound[:, None], RATE, rate)[:, 0], np.float32)


def confidence(said: Announced, begin: float = 10.0, end: float = SECONDS) -> float:
    """How sure it was on average between two times; 0 where it announced nothing."""
    if said.confidence is None:
        return 0.0
    inside = (said.emitted >= begin) & (said.emitted < end)
    return float(said.confidence[inside].mean()) if inside.any() else 0.0


__all__ = ["END_SECONDS", "QUIET", "RATES", "at_rate", "clipped", "confidence", "ended"]
