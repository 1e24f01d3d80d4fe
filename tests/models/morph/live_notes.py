"""Small notes for tests of the live morph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.morph.live.material import Frames, frames_of
from models.morph.live.settings import Job

RATE = 16_000
HELD_S, WHOLE_S = 1.0, 1.5


@dataclass(frozen=True)
class Tone:
    """Harmonics that fall by ``roll`` dB an octave; held for HELD_S, then let go."""

    name: str
    instrument: str
    pitch: int
    roll: float
    fades: float = 0.0  # dB a second while it is held
    velocity: int = 100
    family: str = "reed"
    silent: bool = False
    title: str = ""

    def sound(self) -> np.ndarray:
        times = np.arange(round(WHOLE_S * RATE)) / RATE
        if self.silent:
            return np.zeros(len(times), np.float32)
        root = 440.0 * 2.0 ** ((self.pitch - 69) / 12.0)
        made = np.zeros(len(times))
        for k in range(1, int(RATE / 2 / root)):
            made += 10.0 ** (-self.roll * np.log2(k) / 20.0) * np.sin(2 * np.pi * k * root * times)
        rises = np.minimum(times / 0.03, 1.0)
        falls = self.fades * times + 200.0 * np.maximum(times - HELD_S, 0.0)
        return (0.2 * made * rises * 10.0 ** (-falls / 20.0)).astype(np.float32)


def tones(instruments: int = 4, first: int = 0, pitches: tuple[int, ...] = (57, 64)) -> list[Tone]:
    """Notes of instruments that roll off each in its own way."""
    return [
        Tone(f"tone_{k}_{pitch}", f"tone_{k}", pitch, 3.0 + 3.0 * k)
        for k in range(first, first + instruments)
        for pitch in pitches
    ]


def tiny(**changes: object) -> Job:
    """A job that is trained in a moment."""
    given: dict[str, object] = {
        "grid": "live", "latents": 4, "width": 48, "depth": 1, "rows": 64, "steps": 60,
        "frames": 40, "lr": 5e-3,
    }  # fmt: skip
    return Job(**(given | changes))  # type: ignore[arg-type]


def frames(first: int = 0, instruments: int = 4) -> Frames:
    """Frames of tones on the ``live`` grid."""
    return frames_of(tones(instruments, first), tiny().frame_grid, 40)
