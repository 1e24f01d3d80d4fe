"""Finds models by words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.library.card import Card

NAME, GEAR, REST = 4, 2, 1


def search(cards: Iterable[Card], words: Sequence[str]) -> list[Card]:
    """The cards in which all words are found, in any case, the best first.

    A word counts most in the name, then in the gear and the tone; twice where a word of the
    card begins with it and four times where it is one. ``hi gain`` finds ``hi_gain`` as well.
    """
    wanted = [part for word in words for part in _plain(word).split()]
    scored = [(score, card) for card in cards if (score := _score(card, wanted))]
    return [card for _, card in sorted(scored, key=lambda s: (-s[0], s[1].name.casefold()))]


def _score(card: Card, wanted: list[str]) -> int:
    """Return how well a card fits; 0 if a word is missing."""
    fields = [
        (NAME, _plain(card.name)),
        (GEAR, _plain(" ".join((card.make, card.model, card.gear, card.tone)))),
        (REST, _plain(" ".join((card.author, card.architecture, card.format, card.about)))),
        (REST, _plain(f"{card.original} {card.origin}")),
    ]
    best = [max(weight * _fit(word, text) for weight, text in fields) for word in wanted]
    return sum(best) if all(best) else 0


def _fit(word: str, text: str) -> int:
    padded = f" {text} "
    return (word in text) + (f" {word}" in padded) + 2 * (f" {word} " in padded)


def _plain(text: str) -> str:
    return text.casefold().replace("_", " ").replace("-", " ")


__all__ = ["search"]
