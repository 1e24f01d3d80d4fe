"""What a control is: a parameter is declared once, and every surface reads that line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from engine.kernel import kernel
from engine.layout import CELL as CELL


class Ramp(NamedTuple):
    """A knob over one cell of 64 frames, as a kernel sees it (float32, float32, int)."""

    start: float
    step: float
    at: int


@kernel
def along(ramp: Ramp, i: int) -> float:
    """Value of ``ramp`` at frame ``i`` of this chunk; the same whatever the chunk's edges."""
    return ramp.start + ramp.step * np.float32(ramp.at + i + 1)


@kernel
def final(ramp: Ramp) -> float:
    """Value of ``ramp`` at the end of its cell: what coefficients are computed from."""
    return ramp.start + ramp.step * np.float32(64)


class ParamError(ValueError):
    """A value that a parameter does not allow; the message says what it allows."""


@dataclass(frozen=True)
class Param:
    """A continuous control.

    ``default``, ``minimum`` and ``maximum`` are plain values in ``unit``. ``taper`` is how a
    hand's position in [0, 1] maps to them: "linear" or "log" (both ends above zero).
    ``smooth_ms`` is the time a jump takes to arrive; 0 switches at the next cell.
    ``choices`` names the values 0, 1, 2 ... of a switch.
    """

    default: float
    minimum: float = 0.0
    maximum: float = 1.0
    unit: str = ""
    taper: str = "linear"
    smooth_ms: float = 20.0
    help: str = ""
    choices: tuple[str, ...] = ()
    midi: bool = True

    def __post_init__(self) -> None:
        assert self.taper in ("linear", "log")
        assert self.minimum <= self.default <= self.maximum
        assert self.taper == "linear" or self.minimum > 0.0

    def check(self, value: object) -> float:
        """Return ``value`` as a plain number, or raise ParamError saying what is allowed."""
        if self.choices and isinstance(value, str):
            if value not in self.choices:
                raise ParamError(f"{value!r} is not one of {', '.join(self.choices)}")
            return float(self.choices.index(value))
        if isinstance(value, bool) and self.choices != ("off", "on"):
            raise ParamError(f"{str(value).lower()} is not {self.allowed}")
        if not isinstance(value, (int, float, np.floating, np.integer)):
            raise ParamError(f"{value!r} is not {self.allowed}")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or not self.minimum <= number <= self.maximum:
            raise ParamError(f"{number:g} is outside {self.allowed}")
        if self.choices and number != int(number):
            raise ParamError(f"{number:g} is not {self.allowed}")
        return number

    def parse(self, text: str) -> float:
        """Return the value written in ``text`` (a number, or the name of a choice)."""
        try:
            return self.check(float(text))
        except ValueError as error:
            if isinstance(error, ParamError):
                raise
        if self.choices:
            return self.check({"true": "on", "false": "off"}.get(text.lower(), text))
        raise ParamError(f"{text!r} is not a number; allowed is {self.allowed}")

    @property
    def allowed(self) -> str:
        """The range in words: "20 to 2000 Hz", "off, on"."""
        if self.choices:
            return ", ".join(self.choices)
        return f"{self.minimum:g} to {self.maximum:g}" + (f" {self.unit}" if self.unit else "")

    def plain(self, value: float) -> float | str:
        """``value`` as a preset writes it: the name of a choice, or the number."""
        return self.choices[int(value)] if self.choices else value

    def from_position(self, position: float) -> float:
        """The plain value where a hand stands at ``position`` in [0, 1]."""
        position = min(1.0, max(0.0, position))
        if self.taper == "log":
            value = self.minimum * (self.maximum / self.minimum) ** position
        else:
            value = self.minimum + (self.maximum - self.minimum) * position
        if self.choices:
            value = float(round(value))
        return min(self.maximum, max(self.minimum, value))

    def to_position(self, value: float) -> float:
        """Where a hand must stand, in [0, 1], for the plain ``value``."""
        if self.maximum == self.minimum:
            return 0.0
        if self.taper == "log":
            return math.log(value / self.minimum) / math.log(self.maximum / self.minimum)
        return (value - self.minimum) / (self.maximum - self.minimum)


def Toggle(default: bool = False, smooth_ms: float = 0.0, help: str = "") -> Param:
    """A switch: off (0) or on (1)."""
    return Choice("on" if default else "off", ("off", "on"), smooth_ms=smooth_ms, help=help)


def Choice(default: str, choices: tuple[str, ...], smooth_ms: float = 0.0, help: str = "") -> Param:
    """One of several named positions, seen by the kernel as 0, 1, 2 ..."""
    return Param(
        float(choices.index(default)),
        0.0,
        float(len(choices) - 1),
        smooth_ms=smooth_ms,
        help=help,
        choices=choices,
    )


@dataclass(frozen=True)
class Setting:
    """A value fixed while the plugin runs: a file, a model's name, a count. Text or a number.

    Changing it builds the plugin anew, and the rack crossfades to it. ``kind`` is "file"
    (a path, relative to the preset), "model" (a zoo name or a path), "text", "count" or
    "choice": one of ``choices``, or a word that ``also`` takes for one. Where on and off are
    choices, true and false are meant by them; a number is its digits.
    """

    default: str | int
    kind: str = "text"
    minimum: int = 0
    maximum: int = 0
    help: str = ""
    choices: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()

    def __get__(self, instance: object, owner: type) -> Any:
        """The declaration; a plugin's own value, set when it is made, hides it."""
        return self

    def check(self, value: object) -> str | int:
        """Return ``value`` if this setting allows it, or raise ParamError."""
        if self.kind == "choice":
            return self._choose(value)
        if self.kind == "count":
            if not isinstance(value, int) or isinstance(value, bool):
                raise ParamError(f"{value!r} is not a whole number")
            if not self.minimum <= value <= self.maximum:
                raise ParamError(f"{value} is outside {self.minimum} to {self.maximum}")
            return value
        if not isinstance(value, str) or "\0" in value:
            raise ParamError(f"{value!r} is not text")
        return value

    def _choose(self, value: object) -> str:
        if isinstance(value, bool):
            value = "on" if value else "off"
        given = str(value) if isinstance(value, (str, int)) else repr(value)
        chosen = dict(self.also).get(given, given)
        if chosen not in self.choices:
            raise ParamError(f"{value!r} is not one of {', '.join(self.choices)}")
        return chosen


HOST: dict[str, Param] = {
    "bypass": Toggle(help="Let the sound pass by this plugin", smooth_ms=10.0),
    "wet": Param(1.0, help="0 is dry, 1 is only this plugin's output", smooth_ms=10.0),
    "level_db": Param(0.0, -60.0, 24.0, "dB", help="Gain after this plugin"),
}
"""What the host gives every plugin, before the plugin's own parameters."""
