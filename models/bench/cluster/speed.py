"""Pairs by 1 and 2 workers beside as many processes, in one run; what a unit costs on its way."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.bench.cluster.material import dry, effect
from models.bench.cluster.nodes import several_nodes
from models.cluster.here import Here
from models.cluster.on_ray import OnRay
from models.cluster.unit import Executor, Program, Unit
from models.pairs.render import Work, render

if TYPE_CHECKING:
    from engine.bench import Report

FILES, SETTINGS, ROUNDS = 8, 10, 6
NOTHING = Program("models.bench.cluster.nothing")
UNITS = 400
TOGETHER = 16


@dataclass(frozen=True)
class Costs:
    """Seconds: of a pair on its core; of the driver for a task and for each unit in it."""

    pair_s: float
    task_s: float
    unit_s: float


def run(report: Report) -> None:
    """The rows of a run; see `measured`."""
    measured(report)


def measured(report: Report | None) -> Costs:
    """Measure on one and two workers; rows into ``report`` where there is one."""
    with tempfile.TemporaryDirectory(prefix="taraf-", dir="/tmp") as made:
        folder = Path(made)
        source = dry(folder / "dry", FILES, 5.0)
        rates, ways = {}, {}
        with several_nodes(folder / "r") as nodes:
            for jobs in (1, 2):
                nodes.add(1)
                rates[jobs] = _rates(source, folder, jobs)
                ways[jobs] = _way(Here(jobs)), _way(_ray(1)), _way(_ray(None))
            single, many = (_busy(source, folder, count) for count in (1, TOGETHER))
    # one task carries one unit, or TOGETHER: two equations, two unknowns
    task_s = max(0.0, (single - many) * TOGETHER / (TOGETHER - 1))
    unit_s = max(0.0, single - task_s)
    pair_s = rates[1][2]
    if report is not None:
        for jobs, (local, ray, _) in rates.items():
            what = "worker" if jobs == 1 else "workers"
            report.add(f"speed: pairs of 5 s by {jobs} local processes", local, "pairs/s")
            report.add(f"speed: by {jobs} {what} of Ray", ray, "pairs/s")
            report.add(f"speed: {jobs} {what} of Ray over local processes", ray / local, "",
                       "0.8 or more", ray / local >= 0.8)  # fmt: skip
        for jobs, (local, alone, many) in ways.items():
            report.add(f"speed: a unit that does nothing, {jobs} local", 1e3 * local, "ms")
            report.add(f"speed: the same on Ray, {jobs}, each alone", 1e3 * alone, "ms")
            report.add(f"speed: the same on Ray, {jobs}, as they travel", 1e3 * many, "ms")
        over = 1e3 * (ways[1][1] - ways[1][0])
        report.add("speed: overhead of a unit on Ray, alone, one worker", over, "ms", "10 or less",
                   over <= 10.0)  # fmt: skip
        report.add("speed: the driver's own processor time, a task", 1e3 * task_s, "ms")
        report.add("speed: the driver's own processor time, each unit in it", 1e3 * unit_s, "ms")
        report.add("speed: a pair of 5 s, on a core", 1e3 * pair_s, "ms")
    return Costs(pair_s, task_s, unit_s)


def _rates(source: Path, folder: Path, jobs: int) -> tuple[float, float, float]:
    """Pairs a second, here and there, the best of some rounds in turn; seconds of a pair."""
    kinds: dict[str, Callable[[], Executor]] = {
        "here": lambda: Here(jobs), "there": OnRay,
    }  # fmt: skip
    best = dict.fromkeys(kinds, 0.0)
    pair = float("inf")
    for number in range(ROUNDS):
        for kind, make in kinds.items():
            timed = _Timed(make())
            out = folder / f"{kind}-{jobs}-{number}"
            render(source, out, effect(SETTINGS), Work(jobs, on=timed))
            best[kind] = max(best[kind], timed.rate)
            pair = min(pair, timed.unit_s)
    return best["here"], best["there"], pair


class _Timed:
    """An executor whose units are timed from the first outcome on: without what starts them."""

    def __init__(self, inner: Executor) -> None:
        self._inner, self.rate, self.unit_s, self.own_s = inner, 0.0, float("inf"), 0.0

    @property
    def slots(self) -> int:
        """As many as it has."""
        return self._inner.slots

    def run(self, program: Program, units: Any, ahead: bool = True) -> Any:
        """As it is, timed."""
        first, count, before = 0.0, 0, time.process_time()
        for outcome in self._inner.run(program, units, ahead):
            now = time.perf_counter()
            first, count = first or now, count + 1
            self.unit_s = min(self.unit_s, outcome.seconds)
            if count > self._inner.slots:
                self.rate = (count - 1) / (now - first)
                self.own_s = (time.process_time() - before) / count
            yield outcome


def _way(executor: Executor) -> float:
    """Seconds of a unit that does nothing: the middle one of some rounds, each once it is warm."""
    units = [Unit(str(number), {"n": number}) for number in range(UNITS)]
    found = []
    for _ in range(ROUNDS):
        times = [time.perf_counter() for _ in executor.run(NOTHING, units)]
        first = UNITS // 10
        found.append((times[-1] - times[first]) / (len(times) - 1 - first))
    return sorted(found)[ROUNDS // 2]


def _ray(together: int | None) -> OnRay:
    """The cluster; so many units travel as one, or as many as it finds right."""
    there = OnRay()
    there.together = together
    return there


def _busy(source: Path, folder: Path, together: int) -> float:
    """Processor seconds of this process for a pair, where so many travel as one."""
    found = []
    for number in range(ROUNDS // 2):
        timed = _Timed(_ray(together))
        out = folder / f"busy-{together}-{number}"
        render(source, out, effect(SETTINGS), Work(on=timed))
        found.append(timed.own_s)
    return min(found)


__all__ = ["Costs", "measured", "run"]
