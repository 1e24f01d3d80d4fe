"""Small folders of pairs for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.pairs.wav import wav_bytes, write_whole

RATE = 16000


def phrase(seconds: float = 4.0, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Plucked tones of random pitch, time and loudness, (frames,) float32."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * rate))
    for start in np.sort(rng.integers(0, len(sound), max(2, round(4 * seconds)))):
        time = np.arange(len(sound) - start) / rate
        pitch, level = rng.uniform(100, 900), rng.uniform(0.05, 0.3)
        harmonics = sum(np.sin(2 * np.pi * k * pitch * time) / k for k in (1, 2, 3))
        sound[start:] += level * np.exp(-8 * time) * harmonics
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


def save(path: Path, sound: np.ndarray, rate: int = RATE) -> Path:
    write_whole(path, wav_bytes(np.asarray(sound, np.float32), rate))
    return path


def one_pair(folder: Path, dry: np.ndarray, wet: np.ndarray) -> Path:
    save(folder / "dry" / "a.wav", dry)
    save(folder / "wet" / "a.wav", wet)
    return folder
