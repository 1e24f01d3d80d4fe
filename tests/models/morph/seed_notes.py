"""Small notes for tests of the thesis: harmonic tones of made-up instruments."""

from __future__ import annotations

import numpy as np

from models.morph.seed.material import NoteArrays
from models.morph.seed.settings import Settings
from models.morph.seed.spectra import Transform

RATE, SAMPLES = 16_000, 16_000
SMALL = Transform(n_fft=256, hop=128)
"""128 rows of 126 frames, of one second."""


def tone(pitch: int, roll: float, decay: float, samples: int = SAMPLES) -> np.ndarray:
    """Harmonics that fall by ``roll`` dB an octave and fade by ``decay`` a second."""
    root = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
    times = np.arange(samples) / RATE
    made = np.zeros(samples)
    for k in range(1, int(RATE / 2 / root)):
        made += 10.0 ** (-roll * np.log2(k) / 20.0) * np.sin(2.0 * np.pi * k * root * times + k)
    return (0.2 * made * np.exp(-decay * times)).astype(np.float32)


def notes(instruments: int = 6, pitches: tuple[int, ...] = (60, 64, 67, 71)) -> NoteArrays:
    """Each instrument rolls off and fades in its own way."""
    sounds, keys, names = [], [], []
    for k in range(instruments):
        for pitch in pitches:
            sounds.append(tone(pitch, 4.0 + 2.5 * k, 0.5 + 1.5 * (k % 3)))
            keys.append(pitch)
            names.append(f"tone_{k:03}")
    return NoteArrays(np.stack(sounds), np.array(keys), tuple(names), rate=RATE)


def tiny(**changes: object) -> Settings:
    """Settings that train in a moment."""
    given: dict[str, object] = {
        "code": 64, "width": 0.25, "epochs": 2, "batch": 8, "held_out": 0.2, "transform": SMALL,
    }  # fmt: skip
    return Settings(**(given | changes))  # type: ignore[arg-type]
