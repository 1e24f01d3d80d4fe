"""What a sweep turns: values to choose from, ranges to draw from, and one that stays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from models.cluster.sweep.errors import SweepError

Value = bool | int | float | str
Params = dict[str, Value]


@dataclass(frozen=True)
class Choice:
    """One of some values; a single one stays as it is."""

    values: tuple[Value, ...]

    def draw(self, rng: np.random.Generator) -> Value:
        """One of them."""
        return self.values[int(rng.integers(len(self.values)))]


@dataclass(frozen=True)
class Range:
    """A number between two; ``log``: every ratio as likely. ``whole`` where both ends are."""

    low: float
    high: float
    log: bool
    whole: bool

    def draw(self, rng: np.random.Generator) -> Value:
        """A number between them, of six digits, so that a name tells it exactly."""
        if self.log:
            found = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            found = rng.uniform(self.low, self.high)
        return round(found) if self.whole else float(f"{found:.6g}")


Space = Mapping[str, Choice | Range]


def read_space(where: str, given: Mapping[str, Any]) -> dict[str, Choice | Range]:
    """The table [params] of a sweep; SweepError names the parameter."""
    return {name: _read(f"{where}: params.{name}", value) for name, value in given.items()}


def _read(where: str, given: Any) -> Choice | Range:
    if isinstance(given, Mapping):
        return _range(where, given)
    values = given if isinstance(given, list) else [given]
    if not values or not all(isinstance(value, bool | int | float | str) for value in values):
        allowed = "a value, a list of values, or { low = , high = , log = }"
        raise SweepError(f"{where} = {given!r}: allowed is {allowed}")
    return Choice(tuple(values))


def _range(where: str, given: Mapping[str, Any]) -> Range:
    if unknown := sorted(set(given) - {"low", "high", "log"}):
        raise SweepError(f"{where}: {unknown[0]} is none of low, high, log")
    ends = [given.get("low"), given.get("high")]
    numbers = [end for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    log = given.get("log", False)
    if len(numbers) < 2 or not numbers[0] < numbers[1] or not isinstance(log, bool):
        raise SweepError(f"{where}: low and high are two numbers, the first the smaller")
    low, high = numbers
    if log and low <= 0:
        raise SweepError(f"{where}: low = {low} must be above 0 where log = true")
    return Range(float(low), float(high), log, all(isinstance(end, int) for end in numbers))


def grid(space: Space) -> Iterator[Params]:
    """Every combination; SweepError where something is a range, which has no steps."""
    for name, one in space.items():
        if isinstance(one, Range):
            raise SweepError(f"params.{name}: a grid wants values, not a range; or method = random")
    choices = [one.values for one in space.values() if isinstance(one, Choice)]
    for values in product(*choices):
        yield dict(zip(space, values, strict=True))


def drawn(space: Space, seed: int, number: int) -> Params:
    """Trial ``number`` of a random search: the same whatever came before."""
    rng = np.random.default_rng((seed, number))
    return {name: one.draw(rng) for name, one in space.items()}


__all__ = ["Choice", "Params", "Range", "Space", "Value", "drawn", "grid", "read_space"]
