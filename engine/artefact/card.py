"""Reads a card, a TOML table: each value checked, each complaint in one line that says where."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

CARD_BYTES = 1 << 20  # a card is a page; a network handed over as a card is not read
KNOB_VALUES = (-1e9, 1e9)
_MISSING = object()


class ArtefactError(ValueError):
    """What is wrong with a model folder, in one line: where, what was given, what may be."""


@dataclass(frozen=True)
class ModelKnob:
    """A control that the network was trained to follow, in plain units."""

    name: str
    minimum: float
    maximum: float
    default: float
    help: str


@dataclass(frozen=True)
class Card:
    """A TOML table and where it stands, so that every complaint about it can say where."""

    path: Path
    values: Mapping[str, Any]
    where: str = ""  # as "knobs[2]."

    def refuse(self, complaint: str) -> NoReturn:
        """Raise ArtefactError about this card."""
        refuse(self.path, complaint)

    def given(self, key: str, default: object) -> object:
        """Return the value as it stands, or the default; refuse if neither is there."""
        if key not in self.values and default is _MISSING:
            self.refuse(f"{self.where}{key} is missing")
        return self.values.get(key, default)

    def text(self, key: str, default: object = _MISSING) -> str:
        """Return a text of one line; one without a default must not be empty."""
        value = self.given(key, default)
        if not isinstance(value, str):
            self.refuse(f"{self.where}{key} = {show(value)} is not a text")
        if (default is _MISSING and not value) or not value.isprintable():
            self.refuse(f"{self.where}{key} = {show(value)} is not one line of text")
        return value

    def whole(self, key: str, limits: tuple[float, float]) -> int:
        """Return a whole number within the limits."""
        value = self.given(key, _MISSING)
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(f"{self.where}{key} = {show(value)} is not a whole number")
        self.within(key, value, limits)
        return value

    def number(self, key: str, limits: tuple[float, float]) -> float:
        """Return a number within the limits."""
        value = self.given(key, _MISSING)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.refuse(f"{self.where}{key} = {show(value)} is not a number")
        self.within(key, value, limits)
        return float(value)

    def within(self, key: str, value: float, limits: tuple[float, float]) -> None:
        low, high = limits  # NaN is within none
        if not low <= value <= high:
            self.refuse(f"{self.where}{key} = {show(value)} is outside {low} to {high}")

    def table(self, key: str) -> Mapping[str, Any]:
        """Return a table, empty if the card has none."""
        value = self.given(key, {})
        if not isinstance(value, dict):
            self.refuse(f"{self.where}{key} = {show(value)} is not a table")
        return value


def need_file(path: Path) -> None:
    """Refuse a path at which there is no file."""
    if not os.path.isfile(path):
        refuse(path, "no such file" if not path.is_dir() else "a folder where a file is expected")


def read_table(path: Path) -> dict[str, Any]:
    """Read a TOML file whole; ArtefactError if it cannot be read or is no TOML."""
    try:
        if path.stat().st_size > CARD_BYTES:
            refuse(path, f"larger than {CARD_BYTES} bytes; not a card")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ArtefactError:
        raise
    except OSError as error:
        refuse(path, error.strerror or "cannot be read")
    except (RecursionError, ValueError) as error:  # no TOML, no UTF-8, too many digits, too deep
        refuse(path, f"not TOML: {error}")


def read_state(card: Card) -> dict[str, str]:
    """Return which output feeds which input; each output feeds one."""
    table = Card(card.path, card.table("state"), "state.")
    state = {name: table.text(name) for name in table.values}
    for name, source in state.items():
        if name in ("", "audio", "knobs") or source == "audio_out":
            card.refuse(f"state: {show(name)} = {show(source)} is not a state")
    if len(set(state.values())) < len(state):
        card.refuse(f"state: one output feeds two inputs: {show(sorted(state.values()))}")
    return state


def read_knobs(card: Card) -> tuple[ModelKnob, ...]:
    """Return the knobs in the card's order."""
    rows = card.given("knobs", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        card.refuse(f"knobs = {show(rows)} is not a list of tables, [[knobs]]")
    knobs = tuple(_knob(Card(card.path, row, f"knobs[{i}].")) for i, row in enumerate(rows))
    if len({knob.name for knob in knobs}) < len(knobs):
        card.refuse(f"knobs: a name is given twice: {show([knob.name for knob in knobs])}")
    return knobs


def _knob(card: Card) -> ModelKnob:
    """Return one knob; its default is within its range, and the range is not empty."""
    name = card.text("name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        card.refuse(f"{card.where}name = {show(name)} is not a name like drive_db")
    minimum, maximum = (card.number(key, KNOB_VALUES) for key in ("minimum", "maximum"))
    if not minimum < maximum:
        card.refuse(f"{card.where}maximum = {maximum} is not above minimum = {minimum}")
    default = card.number("default", (minimum, maximum))
    return ModelKnob(name, minimum, maximum, default, card.text("help", ""))


def refuse(path: Path, complaint: str) -> NoReturn:
    """Raise ArtefactError about a file, in one printable line whatever the names in it."""
    line = "".join(c if c.isprintable() else " " for c in f"{path}: {complaint[:400]}")
    raise ArtefactError(" ".join(line.split())) from None


def show(value: object) -> str:
    """Return a value as written in one short line."""
    try:
        shown = ascii(value)
    except (ValueError, RecursionError):  # too many digits, too many brackets
        shown = "a value too long to show"
    return shown if len(shown) <= 60 else shown[:57] + "..."
