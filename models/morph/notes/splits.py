"""Who is held out: whole instruments, so that no velocity of a note is learnt by heart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from engine.morph.errors import MorphError
from models.morph.notes.note import Split

SHARE = 0.115
"""Of the instruments, in the test set and again in the validation set: 6 of 52."""
FEWEST = 2


def by_instrument(
    families: Mapping[str, str], together: Iterable[frozenset[str]] = ()
) -> dict[str, Split]:
    """Where each instrument goes, given its family; the same for the same names, in any order.

    Held out is first from families that have more to learn from. Instruments of one set of
    ``together`` (made of the same recordings) stay together. Of two instruments one is learnt and
    one is the test. Raises MorphError for fewer.
    """
    units = _units(families, together)
    if len(units) < FEWEST:
        raise MorphError(_too_few(list(families)))
    wanted = max(1, round(SHARE * len(families)))
    splits: dict[str, Split] = dict.fromkeys(families, "train")
    left = sorted(units, key=_rank)
    for split in ("test", "valid"):
        held: list[str] = []
        while len(held) < wanted and len(left) > 1:
            unit = min(left, key=lambda unit: _cost(unit, left, held, families))
            left.remove(unit)
            held += unit
        splits.update(dict.fromkeys(held, split))
    return splits


def _cost(
    unit: frozenset[str], left: list[frozenset[str]], held: list[str], families: Mapping[str, str]
) -> tuple[bool, bool, int]:
    """Least is held out next: not the last of its family, of a family that is not held out yet."""
    of_unit = {families[name] for name in unit}
    others = {families[name] for other in left if other is not unit for name in other}
    again = bool(of_unit & {families[name] for name in held})
    return not of_unit <= others, again, len(unit)


def _units(families: Mapping[str, str], together: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    units = [frozenset([name]) for name in families]
    for tied in together:
        touched = [unit for unit in units if unit & tied]
        if touched:
            units = [unit for unit in units if not unit & tied]
            units.append(frozenset[str]().union(*touched))
    return units


def _rank(unit: frozenset[str]) -> str:
    return hashlib.sha256(min(unit).encode()).hexdigest()


def _too_few(names: list[str]) -> str:
    held = "of which none can be held out to judge what was learnt"
    if len(names) < FEWEST:
        return f"holds one instrument ({', '.join(names)}), {held}; at least {FEWEST} are needed"
    return f"holds {len(names)} instruments made of the same recordings, {held}"


def leaks(splits: Mapping[str, set[str]]) -> list[str]:
    """Instruments that are learnt and held out as well, given the splits of each."""
    return [name for name, found in splits.items() if "train" in found and len(found) > 1]


__all__ = ["FEWEST", "SHARE", "by_instrument", "leaks"]
