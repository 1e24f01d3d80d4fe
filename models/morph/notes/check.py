"""Whether a dataset is sound all through, and whether what is held out was heard in training."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError
from models.morph.measures.spectra import decibels, magnitudes
from models.morph.notes.note import SPLITS, Note, Notes

LEAK_DB = 1.0
"""Velocities 100 and 127 of one note are 0.4 dB apart in the middle of all; of two
instruments, the nearest of the rendered set, 9 dB."""
MOST_HELD, MOST_LEARNT = 200, 150
"""Held-out notes that are looked at, spread over the set; how many of its pitch each is held to."""

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Checked:
    """Faults, one line each; notes and instruments of each split; silent notes.

    ``nearest_db``: how far a held-out note is from the nearest of its pitch in training (RMSE of
    dB spectra below each one's maximum), in the middle of those looked at; ``leaked``: the share
    of them nearer than LEAK_DB.
    """

    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: dict[str, int]
    instruments: dict[str, int]
    silent: int
    nearest_db: float | None
    leaked: float | None


def check(notes: Notes, told: Told | None = None) -> Checked:
    """Hear every note, then hold the test set against the training set."""
    faults: list[str] = []
    silent: set[str] = set()
    for done, note in enumerate(notes):
        if told:
            told(done, len(notes))
        try:
            if not note.sound().any():
                silent.add(note.name)
        except MorphError as error:
            faults.append(str(error))
    nearest = [] if faults else _nearest(notes, silent)
    own = {split: [note for note in notes if note.split == split] for split in SPLITS}
    return Checked(
        tuple(faults), notes.warnings, {split: len(found) for split, found in own.items()},
        {split: len({note.instrument for note in found}) for split, found in own.items()},
        len(silent),
        float(np.median(nearest)) if nearest else None,
        float(np.mean(np.array(nearest) < LEAK_DB)) if nearest else None,
    )  # fmt: skip


def _nearest(notes: Notes, silent: set[str]) -> list[float]:
    held = _spread([note for note in notes.of("test").notes if note.name not in silent], MOST_HELD)
    learnt = [note for note in notes.of("train").notes if note.name not in silent]
    found: list[float] = []
    for pitch in sorted({note.pitch for note in held}):
        others = _spread([note for note in learnt if note.pitch == pitch], MOST_LEARNT)
        if others:
            against = np.stack([_spectrum(note) for note in others])
            ours = [_spectrum(note) for note in held if note.pitch == pitch]
            found += [_distance(spectrum, against) for spectrum in ours]
    return found


def _spread(notes: list[Note], most: int) -> list[Note]:
    step = max(1, math.ceil(len(notes) / most))
    return notes[::step]


def _spectrum(note: Note) -> npt.NDArray[np.float32]:
    return np.asarray(decibels(magnitudes(note.sound())).ravel(), np.float32)


def _distance(one: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(others - one), axis=1)).min())


__all__ = ["LEAK_DB", "Checked", "check"]
