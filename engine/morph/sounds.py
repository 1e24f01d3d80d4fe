"""Sounds of a morph: which of its notes are one instrument's, and a number for each."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from engine.morph.errors import MorphError
from engine.morph.model import MorphModel

NUMBERS = re.compile(r"-\d{1,3}-\d{1,3}$")
"""Pitch and velocity, as NSynth ends its notes' names."""


@dataclass(frozen=True)
class Sound:
    """An instrument; ``notes`` are numbers among its model's, by pitch and then by velocity."""

    name: str
    family: str
    notes: tuple[int, ...]


def stem(name: str) -> str:
    """The instrument in the name of a note: flute_acoustic_073 of flute_acoustic_073-060-100."""
    return NUMBERS.sub("", name)


def sounds_of(model: MorphModel) -> tuple[Sound, ...]:
    """A model's sounds by family, then by name: the place of one is the number that knobs mean."""
    found: dict[tuple[str, str], list[int]] = {}
    for number, note in enumerate(model.notes):
        found.setdefault((note.family, stem(note.name)), []).append(number)

    def height(number: int) -> tuple[int, int, int]:
        return model.notes[number].pitch, model.notes[number].velocity, number

    return tuple(
        Sound(name, family, tuple(sorted(found[family, name], key=height)))
        for family, name in sorted(found)
    )


def number_of(wanted: str, sounds: tuple[Sound, ...]) -> int:
    """The sound that a player means: its whole name, a family (its first), a part of a name.

    Raises MorphError, one line, if there is none.
    """
    text = wanted.strip().lower().replace(" ", "_")
    names = [sound.name.lower() for sound in sounds]
    families = [sound.family.lower() for sound in sounds]
    for known in (names, families):
        if text in known:
            return known.index(text)
    for number, name in enumerate(names):
        if text and text in name:
            return number
    near = difflib.get_close_matches(text, [*names, *dict.fromkeys(families)], n=3, cutoff=0.4)
    hint = f"near to it: {', '.join(near)}" if near else f"there are {', '.join(names[:5])} ..."
    raise MorphError(f"no sound is called {wanted.strip()[:60]!r}; {hint}")


__all__ = ["Sound", "number_of", "sounds_of", "stem"]
