"""Notes as arrays, and batches of their spectrograms to learn from.

`arrays_of` reads the notes of a dataset (models.morph.notes, in NSynth's layout), whoever else has
notes makes `NoteArrays` itself: this is the one seam between the thesis and where notes come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError
from models.morph.seed.spectra import Transform

FLOOR_DB = 110.0
"""What is kept under a note's maximum: after tilting, what was too quiet may be heard."""
BLOCK = 64  # notes that are transformed at a time
TILT_DB, MIX_DB = 6.0, 25.0
"""Of mixing: the standard deviation of the tilt at its points; the largest difference of levels."""
POINTS = 9  # of the tilt, evenly from 0 Hz to half the rate


@dataclass(frozen=True)
class NoteArrays:
    """Notes of one length: ``sounds`` (n, samples) float32, a label of each kind for each.

    Raises MorphError where their numbers differ or a sound is not finite.
    """

    sounds: npt.NDArray[np.float32]
    pitches: npt.NDArray[np.int64]
    instruments: tuple[str, ...]
    families: tuple[str, ...] = ()
    rate: int = 16_000

    def __post_init__(self) -> None:
        if self.sounds.ndim != 2 or not self.sounds.size:
            raise MorphError(f"notes of shape {self.sounds.shape}: (n, samples) is allowed")
        counts = {len(self.pitches), len(self.instruments), len(self.families) or len(self)}
        if counts != {len(self)}:
            raise MorphError(f"{len(self)} notes with {sorted(counts)} labels; as many are allowed")
        broken = np.flatnonzero(~np.isfinite(self.sounds).all(1))
        if len(broken):
            raise MorphError(f"note {broken[0]} ({self.instruments[broken[0]]}) is not finite")

    def __len__(self) -> int:
        return len(self.sounds)

    @property
    def samples(self) -> int:
        """Of each note."""
        return int(self.sounds.shape[1])

    def at(self, places: npt.ArrayLike) -> NoteArrays:
        """The notes at these places (indices or a mask)."""
        found = np.arange(len(self))[np.asarray(places)]
        names = tuple(self.instruments[k] for k in found)
        families = tuple(self.families[k] for k in found) if self.families else ()
        return NoteArrays(self.sounds[found], self.pitches[found], names, families, self.rate)

    def without(self, instruments: Sequence[str]) -> tuple[NoteArrays, NoteArrays]:
        """The notes of all other instruments, and those of these. MorphError where one is empty."""
        mask = np.array([name in set(instruments) for name in self.instruments])
        if mask.all() or not mask.any():
            told = "two instruments are needed at least, one to learn and one to be tried on"
            raise MorphError(f"{len(set(self.instruments))} instruments: {told}")
        return self.at(~mask), self.at(mask)


class Readable(Protocol):
    """A note of a dataset, as models.morph.notes.Note is one."""

    @property
    def instrument(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def pitch(self) -> int: ...
    def sound(self) -> npt.NDArray[np.float32]: ...


def arrays_of(notes: Iterable[Readable], rate: int = 16_000) -> NoteArrays:
    """Read notes whose sounds are of one length; MorphError where there is none."""
    read, heard = [], []
    for note in notes:
        read.append(note)
        heard.append(note.sound())
    if not read:
        raise MorphError("0 notes; 1 at least is needed")
    if len({len(sound) for sound in heard}) > 1:
        raise MorphError("notes of several lengths; one is allowed")
    sounds = np.empty((len(heard), len(heard[0])), np.float32)
    for k in reversed(range(len(heard))):  # popped: thousands of notes are not held twice
        sounds[k] = heard.pop()
    return NoteArrays(
        sounds,
        np.array([note.pitch for note in read]),
        tuple(note.instrument for note in read),
        tuple(note.family for note in read),
        rate,
    )


def held_out(notes: NoteArrays, share: float, seed: int) -> tuple[NoteArrays, NoteArrays]:
    """Notes to learn and to validate on, of other instruments: a random note split would leak.

    Two velocities of a note differ by 0.4 dB once their maximum is taken off.
    """
    names = sorted(set(notes.instruments))
    count = max(1, round(share * len(names)))
    chosen = np.random.default_rng((seed, 7)).permutation(len(names))[:count]
    return notes.without([names[k] for k in chosen])


class Material:
    """Spectrograms of notes in memory (2 bytes a value), and batches of them."""

    def __init__(self, notes: NoteArrays, transform: Transform, floor_db: float = FLOOR_DB) -> None:
        if notes.rate != transform.rate:
            raise MorphError(f"notes at {notes.rate} Hz; the transform is for {transform.rate} Hz")
        self.transform, self.frames = transform, transform.frames(notes.samples)
        self.pitches = notes.pitches.astype(np.float32)
        shape = (len(notes), transform.bins, self.frames)
        self.values = np.empty(shape, np.float16)
        floor = max(floor_db, transform.top_db)
        for at in range(0, len(notes), BLOCK):
            block = slice(at, at + BLOCK)
            self.values[block] = transform.values(notes.sounds[block], floor)[0]
        self._same = _by_pitch(notes.pitches)

    def __len__(self) -> int:
        return len(self.values)

    def plain(self, batch: int) -> Iterator[tuple[Any, Any]]:
        """All, in order: tensors (batch, bins, frames) in 0..1 and pitches (batch,)."""
        import torch

        for at in range(0, len(self), batch):
            values = torch.from_numpy(self.values[at : at + batch].astype(np.float32))
            yield values.clamp_(min=0.0), torch.from_numpy(self.pitches[at : at + batch])

    def drawn(
        self, batch: int, mixed: float, seed: tuple[int, int], below: float = 0.0
    ) -> Iterator[tuple[Any, Any]]:
        """All once, in another order for each seed; so many of them as mixtures.

        Values go down to ``below`` under the floor.
        """
        import torch

        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self))
        for at in range(0, len(self) - 1, batch):
            chosen = order[at : at + batch]
            if len(chosen) < 2:  # batch normalisation needs two
                break
            values = torch.from_numpy(self.values[chosen].astype(np.float32))
            if mixed > 0.0:
                values = self._mixed(values, chosen, mixed, rng)
            yield values.clamp_(min=-below), torch.from_numpy(self.pitches[chosen])

    def _mixed(self, values: Any, chosen: Any, share: float, rng: np.random.Generator) -> Any:
        """A share of rows as a sum of two notes of one pitch, each through a filter of its own."""
        import torch

        count = len(chosen)
        other = np.array([rng.choice(self._same[int(self.pitches[k])]) for k in chosen])
        top = self.transform.top_db
        gain = torch.from_numpy(rng.uniform(-MIX_DB, 0.0, (count, 1, 1)).astype(np.float32))
        second = torch.from_numpy(self.values[other].astype(np.float32)) + gain / top
        first = values + self._tilt(count, rng)
        second += self._tilt(count, rng)
        scale = float(np.log(10.0) * top / 10.0)  # powers add
        both = torch.logaddexp(first * scale, second * scale) / scale
        both -= both.amax((1, 2), keepdim=True) - 1.0
        taken = torch.from_numpy(rng.random(count) < share)[:, None, None]
        return torch.where(taken, both, values)

    def _tilt(self, count: int, rng: np.random.Generator) -> Any:
        """Smooth gains (count, bins, 1) in values."""
        import torch

        points = rng.normal(0.0, TILT_DB / self.transform.top_db, (count, 1, POINTS))
        given = torch.from_numpy(points.astype(np.float32))
        size = self.transform.bins
        made = torch.nn.functional.interpolate(given, size=size, mode="linear", align_corners=True)
        return made.transpose(1, 2)


def _by_pitch(pitches: npt.NDArray[Any]) -> dict[int, npt.NDArray[Any]]:
    return {int(pitch): np.flatnonzero(pitches == pitch) for pitch in np.unique(pitches)}


__all__ = ["FLOOR_DB", "Material", "NoteArrays", "Readable", "arrays_of", "held_out"]
