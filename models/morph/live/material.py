"""Frames of many notes in memory, one byte a bin, half a decibel a step.

``KEPT_DB`` reaches below the floor that networks see: after a tilt what was too quiet may be heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.morph.errors import MorphError
from engine.morph.grid import Array, Grid, magnitudes
from engine.morph.model import CONDITIONS, conditions_of
from models.morph.measures.spectra import SILENT_DB

STEP_DB = 0.5
KEPT_DB = -255 * STEP_DB
ATTACK_S = 0.25
ATTACK_SHARE = 0.3  # of a note's frames lie in its attack, where most happens


class Readable(Protocol):
    """A note of a dataset, as models.morph.notes.Note is one."""

    @property
    def name(self) -> str: ...
    @property
    def instrument(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def pitch(self) -> int: ...
    @property
    def velocity(self) -> int: ...
    def sound(self) -> NDArray[np.float32]: ...


class Readables(Sized, Iterable[Readable], Protocol):
    """A dataset, or a split of one."""


@dataclass(frozen=True)
class Frames:
    """Frames of notes, those of a note together. Notes without sound are left out.

    ``levels`` (frames, bins): dB = KEPT_DB + STEP_DB * level, against the note's loudest bin;
    ``owner`` (frames,): the note's number; ``pitches``, ``velocities`` (notes,): MIDI's.
    """

    levels: NDArray[np.uint8]
    owner: NDArray[np.int32]
    pitches: NDArray[np.int32]
    velocities: NDArray[np.int32]
    instruments: tuple[str, ...]
    rate: int = 16_000

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def bins(self) -> int:
        """Of a frame."""
        return int(self.levels.shape[1])

    @property
    def hertz(self) -> Array:
        """Of each bin (bins,)."""
        return np.linspace(0.0, self.rate / 2.0, self.bins, dtype=np.float32)

    def conditions(self, kind: str) -> Array:
        """Of each note (notes, conditions)."""
        rows = [
            conditions_of(p, v, kind) for p, v in zip(self.pitches, self.velocities, strict=True)
        ]
        return np.stack(rows) if rows else np.zeros((0, CONDITIONS[kind]), np.float32)


def decibels_of(levels: NDArray[np.uint8]) -> Array:
    """dB, KEPT_DB to 0."""
    return np.asarray(levels.astype(np.float32) * STEP_DB + KEPT_DB, np.float32)


def frames_of(
    notes: Readables, grid: Grid, each: int, seed: int = 1,
    told: Callable[[int, int], None] = lambda done, all_: None,
) -> Frames:  # fmt: skip
    """At most ``each`` frames of every note that are not silent; MorphError if none has any."""
    rng = np.random.default_rng((seed, 8))
    levels: list[NDArray[np.uint8]] = []
    owner: list[NDArray[np.int32]] = []
    kept: list[Readable] = []
    for done, note in enumerate(notes):
        told(done, len(notes))
        found = _frames(note.sound(), grid, each, rng)
        if len(found):
            levels.append(found)
            owner.append(np.full(len(found), len(kept), np.int32))
            kept.append(note)
    if not kept:
        raise MorphError(f"{len(notes)} notes, and not one that sounds; one is needed at least")
    return Frames(
        np.concatenate(levels), np.concatenate(owner),
        np.array([note.pitch for note in kept], np.int32),
        np.array([note.velocity for note in kept], np.int32),
        tuple(note.instrument for note in kept), grid.rate,
    )  # fmt: skip


def _frames(
    sound: NDArray[np.float32], grid: Grid, each: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    if not sound.any():
        return np.zeros((0, grid.bins), np.uint8)
    found = magnitudes(sound, grid)
    found /= found.max()
    sounding = np.flatnonzero(found.max(1) > 10.0 ** (SILENT_DB / 20.0))
    chosen = found[_spread(sounding, each, round(ATTACK_S * grid.rate / grid.hop), rng)]
    db = 20.0 * np.log10(np.maximum(chosen, 10.0 ** (KEPT_DB / 20.0)))
    return np.asarray(np.rint((db - KEPT_DB) / STEP_DB), np.uint8)


def _spread(
    places: NDArray[np.int64], each: int, attack: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """``each`` of ``places``, more of them at the beginning, none twice, in order."""
    if len(places) <= each:
        return places
    early = places[:attack]
    few = min(len(early), round(ATTACK_SHARE * each))
    chosen = rng.choice(early, few, replace=False) if few else early[:0]
    rest = np.setdiff1d(places, chosen)
    more = rng.choice(rest, each - few, replace=False)
    return np.sort(np.concatenate([chosen, more]))


__all__ = ["KEPT_DB", "STEP_DB", "Frames", "Readable", "Readables", "decibels_of", "frames_of"]
