"""Human drum takes: notes of the Groove MIDI Dataset, and beats and onsets of jazz trios.

Groove MIDI Dataset 1.0.0 (Gillick et al. 2019, CC BY 4.0): drummers who play to a click.
Jazz Trio Database (Cheston et al. 2024, MIT): beats and onsets that people have annotated.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.pulse.errors import PulseError

HELD_OUT = ("drummer4", "drummer5", "drummer9", "drummer10")
"""Drummers that nothing was trained or tuned on."""
DRUMS = ("kick", "snare", "rim", "closed", "open", "ride", "crash", "high tom", "low tom")
"""Drums told apart; the pitches that belong to each are below."""
FAMILIES = ("kick", "snare", "cymbals", "toms")
FAMILY_OF = (0, 1, 1, 2, 2, 2, 2, 3, 3)
_PITCHES = {
    "kick": (35, 36),
    "snare": (38, 40),
    "rim": (37, 39),
    "closed": (22, 42, 44),
    "open": (26, 46),
    "ride": (51, 53, 59),
    "crash": (49, 52, 55, 57),
    "high tom": (48, 50),
    "low tom": (41, 43, 45, 47, 58),
}
DRUM_OF = {pitch: DRUMS.index(name) for name, pitches in _PITCHES.items() for pitch in pitches}

NOTE = np.dtype([("beat", "f8"), ("pitch", "i4"), ("velocity", "i4")])
"""A stroke: when, in quarter notes from the start; which drum (General MIDI); how hard, to 127."""


@dataclass(frozen=True)
class Take:
    """A take of a drummer, as its row of ``info.csv`` tells it."""

    file: Path
    drummer: str
    style: str
    tempo_bpm: float
    meter: str
    fill: bool
    split: str
    seconds: float

    @property
    def held_out(self) -> bool:
        """Whether its drummer is one of ``HELD_OUT``."""
        return self.drummer in HELD_OUT

    @property
    def beats_a_bar(self) -> int:
        """The upper number of its time signature."""
        return int(self.meter.split("-")[0])

    @cached_property
    def notes(self) -> npt.NDArray[Any]:
        """Its strokes (n,) of NOTE, by time; raises PulseError for a file that is no MIDI file."""
        return read_notes(self.file)


def read_notes(file: Path) -> npt.NDArray[Any]:
    """The strokes of a MIDI file, (n,) of NOTE, by time; raises PulseError."""
    import mido

    unreadable = (OSError, ValueError, EOFError, IndexError, KeyError, mido.KeySignatureError)
    try:
        midi = mido.MidiFile(file)
    except unreadable as error:
        why = str(error) or type(error).__name__
        raise PulseError(f"{file}: not a MIDI file that can be read: {why}") from None
    if midi.ticks_per_beat <= 0:
        raise PulseError(f"{file}: its time is counted in frames of film, not in beats")
    rows, at = [], 0
    one = len(midi.tracks) == 1  # merging takes longer than reading
    for message in midi.tracks[0] if one else mido.merge_tracks(midi.tracks):
        at += message.time
        if message.type == "note_on" and message.velocity > 0:
            rows.append((at / midi.ticks_per_beat, message.note, message.velocity))
    return np.array(sorted(rows), NOTE)


def groove(folder: Path) -> list[Take]:
    """All takes of the Groove MIDI Dataset in ``folder``; raises PulseError."""
    index = folder / "info.csv"
    try:
        rows = list(csv.DictReader(index.read_text().splitlines()))
        return [
            Take(
                folder / row["midi_filename"],
                row["drummer"],
                row["style"].split("/")[0],
                float(row["bpm"]),
                row["time_signature"],
                row["beat_type"] == "fill",
                row["split"],
                float(row["duration"]),
            )
            for row in rows
        ]
    except (OSError, KeyError, ValueError) as error:
        raise PulseError(f"{index}: not the index of a Groove MIDI Dataset: {error}") from None


@dataclass(frozen=True)
class Trio:
    """A jazz trio: beats in seconds, each one's place in its bar, onsets of each instrument."""

    name: str
    beats: npt.NDArray[np.float64]
    places: npt.NDArray[np.int64]  # 1 is the first of a bar
    drums: npt.NDArray[np.float64]
    bass: npt.NDArray[np.float64]
    piano: npt.NDArray[np.float64]

    @property
    def held_out(self) -> bool:
        """Whether it is kept for tests: every pianist of the later half of the alphabet."""
        return self.name >= "jarrettk-b"


def trios(folder: Path) -> list[Trio]:
    """The annotated excerpts of the Jazz Trio Database in ``folder``; raises PulseError."""
    found = sorted((folder / "references" / "manual_annotation").glob("*_mix.txt"))
    if not found:
        raise PulseError(f"{folder}: no references/manual_annotation/*_mix.txt in it")
    return [_trio(mix) for mix in found]


def _trio(mix: Path) -> Trio:
    name = mix.name.removesuffix("_mix.txt")
    beats, places = [], []
    for line in mix.read_text().splitlines():
        words = line.split()
        if len(words) >= 2 and "." in words[1]:
            beats.append(float(words[0]))
            places.append(int(words[1].split(".")[1]))
    onsets = (_onsets(mix.with_name(f"{name}_{part}.txt")) for part in ("drums", "bass", "piano"))
    return Trio(name, np.array(beats), np.array(places), *onsets)


def _onsets(file: Path) -> npt.NDArray[np.float64]:
    return np.array([float(line.split()[0]) for line in file.read_text().splitlines() if line])


__all__ = ["DRUMS", "DRUM_OF", "FAMILIES", "FAMILY_OF", "HELD_OUT", "NOTE", "Take", "Trio",
           "groove", "read_notes", "trios"]  # fmt: skip
