"""What can be swept: each module trains a part of a whole training and goes on from there.

A module of a trainer has METRICS (name and "min" or "max", the first is gone by), VALUES (what may
be turned), CODE (whose code decides), MINUTES (of a whole training unless told) and PLAYS (the
plugin that plays what comes out), and two functions, ``advance(rung)``, ``export(rung, target)``,
which alone import what is heavy.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from models.cluster.sweep.errors import SweepError
from models.cluster.sweep.space import Choice, Range, Space

NAMES = ("effect", "sampler", "pulse", "rhythm", "morph", "command")


@dataclass(frozen=True)
class Kind:
    """What a value may be: float, int, bool or str, in a range or of some choices."""

    kind: type
    low: float = float("-inf")
    high: float = float("inf")
    choices: tuple[str, ...] = ()

    def complaint(self, value: Any) -> str:
        """What is wrong with a value; "" if nothing is."""
        wanted: Any = int | float if self.kind is float else self.kind
        right = isinstance(value, wanted) and isinstance(value, bool) == (self.kind is bool)
        if right and self.choices:
            right = value in self.choices
        if right and isinstance(value, int | float):
            right = self.low <= value <= self.high
        return "" if right else f"{value!r} is not {self.allowed}"

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.kind in (bool, str):
            return "true or false" if self.kind is bool else "text"
        what = "a whole number" if self.kind is int else "a number"
        return f"{what}, {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Rung:
    """A part of a training: up to ``share`` of its budget ({"minutes": 2} or {"steps": 600}).

    ``folder`` holds how far it came before, if it did, and how far it comes.
    """

    data: Path
    params: Mapping[str, Any]
    options: Mapping[str, Any]
    budget: Mapping[str, float]
    share: float
    folder: Path
    name: str = "model"
    seed: int = 1
    threads: int = 1
    resume: bool = False

    @property
    def minutes(self) -> float | None:
        """Of the whole training, where it is minutes."""
        return self.budget.get("minutes")

    @property
    def steps(self) -> int | None:
        """Of the whole training, where it is steps."""
        return int(self.budget["steps"]) if "steps" in self.budget else None


@dataclass(frozen=True)
class Reached:
    """How far a part of a training came: what it is judged by, and its course.

    ``seconds`` and ``steps`` count from the training's beginning.
    """

    scores: Mapping[str, float]
    seconds: float
    steps: int
    history: tuple[Mapping[str, float], ...] = ()
    previews: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Trainer:
    """One of the trainers."""

    name: str
    metrics: Mapping[str, str]
    values: Mapping[str, Kind]
    code: tuple[str, ...]
    minutes: float
    plays: str
    counts_steps: bool

    def check(self, space: Space, options: Mapping[str, Any]) -> None:
        """SweepError, one line, for what the trainer does not know or allow."""
        for name in [*space, *options]:
            if self.values and name not in self.values:
                near = difflib.get_close_matches(name, self.values, 1, 0.5)
                hint = f"; {near[0]} is meant?" if near else f"; there are {', '.join(self.values)}"
                raise SweepError(f"params.{name} is not known{hint}")
        for name, one in space.items():
            ends = one.values if isinstance(one, Choice) else (one.low, one.high)
            self._check(name, ends, isinstance(one, Range) and one.whole)
        for name, value in options.items():
            self._check(name, (value,), False)

    def _check(self, name: str, values: tuple[Any, ...], whole: bool) -> None:
        kind = self.values.get(name)
        for value in values if kind else ():
            assert kind is not None
            if said := kind.complaint(int(value) if whole else value):
                raise SweepError(f"params.{name}: {said}")


@cache
def known(name: str) -> Trainer:
    """A trainer by its name."""
    told = import_module(f"{__name__}.{name}")
    given = (dict(told.METRICS), dict(told.VALUES), tuple(told.CODE), float(told.MINUTES))
    return Trainer(name, *given, told.PLAYS, getattr(told, "STEPS", False))


__all__ = ["NAMES", "Kind", "Reached", "Rung", "Trainer", "known"]
