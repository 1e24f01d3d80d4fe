"""Recorded drums that are repeated and played at a human's speed, like a tape that is held."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.pulse.curves import Curve
from models.pulse.judging.announced import Sound, Times


@dataclass(frozen=True)
class Looped:
    """A recorded loop of so many beats; beat ``k`` of its repetition falls on ``curve.at(k)``.

    The first attack is ``late_ms`` after the file's start. Speed changes smoothly from beat to
    beat, and pitch with it.
    """

    file: Path
    beats: int
    late_ms: float
    curve: Curve
    seconds: float

    def times(self) -> Times:
        """When its beats fall: where the attacks are, a little after each part of the file."""
        beat = self.late_ms / 1000.0 / self._period()
        falls = self.curve.at(np.arange(len(self.curve.seconds)) + beat)
        return falls[falls < self.seconds]

    def sound(self, rate: int) -> Sound:
        """Mono float32 of ``seconds`` * ``rate`` samples."""
        from scipy.interpolate import PchipInterpolator
        from scipy.ndimage import map_coordinates

        loop = self._loop()[0]
        known = self.curve.seconds
        now = np.arange(round(self.seconds * rate)) / rate
        beat = PchipInterpolator(known, np.arange(len(known)))(now)
        place = beat / self.beats * len(loop)
        found = map_coordinates(loop, [place], order=3, mode="grid-wrap", output=np.float32)
        return np.asarray(found, np.float32)

    def identity(self) -> bytes:
        """What tells it from all others."""
        told = f"{self.beats} {self.seconds}".encode()
        return hashlib.sha256(self.file.read_bytes() + told + self.curve.seconds.tobytes()).digest()

    def _loop(self) -> tuple[Sound, int]:
        import soundfile

        sound, rate = soundfile.read(self.file, dtype="float32", always_2d=True)
        return sound.mean(axis=1), rate

    def _period(self) -> float:
        """Seconds a beat of the file as recorded."""
        loop, rate = self._loop()
        return len(loop) / rate / self.beats


__all__ = ["Looped"]
