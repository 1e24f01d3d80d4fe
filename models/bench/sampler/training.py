"""Five recordings, four approaches, two threads: how long until nothing of a dream scores Low."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.bench import Report
from engine.bench.stage.telling import Missing
from models.bench.sampler.grades import HIS, table
from models.bench.sampler.guitar import DATA
from models.bench.sampler.kept import kept
from models.bench.sampler.telling import say
from models.sampler.job import PRESETS, Job
from models.sampler.score.limits import CRITERIA, GRADES, LIMITS
from models.sampler.settings import Preview, Progress, Settings

RECORDINGS = {
    "piano": "mutopia-rendered/clair_first30s_piano.flac",
    "nylon guitar": "mutopia-rendered/carcassi_op60_7_nylon_guitar.flac",
    "electric piano": "mutopia-rendered/bach_wtk1_prelude1_epiano.flac",
    "strings": "librosa-data/Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_"
    "(string_orchestra).hq.ogg",
    "trumpet": "librosa-data/sorohanro_-_solo-trumpet-06.hq.ogg",
}
LIMITS_S = {"spectrum": 300.0, "vector": 300.0, "column": 1200.0, "transpose": 1200.0}
THREADS = 2
MOST_COPY_S = LIMITS["copy"].high
LATER = 3
"""Dreams of the best model that nothing was chosen by."""

Result = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A recording, by its name, and the job that learns it in at most ``limit_s``."""

    name: str
    job: Job
    limit_s: float


def run(report: Report, seconds: float) -> None:
    """Add rows of each training: seconds until it passed, its grades, its longest literal copy."""
    found = []
    for task in tasks():
        result = of(task)
        found.append((task, result))
        _rows(report, task, result)
    passed = sum(result["passed"] and result["seconds"] <= task.limit_s for task, result in found)
    report.add("trainings to a state where nothing is Low", passed, f"of {len(found)}", "all",
               passed == len(found))  # fmt: skip
    for name, grades in HIS.items():
        for criterion, grade in grades.items():
            report.add(f"Pfalz 2018: {name}: {criterion}", GRADES.index(grade), _UNIT)
    ours = [(f"{task.job.approach}: {task.name}", result["grades"]) for task, result in found]
    say("grades of the best preview beside the dissertation's\n" + table(ours))


def tasks() -> list[Task]:
    """All trainings, those that are quick first; raises Missing without the recordings."""
    from engine.sampler.errors import SamplerError

    made = []
    for approach, limit_s in LIMITS_S.items():
        for name, file in RECORDINGS.items():
            path = DATA / "music" / file
            if not path.is_file():
                raise Missing(f"needs {path}")
            try:
                made.append(Task(name, PRESETS[approach].with_values(source=str(path)), limit_s))
            except SamplerError as error:
                raise Missing(str(error)) from None
    return made


def of(task: Task, settings: Settings | None = None) -> Result:
    """What came of a training, now or before."""
    settings = settings or Settings(threads=THREADS, accelerator="cpu", previews=1)
    given = {"limit_s": task.limit_s, "settings": repr(settings), "later": LATER}
    return kept(task.job, given, lambda folder: _learn(task, settings, folder))


def _learn(task: Task, settings: Settings, folder: Path) -> Result:
    """Train until a preview passes, or too long; then dream a few times more."""
    from models.sampler.training import train

    _warm()
    watch = _Watch(task, time.monotonic)
    trained = train(task.job, folder, settings=settings, told=watch.hear, stop=watch.is_over)
    best = trained.best
    return {
        "seconds": round(watch.passed_at or watch.now(), 2), "passed": watch.passed_at is not None,
        "steps": trained.steps, "grades": best.grades, "score": best.score,
        "copy": best.score["criteria"]["C3"]["values"]["copy"]["value"],
        "later": _later(folder, trained.model, task.job),
    }  # fmt: skip


class _Watch:
    """Hears a training's events, tells of them, and says when it is over."""

    def __init__(self, task: Task, clock: Callable[[], float]) -> None:
        self.passed_at: float | None = None
        self._task, self._clock, self._began = task, clock, clock()

    def now(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._began

    def hear(self, event: Progress | Preview) -> None:
        """An event of the training."""
        if not isinstance(event, Preview):
            return
        if event.score.get("passed") and self.passed_at is None:
            self.passed_at = self.now()
        grades = " ".join(f"{name} {grade}" for name, grade in event.grades.items())
        say(f"{self._task.job.approach}, {self._task.name}: {self.now():.0f} s of at most "
            f"{self._task.limit_s:g}, {event.step} updates: {grades}, merit "
            f"{event.merit:.2f}")  # fmt: skip

    def is_over(self) -> bool:
        """Whether a preview has passed, or the time is up."""
        return self.passed_at is not None or self.now() > self._task.limit_s


def _later(folder: Path, model: Any, job: Job) -> int:
    """How many of LATER dreams, from places that no preview began at, pass too."""
    import soundfile

    from models.sampler import folder as files
    from models.sampler.previews import Judge, dreamt, seed_from
    from models.sampler.settings import PREVIEW_S

    sound = soundfile.read(folder / files.SOURCE, dtype="float32")[0]
    judge, passed = Judge(sound, job.rate), 0
    for number in range(LATER):
        seed = seed_from(sound, job.rate, number + (1 << 30))
        made = dreamt(model, seed, PREVIEW_S, number + (1 << 30))
        passed += bool(judge.judge(made)[1].get("passed", False))
    return passed


def _warm() -> None:
    """Compile and import what is so only once, before the clock runs."""
    import numpy as np

    from models.bench.sampler.speed import CASES, by_chance
    from models.sampler.previews import Judge, dreamt

    noise = (0.1 * np.random.default_rng(1).standard_normal(16_000)).astype(np.float32)
    small = by_chance(CASES[0])
    Judge(noise, 16_000).judge(dreamt(small, noise, 0.5, 1))


_UNIT = "0 Low, 1 Medium, 2 High"


def _rows(report: Report, task: Task, result: Result) -> None:
    name = f"{task.job.approach}: {task.name}"
    within = result["passed"] and result["seconds"] <= task.limit_s
    report.add(f"{name}: seconds until nothing is Low", result["seconds"], "s",
               f"at most {task.limit_s:g} s", within)  # fmt: skip
    for criterion, about in CRITERIA.items():
        grade = GRADES.index(result["grades"][criterion])
        report.add(f"{name}: {criterion} {about}", grade, _UNIT, "not Low", grade > 0)
    report.add(f"{name}: longest literal copy", result["copy"], "s", f"under {MOST_COPY_S:g} s",
               result["copy"] < MOST_COPY_S)  # fmt: skip
    report.add(f"{name}: dreams from other seeds that pass too", result["later"], f"of {LATER}")


__all__ = ["LIMITS_S", "RECORDINGS", "Task", "of", "run", "tasks"]
