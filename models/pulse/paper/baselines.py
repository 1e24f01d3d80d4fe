"""What needs no network: the majority, the last symbol again, Markov chains, n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.pulse.paper.symbols import Symbols

Odds = NDArray[np.float64]


class Predictor(Protocol):
    """Whatever tells the odds of what comes next."""

    def odds(self, symbols: Symbols) -> Odds:
        """Odds (frames, classes) of every frame of ``symbols``, each from those before it."""
        ...


@dataclass(frozen=True)
class NGram:
    """Odds of a symbol after the ``order`` - 1 before it; order 1 is the majority.

    Orders are mixed by Witten and Bell's rule: a context that was seen n times, followed by k
    different symbols, has weight n / (n + k), what is shorter has the rest.
    Source: Witten, Bell, The zero-frequency problem, 1991, method C.
    """

    classes: int
    tables: tuple[tuple[Symbols, Odds], ...]  # for each length of context: its codes and counts

    @property
    def context(self) -> int:
        """How many symbols it looks back."""
        return len(self.tables) - 1

    def odds(self, symbols: Symbols) -> Odds:
        """Odds (frames, classes) of every frame; at the beginning of what context there is."""
        found = np.full((len(symbols), self.classes), 1.0 / self.classes)
        for length in range(len(self.tables)):
            wanted = context_codes(symbols, length, self.classes)
            found[length:] = self._refined(found[length:], length, wanted)
        return found

    def after(self, recalled: Symbols) -> Odds:
        """Odds (n, classes) of what follows each row of ``recalled`` (n, symbols)."""
        found = np.full((len(recalled), self.classes), 1.0 / self.classes)
        for length in range(min(self.context, recalled.shape[1]) + 1):
            places = self.classes ** np.arange(length)[::-1]
            wanted = recalled[:, recalled.shape[1] - length :] @ places.astype(np.int64)
            found = self._refined(found, length, wanted)
        return found

    def _refined(self, shorter: Odds, length: int, wanted: Symbols) -> Odds:
        """``shorter`` (n, classes), the odds by a context one shorter, mixed with the counts."""
        codes, counts = self.tables[length]
        if len(codes) == 0:
            return shorter
        place = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        seen = counts[place] * (codes[place] == wanted)[:, None]
        kinds = (seen > 0).sum(axis=1, keepdims=True)
        total = seen.sum(axis=1, keepdims=True)
        mixed = (seen + kinds * shorter) / np.maximum(total + kinds, 1.0)
        return np.asarray(np.where(total > 0, mixed, shorter))


def context_codes(symbols: Symbols, length: int, classes: int) -> Symbols:
    """One number for the ``length`` symbols before each frame from frame ``length`` on."""
    count = max(0, len(symbols) - length)
    codes = np.zeros(count, np.int64)
    for back in range(length):
        codes = codes * classes + symbols[back : back + count]
    return codes


def ngram(sequences: Sequence[Symbols], classes: int, order: int) -> NGram:
    """Count what follows what in ``sequences``."""
    tables = []
    for length in range(order):
        codes = np.concatenate([context_codes(s, length, classes) for s in sequences])
        nexts = np.concatenate([s[length:] for s in sequences])
        known, place = np.unique(codes, return_inverse=True)
        counts = np.zeros((len(known), classes))
        np.add.at(counts, (place, nexts), 1.0)
        tables.append((known, counts))
    return NGram(classes, tuple(tables))


@dataclass(frozen=True)
class RepeatLast:
    """The last symbol again with odds ``stay``; all others share the rest by how often they are."""

    usual: Odds
    stay: float

    def odds(self, symbols: Symbols) -> Odds:
        """Odds (frames, classes)."""
        found = np.tile(self.usual, (len(symbols), 1))
        last = symbols[:-1]
        rows = np.arange(1, len(symbols))
        rest = 1.0 - self.usual[last]
        found[rows] *= ((1.0 - self.stay) / rest)[:, None]
        found[rows, last] = self.stay
        return found

    def guesses(self, symbols: Symbols) -> Symbols:
        """The last symbol, however unlikely it is to come again."""
        return np.concatenate([[int(self.usual.argmax())], symbols[:-1]])


def repeat_last(sequences: Sequence[Symbols], classes: int) -> RepeatLast:
    """How often a symbol is the one before, in ``sequences``; symbols never seen count as once."""
    counts = np.bincount(np.concatenate(sequences), minlength=classes) + 1.0
    same = sum(int((s[1:] == s[:-1]).sum()) for s in sequences)
    total = sum(len(s) - 1 for s in sequences)
    return RepeatLast(counts / counts.sum(), (same + 1) / (total + 2))


__all__ = ["NGram", "Odds", "Predictor", "RepeatLast", "context_codes", "ngram", "repeat_last"]
