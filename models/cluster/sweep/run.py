"""Runs a sweep: trainings in parts, the best going on, wherever an executor does them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.cluster.packing import content_hash
from models.cluster.sweep import trainers
from models.cluster.sweep.asha import Asha
from models.cluster.sweep.errors import StoppedError, SweepError
from models.cluster.sweep.ledger import Ledger, Part
from models.cluster.sweep.space import Params
from models.cluster.sweep.spec import Sweep
from models.cluster.unit import Executor, File, Outcome, Program, Unit

Told = Callable[[Part, int], None]
"""What is called with each part that is done, and how many are being trained."""


@dataclass(frozen=True)
class Best:
    """The best training: how far it came and where its files lie."""

    part: Part
    folder: Path


@dataclass(frozen=True)
class Summary:
    """What a sweep found. ``stopped`` is "done", "budget" or "asked".

    ``spent`` is what was trained over what training all to their ends would be.
    """

    best: Best
    parts: tuple[Part, ...]
    trials: int
    stopped: str
    spent: float
    seconds: float


class Running:
    """One sweep in its folder; goes on from what lies there."""

    def __init__(
        self, sweep: Sweep, folder: Path, executor: Executor, told: Told = lambda part, out: None,
        stop: Callable[[], bool] = lambda: False, log: str = os.devnull,
    ) -> None:  # fmt: skip
        self.sweep, self.folder, self._executor = sweep, folder.absolute(), executor
        self._told, self._stop = told, stop
        self._data = File(str(_data(sweep)), content_hash(_data(sweep)))
        self.trainer = trainers.known(sweep.trainer)
        setup = {"trainer": sweep.trainer, "log": log}
        self._program = Program("models.cluster.sweep.worker", setup, self.trainer.code)
        self.trials = sweep.trials()
        sign = 1.0 if sweep.mode == "min" else -1.0
        self._merit: Callable[[float], float] = lambda metric: sign * metric
        self.ledger = Ledger(folder)
        self._before = self.ledger.elapsed
        self._began = time.monotonic()
        self._done: dict[tuple[int, int], Part] = {}
        self._asha = Asha(len(self.trials), len(sweep.shares), sweep.eta)
        self._stopped = "done"

    @property
    def elapsed(self) -> float:
        """Seconds in all goes."""
        return self._before + time.monotonic() - self._began

    def run(self) -> Summary:
        """Train until all is decided, the budget is spent or ``stop`` says so; what is under way
        then is still brought to its end. SweepError where there is no best one.
        """
        self._replay()
        for outcome in self._executor.run(self._program, self._units(), ahead=False):
            self._take(outcome)
        found = self._asha.best()
        if found is None:
            raise self._nothing()
        best = Best(self._done[found], self.place(*found))
        spent = sum(self._steps()) / len(self.trials)
        parts = tuple(self._done.values())
        return Summary(best, parts, len(self.trials), self._stopped, spent, self.elapsed)

    def export(self, best: Best, target: Path) -> dict[str, Any]:
        """Make a model of the best that plays, in ``target``; what its card tells."""
        target = target.absolute()
        task = self._task(best.part.params, best.part.share, "export", str(target))
        task |= {"before": str(best.folder)}
        read = {"data": self._data, "before": File(str(best.folder), content_hash(best.folder))}
        unit = Unit("export", task, read, {"folder": str(target)})
        (outcome,) = self._executor.run(self._program, [unit], ahead=False)
        if outcome.error:
            raise SweepError(f"{target}: {outcome.error}")
        told: dict[str, Any] = outcome.answer["told"]
        return told

    def place(self, trial: int, rung: int) -> Path:
        """The folder of a part."""
        return self.folder / "trials" / f"{trial:03d}" / f"rung-{rung}"

    def _replay(self) -> None:
        """Take what was done before, whatever the time is: it costs none."""
        for trial, rung in dict.fromkeys((part.trial, part.rung) for part in self.ledger.parts):
            known = trial < len(self.trials) and rung < len(self.sweep.shares)
            follows = rung == 0 or (trial, rung - 1) in self._done
            if known and follows and self.place(trial, rung).is_dir():
                key = self._unit(trial, rung).key(self._program)
                if (part := self.ledger.find(trial, rung, key)) is not None:
                    again = replace(part, metric=self._metric(part.scores))
                    self._enter((trial, rung), again)

    def _units(self) -> Iterator[Unit | None]:
        while (job := self._asha.next()) is not None or self._asha.out:
            if self._over():
                return
            yield None if job is None else self._unit(*job)

    def _over(self) -> bool:
        minutes = self.sweep.budget_minutes
        if self._stop():
            self._stopped = "asked"
        elif minutes is not None and self.elapsed >= 60.0 * minutes:
            self._stopped = "budget"
        else:
            return False
        return True

    def _unit(self, trial: int, rung: int) -> Unit:
        folder = self.place(trial, rung)
        task = self._task(self.trials[trial], self.sweep.shares[rung], "advance", str(folder))
        reads = {"data": self._data}
        if rung:
            before = self.place(trial, rung - 1)
            task["before"] = str(before)
            reads["before"] = File(str(before), content_hash(before))
        return Unit(f"{trial}-{rung}", task, reads, {"folder": str(folder)})

    def _task(self, params: Params, share: float, do: str, folder: str) -> dict[str, Any]:
        sweep = self.sweep
        rung = {
            "params": params, "options": dict(sweep.options), "budget": sweep.budget,
            "share": share, "name": sweep.name, "seed": sweep.seed, "threads": sweep.threads,
        }  # fmt: skip
        return {"do": do, "data": self._data.path, "folder": folder, "rung": rung}

    def _take(self, outcome: Outcome) -> None:
        trial, rung = map(int, outcome.unit.id.split("-"))
        answer, error = outcome.answer, outcome.error
        if outcome.asked:
            raise SweepError(error)
        told = {key: answer[key] for key in KEPT if key in answer}
        part = Part(
            trial, rung, self.sweep.shares[rung], self.trials[trial],
            outcome.unit.key(self._program), self._metric(told.get("scores", {})),
            elapsed=self.elapsed, where=outcome.where, error=error, **told,
        )  # fmt: skip
        self.ledger.add(part)
        self._enter((trial, rung), part)

    def _metric(self, scores: Mapping[str, float]) -> float | None:
        metric = scores.get(self.sweep.metric)
        return float(metric) if metric is not None and math.isfinite(metric) else None

    def _enter(self, job: tuple[int, int], part: Part) -> None:
        if not part.error and self.sweep.metric not in part.scores:
            known = ", ".join(part.scores) or "nothing"
            raise SweepError(f"there is no metric {self.sweep.metric}; there is {known}")
        self._done[job] = part
        self._asha.told(*job, math.inf if part.metric is None else self._merit(part.metric))
        self._told(part, self._asha.out)

    def _nothing(self) -> SweepError:
        """Why there is no best one."""
        told = f"{self.folder}: nothing was trained"
        if self._done:
            errors = (part.error for part in self._done.values() if part.error)
            return SweepError(f"{told}: {next(errors, f'{self.sweep.metric} is no number')}")
        if self._stopped == "asked":
            return StoppedError(f"{told} before it was stopped")
        return SweepError(f"{told}: no time")

    def _steps(self) -> list[float]:
        """The share of a whole training that each trial came to."""
        reached = dict[int, float]()
        for (trial, _), part in self._done.items():
            reached[trial] = max(part.share, reached.get(trial, 0.0))
        return list(reached.values())


KEPT = ("scores", "seconds", "steps", "cpu_seconds", "history", "previews")


def _data(sweep: Sweep) -> Path:
    path = Path(sweep.data).expanduser().absolute()
    if not path.exists():
        raise SweepError(f"data = {sweep.data}: there is no such file or folder")
    return path


__all__ = ["Best", "Running", "Summary", "Told"]
