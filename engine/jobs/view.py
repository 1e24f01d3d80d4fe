"""Reads what became of jobs: for the command line and for the page."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from engine.jobs.place import EVENTS, JOB, LOG, NAME, STOP, JobError, jobs_folder

OPEN = ("waiting", "running", "stopping")
MOST_POINTS = 400
"""Of a curve, on the page."""
GONE = "its process is gone; resume goes on from what it left"
Curve = list[tuple[float, float]]


@dataclass
class Job:
    """A job as its files tell of it. ``state``: waiting, running, stopping, done, stopped, failed.

    ``models`` are (path, plugin, scores), the last is the newest. ``seconds`` it ran so far.
    """

    folder: Path
    words: list[str]
    kind: str
    title: str
    cwd: str
    asked: float
    state: str = "waiting"
    error: str = ""
    done: float = 0.0
    text: str = ""
    pid: int = 0
    born: float = 0.0
    seconds: float = 0.0
    curves: dict[str, Curve] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    previews: list[tuple[str, Path]] = field(default_factory=list)
    models: list[tuple[Path, str, dict[str, Any]]] = field(default_factory=list)
    watched: list[Path] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.folder.name

    @property
    def open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in OPEN

    def row(self) -> dict[str, Any]:
        """The job in one line of a list."""
        scores = self.models[-1][2] if self.models else {}
        return {
            "name": self.name, "kind": self.kind, "title": self.title, "state": self.state,
            "done": self.done, "text": self.text, "error": self.error, "asked": self.asked,
            "seconds": round(self.seconds, 1), "scores": scores, "words": self.words,
            "plays": self.models[-1][1] if self.models else "",
        }  # fmt: skip

    def details(self) -> dict[str, Any]:
        """All that is to be shown of one job; previews and models by their numbers."""
        curves = {name: thinned(points) for name, points in self.all_curves().items()}
        models = [{"name": p.name, "plays": plays, "scores": s} for p, plays, s in self.models]
        previews = [label for label, _ in self.all_previews()]
        return {**self.row(), "curves": curves, "units": self.units, "previews": previews,
                "models": models, "log": self.log()}  # fmt: skip

    def all_curves(self) -> dict[str, Curve]:
        """Curves that were told and those in watched folders."""
        found = dict(self.curves)
        for folder in self.watched:
            for row in _lines(folder / "history.jsonl"):
                x = row.get("seconds", row.get("step"))
                for name, y in row.items() if _is_number(x) else ():
                    if name not in NO_CURVES and _is_number(y):
                        found.setdefault(name, []).append((float(x or 0.0), float(y)))
        return found

    def all_previews(self) -> list[tuple[str, Path]]:
        """Sounds to hear, label and file: told, and those in watched folders."""
        found = [(label, path) for label, path in self.previews if path.is_file()]
        for folder in self.watched:
            paths = [*folder.glob("preview*.wav"), *folder.glob("previews/*.wav")]
            found += [(path.stem, path) for path in sorted(paths)]
        return found

    def log(self, most: int = 4000) -> str:
        """The end of what it printed."""
        with suppress(OSError), (self.folder / LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read().decode(errors="replace")
        return ""

    def stop(self) -> None:
        """Ask it to come to an end: what it has found is kept. JobError if it is over.

        A sweep ends what it trains just now and makes a model of the best; asked once more, it
        ends at once, without one.
        """
        if not self.open:
            raise JobError(f"{self.name}: is {self.state}; there is nothing to stop")
        (self.folder / STOP).touch()
        now = read(self.folder)  # it may have begun since this was read
        if now.state == "stopping" and (self.state == "stopping") == (self.kind in LOOKING):
            interrupt(now.pid)

    def _alive(self) -> bool:
        with suppress(psutil.Error, ValueError, OverflowError):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.born) < 1.0
            return self.pid > 0 and same and process.status() != psutil.STATUS_ZOMBIE
        return False

    def _settle(self, began: float, ended: float) -> None:
        """What only the moment tells: whether its process is there, how long it has run."""
        if self.state == "running" and not self._alive():
            self.state, self.error = "stopped", GONE
        elif self.open and (self.folder / STOP).exists():
            self.state = "stopping" if self.state == "running" else "stopped"
        if self.state == "done":
            self.done = 1.0
        if began:
            until = time.time() if self.state in ("running", "stopping") else ended
            self.seconds += until - began


def interrupt(pid: int) -> None:
    """Press Ctrl-C for a process, if it is still there."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGINT)


LOOKING = ("sweep",)
"""Kinds whose command looks by itself whether it is asked to stop."""
NO_CURVES = ("step", "seconds", "done", "epoch", "learning_rate")


def read(folder: Path) -> Job:
    """A job in its folder; JobError if there is none."""
    try:
        told = json.loads((folder / JOB).read_text(encoding="utf-8"))
        given = ([str(word) for word in told["words"]], str(told["kind"]), str(told["title"]))
        job = Job(folder, *given, str(told["cwd"]), float(told["asked"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise JobError(f"{folder.name[:80]}: there is no such job; see taraf jobs list") from None
    began = at = 0.0
    for row in _lines(folder / EVENTS):
        with suppress(ValueError, TypeError, KeyError):
            at = float(row.get("at", at))
            if row.get("state") == "running":
                began, job.error = at, ""
            elif "state" in row and began:
                job.seconds, began = job.seconds + at - began, 0.0
            _fold(job, row)
    job._settle(began, at)
    return job


def _fold(job: Job, row: dict[str, Any]) -> None:
    """Take note of one thing that happened."""
    if "state" in row:
        job.state, job.error = str(row["state"]), str(row.get("error", ""))
        job.pid, job.born = int(row.get("pid", 0)), float(row.get("born", 0.0))
    if "done" in row:
        job.done, job.text = float(row["done"]), str(row.get("text", ""))
    if "curve" in row and _is_number(row["x"]) and _is_number(row["y"]):
        job.curves.setdefault(str(row["curve"]), []).append((float(row["x"]), float(row["y"])))
        job.units[str(row["curve"])] = str(row.get("unit", ""))
    if "watch" in row and Path(row["watch"]) not in job.watched:
        job.watched.append(Path(row["watch"]))
    if "preview" in row:
        job.previews.append((str(row.get("label", "")), Path(row["preview"])))
    if "model" in row:
        scores = dict(row["scores"]).items()  # a page knows no NaN
        told = {k: v for k, v in scores if not isinstance(v, float) or math.isfinite(v)}
        job.models.append((Path(row["model"]), str(row["plays"]), told))


def all_jobs() -> list[Job]:
    """Every job, the newest first."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for folder in sorted(jobs_folder().iterdir(), reverse=True):
            if NAME.fullmatch(folder.name):
                with suppress(JobError):
                    found.append(read(folder))
    return found


def find(name: str) -> Job:
    """A job by its name, or by a part of it; JobError if none or several."""
    if NAME.fullmatch(name) and (jobs_folder() / name / JOB).is_file():
        return read(jobs_folder() / name)
    near = [job for job in all_jobs() if name in job.name]
    if len(near) != 1 or not name:
        told = f"{len(near)} jobs are called so" if near else "there is no such job"
        raise JobError(f"{name[:80]}: {told}; see taraf jobs list")
    return near[0]


def thinned(points: Curve) -> Curve:
    """At most so many points as a page can show, the last one always."""
    every = -(-len(points) // MOST_POINTS) if points else 1
    return [*points[:-1:every], points[-1]] if points else []


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


__all__ = ["LOOKING", "Job", "all_jobs", "find", "interrupt", "read", "thinned"]
