"""A sweep as a file: which trainer, on what, how long each, and what is turned.

[sweep]
trainer = "effect"            # sampler, pulse, rhythm, morph, command
data = "pairs/fuzz"
method = "asha"               # random, grid
samples = 12                  # trainings; a grid has as many as combinations
minutes = 2.0                 # of each that is trained to its end; or steps = 600
budget_minutes = 60.0

[params]
learning_rate = { low = 1e-3, high = 3e-2, log = true }
arch = ["lstm", "ssm"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from models.cluster.sweep import trainers
from models.cluster.sweep.errors import SweepError
from models.cluster.sweep.space import Params, Space, drawn, grid, read_space

METHODS = ("asha", "random", "grid")
MODES = ("min", "max")
LIMITS: dict[str, tuple[type, float, float]] = {
    "samples": (int, 1, 100_000), "eta": (int, 2, 16), "rungs": (int, 1, 8),
    "seed": (int, 0, 2**31), "steps": (int, 1, 10**9), "threads": (int, 1, 256),
    "minutes": (float, 0.01, 10_000.0), "budget_minutes": (float, 0.01, 1e6),
}  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """A sweep. ``rungs``: so often it is decided who goes on; from one to the next ``eta`` times
    as much is trained and one in ``eta`` goes on. ``default`` tries the trainer's own settings
    first, or what ``options`` tell where it has none, as a command."""

    trainer: str
    data: str
    name: str
    space: Space
    method: str = "asha"
    samples: int = 12
    minutes: float | None = None
    steps: int | None = None
    budget_minutes: float | None = None
    metric: str = ""
    mode: str = ""
    eta: int = 3
    rungs: int = 3
    seed: int = 1
    threads: int = 1
    default: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the trainer is told beside: the same for every trial."""

    @property
    def shares(self) -> tuple[float, ...]:
        """Of a whole training, at which it is decided who goes on; the last is 1."""
        count = self.rungs if self.method == "asha" else 1
        return tuple(float(self.eta) ** (k + 1 - count) for k in range(count))

    @property
    def budget(self) -> dict[str, float]:
        """Of a whole training: minutes or steps."""
        if self.steps is not None:
            return {"steps": self.steps}
        return {"minutes": self.minutes or trainers.known(self.trainer).minutes}

    def trials(self) -> list[Params]:
        """What each training is told, in order."""
        if self.method == "grid":
            return list(grid(self.space))
        whole = trainers.known(self.trainer).values or set(self.space) <= set(self.options)
        first: list[Params] = [{}] if self.default and whole else []
        more = (drawn(self.space, self.seed, k) for k in range(len(first), self.samples))
        return [*first, *more][: self.samples]


def read_sweep(path: Path) -> Sweep:
    """The sweep of a file; SweepError in one line. Paths in it are from where one stands."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SweepError(f"{path}: is no TOML: {error}") from None
    if unknown := sorted(set(given) - {"sweep", "params", "options"}):
        raise SweepError(f"{path}: [{unknown[0]}] is none of [sweep], [params], [options]")
    table = given.get("sweep")
    if not isinstance(table, dict):
        raise SweepError(f"{path}: there is no [sweep]")
    return _sweep(path, dict(table), given.get("params"), given.get("options") or {})


def _sweep(path: Path, table: dict[str, Any], params: Any, options: dict[str, Any]) -> Sweep:
    allowed = {one.name for one in fields(Sweep)} - {"space", "options"}
    if unknown := sorted(set(table) - allowed):
        known = ", ".join(sorted(allowed))
        raise SweepError(f"{path}: sweep.{unknown[0]} is not known; there are {known}")
    table.setdefault("name", path.stem)
    for name in ("trainer", "data", "name", "method", "metric", "mode"):
        if name in ("trainer", "data") and name not in table:
            raise SweepError(f"{path}: sweep.{name} is missing")
        if name in table and not isinstance(table[name], str):
            raise SweepError(f"{path}: sweep.{name} = {table[name]!r} is not text")
    for name, (kind, low, high) in LIMITS.items():
        if name in table:
            table[name] = _number(f"{path}: sweep.{name}", table[name], kind, low, high)
    if not isinstance(table.get("default", True), bool):
        raise SweepError(f"{path}: sweep.default = {table['default']!r} is not true or false")
    if not isinstance(params, dict) or not params:
        raise SweepError(f"{path}: [params] says nothing to turn")
    sweep = Sweep(space=read_space(str(path), params), options=options, **table)
    return _checked(path, sweep)


def _checked(path: Path, sweep: Sweep) -> Sweep:
    for name, value, allowed in (
        ("method", sweep.method, METHODS),
        ("trainer", sweep.trainer, trainers.NAMES),
        ("mode", sweep.mode or MODES[0], MODES),
    ):
        if value not in allowed:
            raise SweepError(f"{path}: sweep.{name} = {value!r} is none of {', '.join(allowed)}")
    if sweep.steps is not None and sweep.minutes is not None:
        raise SweepError(f"{path}: either sweep.minutes or sweep.steps")
    trainer = trainers.known(sweep.trainer)
    try:
        if sweep.steps is not None and not trainer.counts_steps:
            raise SweepError("it is trained for minutes, not for steps")
        if not sweep.metric and not trainer.metrics:
            raise SweepError("sweep.metric must say what to go by")
        if sweep.metric and trainer.metrics and sweep.metric not in trainer.metrics:
            known = ", ".join(trainer.metrics)
            raise SweepError(f"sweep.metric = {sweep.metric!r} is none of {known}")
        trainer.check(sweep.space, sweep.options)
        list(sweep.trials())
    except SweepError as error:
        raise SweepError(f"{path}: {sweep.trainer}: {error}") from None
    metric = sweep.metric or next(iter(trainer.metrics))
    mode = sweep.mode or trainer.metrics.get(metric, MODES[0])
    values = {one.name: getattr(sweep, one.name) for one in fields(Sweep)}
    return Sweep(**{**values, "metric": metric, "mode": mode})


def _number(where: str, given: Any, kind: type, low: float, high: float) -> Any:
    right = isinstance(given, int) if kind is int else isinstance(given, int | float)
    if not right or isinstance(given, bool) or not low <= given <= high:
        what = "a whole number" if kind is int else "a number"
        raise SweepError(f"{where} = {given!r} is not {what}, {low:g} to {high:g}")
    return kind(given)


__all__ = ["Sweep", "read_sweep"]
