"""General MIDI's instruments under NSynth's families, and how a user names some of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.morph.errors import MorphError
from models.morph.notes.note import FAMILIES
from models.morph.notes.programs import PROGRAMS

_TABLE = """
keyboard acoustic 0 1 3 6
keyboard electronic 2 4 5 7
mallet acoustic 8 9 10 11 12 13 14 15 47 108 114
organ electronic 16 17 18
organ acoustic 19 20 21 23
guitar acoustic 24 25 104 105 106 107
guitar electronic 26 27 28 29 30 31
bass acoustic 32
bass electronic 33 34 35 36 37
bass synthetic 38 39
string acoustic 40 41 42 43 44 45 46 48 49 110
string synthetic 50 51
vocal acoustic 52 53
vocal synthetic 54
brass acoustic 56 57 58 59 60 61
brass synthetic 62 63
reed acoustic 22 64 65 66 67 68 69 70 71 109 111
flute acoustic 72 73 74 75 76 77 78 79
synth_lead synthetic 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95
"""
"""Program numbers from 0. Left out are effects, noises and drums, which have no pitch."""

STANDARD = (
    0, 2, 4, 6, 7, 8, 9, 11, 12, 13, 114, 16, 17, 18, 19, 20, 21, 24, 26, 27, 29, 30, 32, 33, 35,
    38, 39, 40, 41, 42, 46, 48, 50, 52, 53, 54, 56, 57, 60, 61, 62, 64, 65, 68, 70, 71, 72, 73, 74,
    75, 80, 81,
)  # fmt: skip
"""52 of FluidR3_GM that share no sample: its bright piano, say, is the grand piano's recordings."""
TEST = (19, 20, 42, 50, 52, 65)
"""Church and reed organ, cello, synth strings, choir, alto saxophone: 11.5 % of STANDARD."""
VALID = (6, 12, 26, 33, 57, 74)
"""Harpsichord, marimba, jazz guitar, fingered bass, trombone, recorder."""
HEARD_IN = (51, 88, 90, 94)
"""Made of recordings of TEST (its synth strings), as FluidR3_GM has it."""


@dataclass(frozen=True)
class Instrument:
    """A program of bank 0 and where NSynth would put it."""

    program: int
    family: str
    source: str

    @property
    def name(self) -> str:
        """As NSynth writes it, numbered by the program: reed_acoustic_065."""
        return f"{self.family}_{self.source}_{self.program:03}"

    @property
    def title(self) -> str:
        """As players know it: alto_saxophone."""
        return PROGRAMS[self.program]


def _read_table() -> Iterator[Instrument]:
    for line in _TABLE.strip().splitlines():
        family, source, *programs = line.split()
        for program in programs:
            yield Instrument(int(program), family, source)


INSTRUMENTS = {each.program: each for each in sorted(_read_table(), key=lambda i: i.program)}
WIDE = tuple(program for program in INSTRUMENTS if program not in HEARD_IN)
"""100 of FluidR3_GM: TEST, VALID and all that shares no recording with them. To learn from."""
NAMED = {"standard": STANDARD, "wide": WIDE, "all": tuple(INSTRUMENTS)}


def instruments_of(text: str) -> tuple[Instrument, ...]:
    """What a user names: standard, wide, all, families, program numbers, ranges; with commas."""
    found: dict[int, Instrument] = {}
    for word in (part.strip() for part in text.split(",")):
        if word in NAMED:
            chosen = list(NAMED[word])
        elif word in FAMILIES:
            chosen = [each.program for each in INSTRUMENTS.values() if each.family == word]
        else:
            chosen = _programs(word)
        found |= {program: INSTRUMENTS[program] for program in chosen}
    return tuple(found.values())


def _programs(word: str) -> list[int]:
    try:
        chosen = list(numbers_of(word, 0, 127))
    except MorphError:
        known = f"{', '.join((*NAMED, *FAMILIES))}, programs 0 to 127 and ranges as 40-43"
        raise MorphError(f"instruments: {word!r} is unknown; allowed are {known}") from None
    for program in chosen:
        if program not in INSTRUMENTS:
            raise MorphError(f"instruments: program {program} has no pitch (effect, noise, drum)")
    return chosen


def numbers_of(text: str, lowest: int, highest: int, what: str = "a number") -> tuple[int, ...]:
    """Numbers as 60, 36-84, 36-84:2 (every second), with commas; sorted; raises MorphError."""
    found: set[int] = set()
    for word in text.split(","):
        span, _, step = word.strip().partition(":")
        first, dash, last = span.partition("-")
        try:
            a, by = int(first), int(step or "1")
            b = int(last) if dash else a
        except ValueError:
            told = f"{what}: {word.strip()!r} is none; it is as 60, 36-84 or 36-84:2"
            raise MorphError(told) from None
        if not lowest <= a <= b <= highest or by < 1:
            raise MorphError(f"{what}: {word.strip()} is not within {lowest} to {highest}, rising")
        found.update(range(a, b + 1, by))
    return tuple(sorted(found))


__all__ = [
    "INSTRUMENTS",
    "STANDARD",
    "TEST",
    "VALID",
    "WIDE",
    "Instrument",
    "instruments_of",
    "numbers_of",
]
