"""What tests of the style share: short sounds that differ in notes, timbre and rhythm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.style.sound import Recording, recording

RATE = 22_050


def plucked(seconds: float = 2.0, partials: int = 3, gap_s: float = 0.25, seed: int = 0,
            rate: int = RATE, semitones: float = 0.0) -> NDArray[np.float32]:  # fmt: skip
    """(n,): notes of a scale, a new one every ``gap_s``, that die away."""
    made = np.random.default_rng(seed)
    n = round(seconds * rate)
    sound, t = np.zeros(n), np.arange(n) / rate
    for onset in np.arange(0.0, seconds, gap_s):
        hertz = 220.0 * 2 ** ((made.choice([0, 2, 4, 5, 7, 9, 11, 12]) + semitones) / 12)
        since = np.maximum(t - onset, 0.0)
        for partial in range(1, partials + 1):
            wave = np.sin(2 * np.pi * hertz * partial * since) / partial
            sound += wave * np.exp(-since / 0.15) * (1.0 - np.exp(-since / 0.005))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def breathy(seconds: float = 2.0, seed: int = 1, rate: int = RATE) -> NDArray[np.float32]:
    """(n,): a chord in noise, swelling."""
    made = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    chord = sum(np.sin(2 * np.pi * hertz * t + hertz) for hertz in (330.0, 415.3, 494.0, 990.0))
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 1.5 * t)
    return (0.08 * swell * (chord + 0.5 * made.standard_normal(len(t)))).astype(np.float32)


def content(seconds: float = 2.0, rate: int = RATE, channels: int = 1) -> Recording:
    """A recording to be transferred; the second channel is softer and later."""
    sound = plucked(seconds, rate=rate)
    both = np.stack([sound, 0.5 * np.roll(sound, 20)])[:channels]
    return recording(both, rate, "content.wav")


def style(seconds: float = 2.0, rate: int = RATE) -> Recording:
    """A recording to be like."""
    return recording(breathy(seconds, rate=rate), rate, "style.wav")
