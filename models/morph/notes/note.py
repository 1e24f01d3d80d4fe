"""A note of a dataset and its sound; the notes of a dataset and who is held out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError

Sound = npt.NDArray[np.float32]
Split = Literal["train", "valid", "test"]

SPLITS: tuple[Split, ...] = get_args(Split)
RATE = 16_000
SECONDS = 4.0
"""NSynth's: held for 3 of them (Engel et al. 2017, arXiv 1704.01279, section 3)."""
FAMILIES = (
    "bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string",
    "synth_lead", "vocal",
)  # fmt: skip
"""In the order of ``instrument_family``."""
SOURCES = ("acoustic", "electronic", "synthetic")
RATES = range(8_000, 192_001)
SHORTEST_S = 0.02


@dataclass(frozen=True)
class Note:
    """One note: what is played, how, and where its sound lies, at which rate it should be."""

    name: str
    instrument: str
    family: str
    source: str
    pitch: int  # MIDI, 0 to 127
    velocity: int
    split: Split
    path: Path
    rate: int = RATE
    title: str = ""  # what players call its instrument, where the dataset says

    def sound(self, seconds: float = SECONDS) -> Sound:
        """Mono (seconds * RATE,): resampled, cut or filled with silence; raises MorphError.

        A file at another rate than its dataset says is refused: one of them is wrong, and with it
        perhaps the pitch.
        """
        from engine.dsp.resample import resample
        from engine.soundfiles import SoundError, SoundReader

        try:
            with SoundReader(self.path) as reader:
                self._check(reader.rate, reader.frames)
                mono = np.concatenate([piece.mean(axis=1) for piece in reader.pieces()])
        except SoundError as error:
            raise MorphError(str(error)) from None
        if self.rate != RATE:
            mono = resample(mono[:, None], self.rate, RATE)[:, 0]
        made = np.zeros(round(seconds * RATE), np.float32)
        made[: len(mono)] = mono[: len(made)]
        return made

    def check(self) -> None:
        """Read the head of the file only; MorphError as ``sound`` raises it."""
        from engine.soundfiles import SoundError, SoundReader

        try:
            with SoundReader(self.path) as reader:
                self._check(reader.rate, reader.frames)
        except SoundError as error:
            raise MorphError(str(error)) from None

    def _check(self, rate: int, frames: int) -> None:
        if rate not in RATES:
            raise MorphError(f"{self.path}: {rate} Hz is outside {RATES[0]} to {RATES[-1]} Hz")
        if rate != self.rate:
            raise MorphError(f"{self.path}: is at {rate} Hz, its dataset says {self.rate} Hz")
        if frames < SHORTEST_S * rate:
            told = f"{frames} frames, a note takes at least {SHORTEST_S * 1000:g} ms"
            raise MorphError(f"{self.path}: is too short: {told}")


@dataclass(frozen=True)
class Notes:
    """The notes of a dataset, in order. ``warnings``: what to know before its figures are read.

    Held out are instruments, never single notes: the same note at another velocity is, behind
    each note's own reference in dB, almost the same spectrum (0.39 dB apart between velocities
    100 and 127 of one SoundFont), and would be learnt by heart.
    """

    notes: tuple[Note, ...]
    folder: Path
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.notes)

    def __iter__(self) -> Iterator[Note]:
        return iter(self.notes)

    def of(self, split: Split) -> Notes:
        """The notes of a split. Without a validation set, the test set serves as one, and back."""
        if split not in SPLITS:
            raise MorphError(f"split = {split!r} is none of {', '.join(SPLITS)}")
        found = self._having(split)
        if not found and split != "train":
            found = self._having("valid" if split == "test" else "test")
        return Notes(found, self.folder, self.warnings)

    def _having(self, split: Split) -> tuple[Note, ...]:
        return tuple(note for note in self.notes if note.split == split)

    @property
    def instruments(self) -> tuple[str, ...]:
        """Their names, each once, in order of appearance."""
        return tuple(dict.fromkeys(note.instrument for note in self.notes))

    def pairs(self) -> Iterator[tuple[Note, Note]]:
        """Every two notes of two instruments with one pitch and one velocity: a morph's ends."""
        alike: dict[tuple[int, int], list[Note]] = {}
        for note in self.notes:
            for other in alike.setdefault((note.pitch, note.velocity), []):
                if other.instrument != note.instrument:
                    yield other, note
            alike[note.pitch, note.velocity].append(note)


__all__ = ["FAMILIES", "RATE", "SECONDS", "SOURCES", "SPLITS", "Note", "Notes", "Sound", "Split"]
