"""All trainings of a folder of runs: one runs at a time, in a process of its own; others wait."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from engine.sampler.errors import SamplerError
from models.sampler.folder import CHECKPOINT, JOB, writing
from models.sampler.holding import taken
from models.sampler.job import Job, read_job, write_job
from models.sampler.page.note import LOG, Note, Stop
from models.sampler.page.view import View

LOCK = ".page.lock"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,79}")
BUSY = ("starting", "running", "stopping", "elsewhere")


class Trainings:
    """The trainings in ``runs``; SamplerError if another page has that folder."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs.resolve()
        with writing(self.runs):
            self.runs.mkdir(parents=True, exist_ok=True)
            self._lock: IO[bytes] = (self.runs / LOCK).open("a+b")
        free = False
        try:
            with writing(self.runs / LOCK):
                free = taken(self._lock)
        finally:
            if not free:
                self._lock.close()
        if not free:
            raise SamplerError(f"{runs}: another page is open on this folder; one is allowed")
        self._views: dict[str, View] = {}
        self._work: tuple[str, subprocess.Popen[bytes], float] | None = None
        self._one = threading.RLock()

    def close(self) -> None:
        """Leave what runs running; others may have the folder."""
        if self._work is not None and self._work[1].poll() is None:
            self._work[1].returncode = 0  # it is not waited for: it goes on by itself
        self._lock.close()

    def views(self) -> list[View]:
        """All of them, in no order."""
        with self._one:
            folders = [
                folder for folder in (self.runs.iterdir() if self.runs.is_dir() else ())
                if NAME.fullmatch(folder.name) and (folder / JOB).is_file()
            ]  # fmt: skip
            return [self._views.setdefault(folder.name, View(folder)) for folder in folders]

    def view(self, name: str) -> View:
        """One of them; SamplerError if there is none of that name."""
        folder = self.runs / name
        if not NAME.fullmatch(name) or not (folder / JOB).is_file():
            raise SamplerError(f"{name}: there is no such training in {self.runs}")
        return self._views.setdefault(name, View(folder))

    def free_name(self, job: Job) -> str:
        """What a training is called unless it is told: recording and approach."""
        stem = re.sub(r"[^A-Za-z0-9_+-]+", "-", Path(job.source).stem).strip("-") or "recording"
        name = f"{stem[:60]}-{job.approach}"
        names = (name if k == 1 else f"{name}-{k}" for k in range(1, 100_000))
        return next(one for one in names if not (self.runs / one).exists())

    def add(self, job: Job, name: str, run: dict[str, Any]) -> str:
        """Let a new training wait for its turn, or begin."""
        with self._one:
            name = name or self.free_name(job)
            if not NAME.fullmatch(name):
                allowed = "letters, figures, - _ + and ., at most 80"
                raise SamplerError(f"name = {name[:90]}: allowed are {allowed}")
            folder = self.runs / name
            if folder.exists():
                raise SamplerError(f"name = {name}: is taken; another name keeps both")
            write_job(folder / JOB, job)
            Note(run=run).waiting().write(folder)
            self.tend()
            return name

    def resume(self, name: str, changes: dict[str, Any]) -> None:
        """Let a training that has ended go on, with more minutes or epochs if they are told."""
        with self._one:
            self._bury()
            view = self.view(name)
            state = view.state()
            if state in BUSY or state == "waiting":
                raise SamplerError(f"{name}: is not at an end yet; stop it first")
            job = read_job(view.folder / JOB)
            if changes:
                job = job.with_values(name, **changes)
                write_job(view.folder / JOB, job)
            if state == "done" and not changes:
                told = f"{job.minutes:g} minutes and {job.num_epochs} epochs"
                raise SamplerError(f"{name}: has had its {told}; to go on it needs more of them")
            Stop(view.folder).clear()
            Note.read(view.folder).waiting().write(view.folder)
            self.tend()

    def stop(self, name: str) -> None:
        """Let a training stop, which keeps the best; one that waits does not begin."""
        with self._one:
            view = self.view(name)
            state = view.state()
            if state == "waiting" and self._begun(view):  # it has not said so yet
                with writing(view.folder):
                    Stop(view.folder).ask()
            elif state == "waiting":
                Note.read(view.folder).ended("stopped").write(view.folder)
            elif state == "elsewhere":
                raise SamplerError(f"{name}: was not started from here; Ctrl-C there stops it")
            elif state in BUSY:
                with writing(view.folder):
                    Stop(view.folder).ask()
            else:
                raise SamplerError(f"{name}: does not run")

    def remove(self, name: str) -> None:
        """Forget a training that has not begun: there is nothing to lose."""
        with self._one:
            view = self.view(name)
            if (view.folder / CHECKPOINT).exists() or view.state() in BUSY:
                told = "holds a training; remove the folder itself if it is not wanted"
                raise SamplerError(f"{view.folder}: {told}")
            shutil.rmtree(view.folder, ignore_errors=True)
            self._views.pop(name, None)

    def tend(self) -> None:
        """See whether the next one may begin; called every second."""
        with self._one:
            self._bury()
            states = [(view, view.state()) for view in self.views()]
            if self._work is not None or any(state in BUSY for _, state in states):
                return
            waiting = [view for view, state in states if state == "waiting"]
            if waiting:
                self._begin(min(waiting, key=lambda view: Note.read(view.folder).asked))

    def _begin(self, view: View) -> None:
        folder = view.folder
        try:
            with writing(folder):
                Stop(folder).clear()
                with (folder / LOG).open("ab") as log:
                    self._work = view.name, _started(folder, log), Note.read(folder).asked
        except SamplerError as error:
            with suppress(SamplerError):
                Note.read(folder).ended("failed", str(error)).write(folder)

    def _begun(self, view: View) -> bool:
        """Whether its process is there, and not only one from before that still ends."""
        work = self._work
        return work is not None and work[0] == view.name and work[2] == Note.read(view.folder).asked

    def _bury(self) -> None:
        """Look whether the process has ended; one that could not even begin is told of."""
        if self._work is None or self._work[1].poll() is None:
            return
        name, work, asked = self._work
        self._work = None
        folder = self.runs / name
        note = Note.find(folder)
        # It never said that it runs; one that was asked for again since is another matter.
        if note is not None and note.state == "waiting" and note.asked == asked:
            told = f"could not be started (status {work.returncode}); see {folder / LOG}"
            with suppress(SamplerError):
                dataclasses.replace(note, state="failed", error=told).write(folder)


def _started(folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """The process: Ctrl-C in the page's terminal is not for it."""
    command = [sys.executable, "-P", "-m", "models.sampler.page.work", str(folder)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


__all__ = ["NAME", "Trainings"]
