"""Writes what becomes of a job: begun, how far, what it found, how it ended."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import psutil

from engine.jobs.place import EVENTS, JOB, OF, STOP, JobError, jobs_folder
from engine.whole import write_whole

TELL_EVERY_S, TELL_EVERY_SHARE = 0.5, 0.001
"""How often the share that is done is written; more seldom when it has run for long."""


class Record:
    """The one who does a job writes here; every line is whole and on disk when it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._began, self._told = folder, time.monotonic(), 0.0
        self._stretch = (0.0, 1.0)

    @property
    def name(self) -> str:
        """What the job is called."""
        return self.folder.name

    def tell(self, **what: Any) -> None:
        """One thing that happened."""
        line = json.dumps({"at": round(time.time(), 3), **what})
        with (self.folder / EVENTS).open("ab+") as file:
            if file.tell():  # a kill may have left half a line
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else "\n" + line
            file.write(line.encode() + b"\n")

    def running(self, pid: int | None = None) -> None:
        """A process is at it from now on: this one unless given."""
        pid = pid or os.getpid()
        self.tell(state="running", pid=pid, born=psutil.Process(pid).create_time())

    def progress(self, done: float, text: str = "") -> None:
        """The share that is done, 0 to 1; told now and then."""
        now, (begin, end) = time.monotonic(), self._stretch
        done = begin + (end - begin) * done
        pause = max(TELL_EVERY_S, TELL_EVERY_SHARE * (now - self._began))
        if now - self._told >= pause or done >= 1.0:
            self._told = now
            self.tell(done=round(done, 4), text=text)

    @contextmanager
    def stretch(self, begin: float, end: float) -> Iterator[None]:
        """The 0 to 1 that is told within is this stretch of the 0 to 1 that is told outside."""
        outside = self._stretch
        size = outside[1] - outside[0]
        self._stretch = (outside[0] + begin * size, outside[0] + end * size)
        try:
            yield
        finally:
            self._stretch = outside

    def point(self, curve: str, x: float, y: float, unit: str = "") -> None:
        """A point of a curve."""
        self.tell(curve=curve, x=x, y=y, unit=unit)

    def watch(self, folder: Path) -> None:
        """A folder in which curves (history.jsonl) and previews come to lie."""
        self.tell(watch=str(folder.absolute()))

    def preview(self, path: Path, label: str) -> None:
        """A sound to hear."""
        self.tell(preview=str(path.absolute()), label=label)

    def made(self, path: Path, plays: str, scores: Mapping[str, Any]) -> None:
        """A model: where it is, the plugin that plays it, how good it is."""
        self.tell(model=str(path.absolute()), plays=plays, scores=dict(scores))

    def ended(self, state: str, error: str = "") -> None:
        """It is over: done, stopped or failed."""
        self.tell(state=state, error=error)

    @property
    def asked_to_stop(self) -> bool:
        """Whether it is asked to come to an end."""
        return (self.folder / STOP).exists()


def make(words: Sequence[str], kind: str, title: str, cwd: Path | None = None) -> Record:
    """A new job that waits; its name begins with the time, so that jobs lie in order."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-") or "job"
    folder = jobs_folder()
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1000):
        place = folder / (f"{stamp}-{plain}" + (f"-{number + 1}" if number else ""))
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            continue
        told = {"format": 1, "words": list(words), "kind": kind, "title": title}
        told |= {"cwd": str((cwd or Path.cwd()).absolute()), "asked": time.time()}
        write_whole(place / JOB, json.dumps(told).encode() + b"\n")
        return Record(place)
    raise JobError(f"{folder}: a thousand jobs in one second are too many")


_OURS: list[Record] = []
"""The job that this process was started for."""


def current() -> Record | None:
    """The job that this process was started for; None if for none.

    Programs that this one starts are not told of it: they would take its record for their own.
    """
    if given := os.environ.pop(OF, None):
        _OURS[:] = [Record(Path(given))]
    with suppress(OSError):
        if _OURS and (_OURS[0].folder / JOB).is_file():
            return _OURS[0]
    return None


def progress(done: float, text: str = "") -> None:
    """Tell the job that this process does, if it does one, the share that is done."""
    if record := current():
        with suppress(OSError):  # a full disk ends no training here
            record.progress(done, text)


@contextmanager
def stretch(begin: float, end: float) -> Iterator[None]:
    """What ``progress`` tells within is this stretch of the whole."""
    record = current()
    with record.stretch(begin, end) if record else nullcontext():
        yield


__all__ = ["Record", "current", "make", "progress", "stretch"]
