"""Human drum takes: notes of the Groove MIDI Dataset, and beats and onsets of jazz trios.

Groove MIDI Dataset 1.0.0 (Gillick et al. 2019, CC BY 4.0): drummers who play to a click.
Jazz Trio Database (Cheston et al. 2024, MIT): beats and onsets that people have annotated.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.pulse.errors import Absent, PulseError

HELD_OUT = ("drummer4", "drummer5", "drummer9", "drummer10")
"""Drummers that nothing was trained or tuned on."""
DEVELOPMENT = ("drummer3", "drummer6")
"""Drummers that nothing was trained on, by which networks are chosen and worked on."""
TRIO_DRUMMERS = (
    "baileyd", "blakej", "clarkek", "dejohnettej", "drewm", "durhamb", "fostera", "gantf", "hayesl",
    "haynesr", "jonese", "labarberaj", "laroccas", "morellm", "motianp", "muhammadi", "nashl",
    "perkinsw", "rileyb", "schiopffew", "smittym", "taylora", "thomasb", "wilkinsonm", "williamsj",
    "zigmunde",
)  # fmt: skip
"""Drummers of the Jazz Trio Database: its names run bassist and drummer together."""
DEVELOPED_EVERY = 5  # of the trios that may be known, one in so many is chosen by
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

    midi = midi_of(file)
    rows, at = [], 0
    one = len(midi.tracks) == 1  # merging takes longer than reading
    for message in midi.tracks[0] if one else mido.merge_tracks(midi.tracks):
        at += message.time
        if message.type == "note_on" and message.velocity > 0:
            rows.append((at / midi.ticks_per_beat, message.note, message.velocity))
    return np.array(sorted(rows), NOTE)


def midi_of(file: Path) -> Any:
    """A MIDI file that counts in beats; raises PulseError."""
    import mido

    unreadable = (OSError, ValueError, EOFError, IndexError, KeyError, mido.KeySignatureError)
    try:
        midi = mido.MidiFile(file)
    except unreadable as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise PulseError(f"{file}: not a MIDI file that can be read: {why}") from None
    if midi.ticks_per_beat <= 0:
        raise PulseError(f"{file}: its time is counted in frames of film, not in beats")
    return midi


def groove(folder: Path) -> list[Take]:
    """All takes of the Groove MIDI Dataset in ``folder``; raises PulseError."""
    index = folder / "info.csv"
    try:
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
            for row in _rows(index)
        ]
    except FileNotFoundError:
        raise Absent(f"{index}: no such file; the Groove MIDI Dataset has one") from None
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise PulseError(f"{index}: not the index of a Groove MIDI Dataset: {error}") from None


def _rows(index: Path) -> list[dict[str, str]]:
    rows = list(csv.DictReader(index.read_text().splitlines()))
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise ValueError(f"line {number} has not as many columns as its head")
    return rows


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
        """Whether it is kept from training: every pianist of the later half of the alphabet."""
        return self.name >= "jarrettk-b"

    @cached_property
    def drummer(self) -> str:
        """Who drums, as the database spells him; raises PulseError for one it does not know."""
        players = self.name.split("-")[-3:][0]
        for drummer in TRIO_DRUMMERS:
            if players.endswith(drummer):
                return drummer
        raise PulseError(f"{self.name}: nobody knows which part of {players} is its drummer")


@dataclass(frozen=True)
class Parted:
    """Trios to learn from, to choose by, and to judge by."""

    learnt: tuple[Trio, ...]
    development: tuple[Trio, ...]
    judged: tuple[Trio, ...]


def parted(trios: Sequence[Trio]) -> Parted:
    """Who may be heard by whom; no drummer of a trio that is judged plays in any of the others."""
    known = [trio for trio in trios if not trio.held_out]
    heard = {trio.drummer for trio in known}
    return Parted(
        tuple(trio for k, trio in enumerate(known) if k % DEVELOPED_EVERY),
        tuple(known[::DEVELOPED_EVERY]),
        tuple(trio for trio in trios if trio.held_out and trio.drummer not in heard),
    )


def trios(folder: Path) -> list[Trio]:
    """The annotated excerpts of the Jazz Trio Database in ``folder``; raises PulseError."""
    found = sorted((folder / "references" / "manual_annotation").glob("*_mix.txt"))
    if not found:
        raise Absent(f"{folder}: no references/manual_annotation/*_mix.txt in it")
    return [_trio(mix) for mix in found]


def _trio(mix: Path) -> Trio:
    name = mix.name.removesuffix("_mix.txt")
    beats, places = [], []
    for number, words in _lines(mix):
        if len(words) >= 2 and "." in words[1]:
            beats.append(_parsed(mix, number, words[0]))
            places.append(int(_parsed(mix, number, words[1].split(".")[1])))
    onsets = (_onsets(mix.with_name(f"{name}_{part}.txt")) for part in ("drums", "bass", "piano"))
    return Trio(name, np.array(beats), np.array(places), *onsets)


def _onsets(file: Path) -> npt.NDArray[np.float64]:
    return np.array([_parsed(file, number, words[0]) for number, words in _lines(file)])


def _lines(file: Path) -> list[tuple[int, list[str]]]:
    """Words of the lines that have any, and which lines those are."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        told = getattr(error, "strerror", None) or "is no text"
        raise PulseError(f"{file}: cannot be read: {told}") from None
    rows = [(number, line.split()) for number, line in enumerate(lines, 1)]
    return [row for row in rows if row[1]]


def _parsed(file: Path, line: int, word: str) -> float:
    try:
        found = float(word)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise PulseError(f"{file}: line {line}: {word!r} is no number")
    return found


__all__ = ["DEVELOPMENT", "DRUMS", "DRUM_OF", "FAMILIES", "FAMILY_OF", "HELD_OUT", "NOTE", "Parted",
           "Take", "Trio", "groove", "midi_of", "parted", "read_notes", "trios"]  # fmt: skip
