"""What a name means among models: exactly, as the file it came from, as a pattern, or nearly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from engine.library.card import NAME_LENGTH, Card
from engine.library.search import search

NEAR = 5


def called(name: str, cards: Iterable[Card]) -> Card | None:
    """The model of that name, whatever the case of its letters; no name starts with a dash."""
    key = name.strip().casefold()
    keys = (key, key.lstrip("- "))
    return next((card for card in cards if card.name.casefold() in keys), None)


def added_as(name: str, cards: Iterable[Card]) -> Card | None:
    """The only model that came from a file of that name, its suffix told or not."""
    key = name.strip().casefold()
    found = [card for card in cards if key and key in _files(card)]
    return found[0] if len(found) == 1 else None


def _files(card: Card) -> set[str]:
    original = card.original.casefold()
    return {original, Path(original).stem, card.file.casefold()}


def is_pattern(name: str) -> bool:
    """Whether a name stands for several; brackets are letters, for many names have them."""
    return "*" in name or "?" in name


def matching(pattern: str, cards: Iterable[Card]) -> list[Card]:
    """The models whose whole name fits a pattern: ``*`` is any letters, ``?`` is one."""
    plain = re.escape(pattern.strip()).replace(r"\*", ".*").replace(r"\?", ".")
    fits = re.compile(plain, re.IGNORECASE | re.DOTALL)
    return [card for card in cards if fits.fullmatch(card.name)]


def near(name: str, cards: Sequence[Card]) -> list[str]:
    """Up to five names that may be meant: spelt alike, or models in which its words are found."""
    name = name[:NAME_LENGTH]
    spelt: dict[str, Card] = {}
    for card in cards:
        for key in (Path(card.original).stem.casefold(), card.name.casefold()):
            spelt.setdefault(key, card)
    spelt.pop("", None)  # what was not added came from no file
    alike = get_close_matches(name.casefold().strip(), list(spelt), n=3, cutoff=0.5)
    found = [spelt[key] for key in alike]
    words = name.split()
    if words:
        found += search(cards, words)
    for word in words if len(words) > 1 else []:
        found += search(cards, [word]) if len(word) > 2 else []
    return list(dict.fromkeys(card.name for card in found))[:NEAR]


def unique(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, or with the first number behind it that makes it new."""
    known = {other.casefold() for other in taken}
    number, found = 1, name
    while found.casefold() in known:
        number += 1
        found = f"{name} {number}"
    return found


__all__ = ["added_as", "called", "is_pattern", "matching", "near", "unique"]
