"""One pair of notes by every method: the sounds of a path from the one to the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.morph.grid import FLOOR_DB, Array, Grid, magnitudes, to_db
from engine.morph.model import Note
from engine.morph.phase import SILENT_DB, Phaser, phased
from engine.morph.way import Way, octaves, straight, way
from models.bench.morph.unheard import Ear
from models.morph.measures.baselines import Pca, between_db, crossfade
from models.morph.measures.path import STEPS
from models.morph.measures.pitch import hertz_of

Path = list[Array]
METHODS = ("morph", "straight latents", "cross-fade", "dB interpolation", "PCA")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two notes of one pitch: as they were recorded (n,), equally long, and as the model has them.

    ``mended`` is the way between them; ``linear`` principal components of frames, or none.
    """

    name: str
    pitch: int
    ear: Ear
    recorded: tuple[Array, Array]
    notes: tuple[Note, Note]
    mended: Way
    linear: Pca | None = None

    @classmethod
    def of(
        cls, ear: Ear, name: str, sounds: tuple[Array, Array], notes: tuple[Note, Note],
        linear: Pca | None = None,
    ) -> Pair:  # fmt: skip
        """The pair with its way found."""
        one, other = notes
        gains = (_gain(one), _gain(other))
        told = ear.conditions(one.pitch, one.velocity)
        found = way(
            ear.decode, ear.model.grid, told, hertz_of(one.pitch), one.path, other.path, gains
        )  # fmt: skip
        count = min(map(len, sounds))
        recorded = (sounds[0][:count], sounds[1][:count])
        return cls(name, one.pitch, ear, recorded, notes, found, linear)

    def path(self, method: str) -> Path:
        """Its sounds by one of METHODS, equally long."""
        steps = np.linspace(0.0, 1.0, STEPS)
        make: dict[str, Callable[[], Path]] = {
            "morph": lambda: [self._played(self.mended, float(x)) for x in steps],
            "straight latents": lambda: [self._played(straight(), float(x)) for x in steps],
            "cross-fade": lambda: [
                crossfade(self.recorded[0], self.recorded[1], float(x)) for x in steps
            ],
            "dB interpolation": lambda: self._between(None),
            "PCA": lambda: self._between(self.linear),
        }
        return make[method]()

    def _played(self, by: Way, knob: float) -> Array:
        """What the instrument makes of its knob: latents, brightness and level, in tune."""
        grid, (one, other) = self.ear.model.grid, self.notes
        count = min(one.frames, other.frames)
        place, tilt, gain = by.at(knob)
        first, last = one.path[:count], other.path[:count]
        told = self.ear.conditions(self.pitch, one.velocity)
        levels = self.ear.decoded(first + np.float32(place) * (last - first), told)
        low, high = _gain(one)[:count], _gain(other)[:count]
        levels += (low + place * (high - low) + gain)[:, None] + tilt * octaves(grid)
        sound = Phaser(grid, hertz=hertz_of(self.pitch)).frames(np.maximum(levels, SILENT_DB))
        return sound[grid.lead :]

    def _between(self, code: Pca | None) -> Path:
        """Frames of the recordings interpolated in dB, or the codes of these."""
        grid = self.ear.model.grid
        (one, low), (other, high) = (to_db(magnitudes(end, grid)) for end in self.recorded)
        ends = (code.encode(one), code.encode(other)) if code is not None else (one, other)
        made = []
        for x in np.linspace(0.0, 1.0, STEPS):
            frames = between_db(ends[0], ends[1], float(x))
            frames = code.decode(frames) if code is not None else frames
            levels = np.clip(frames, FLOOR_DB, 0.0)
            made.append(sounded(levels, low + x * (high - low), grid, len(self.recorded[0])))
        return made


def sounded(levels: Array, reference_db: float, grid: Grid, count: int) -> Array:
    """The sound (count,) of frames in dB against a reference; what is at the floor is heard there,
    or the first step away from a silent bin would be the whole way."""
    magnitude = 10.0 ** ((levels + reference_db) / 20.0)
    return phased(magnitude, grid)[grid.lead :][:count]


def _gain(note: Note) -> Array:
    return note.gain_db.astype(np.float32)


__all__ = ["METHODS", "Pair", "sounded"]
