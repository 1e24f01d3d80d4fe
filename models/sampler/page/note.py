"""What the page writes into a training's folder: whether it waits, runs or has ended, and how."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from models.sampler.folder import write_text
from models.sampler.page.form import RUN, RUN_USUAL

NOTE, STOP, LOG = "page.json", "stop", "work.log"
STATES = ("waiting", "running", "stopped", "done", "failed")


@dataclass(frozen=True)
class Note:
    """``asked`` is when it was asked for (seconds since 1970); ``run`` is by `form.RUN`."""

    state: str = "waiting"
    asked: float = 0.0
    pid: int = 0
    born: float = 0.0  # of that process: a number may have been given to another since
    error: str = ""
    run: dict[str, Any] = field(default_factory=lambda: dict(RUN_USUAL))

    @classmethod
    def read(cls, folder: Path) -> Note:
        """A folder's note; without one, or with a damaged one, what is usual."""
        return cls.find(folder) or cls("stopped")

    @classmethod
    def find(cls, folder: Path) -> Note | None:
        """A folder's note, or None."""
        try:
            given = json.loads((folder / NOTE).read_text(encoding="utf-8"))
            run = {**RUN_USUAL, **given.pop("run", {})}
            run = {name: RUN[name].check(value) for name, value in run.items() if name in RUN}
            note = cls(run=run, **given)
            note = dataclasses.replace(
                note, asked=float(note.asked), pid=int(note.pid), born=float(note.born)
            )
        except (OSError, ValueError, TypeError, AttributeError, OverflowError):
            return None
        return note if note.state in STATES and isinstance(note.error, str) else None

    def write(self, folder: Path) -> None:
        """Write it, whole or not at all."""
        write_text(folder / NOTE, json.dumps(dataclasses.asdict(self)) + "\n")

    def waiting(self) -> Note:
        """It is asked for now."""
        return dataclasses.replace(self, state="waiting", asked=time.time(), pid=0, error="")

    def running(self) -> Note:
        """This process is at it."""
        pid = os.getpid()
        born = psutil.Process(pid).create_time()
        return dataclasses.replace(self, state="running", pid=pid, born=born, error="")

    def ended(self, state: str, error: str = "") -> Note:
        """It has come to an end."""
        return dataclasses.replace(self, state=state, pid=0, error=error)

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        with suppress(psutil.Error, ValueError, OverflowError):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.born) < 1.0
            return self.pid > 0 and same and process.status() != psutil.STATUS_ZOMBIE
        return False


class Stop:
    """A file by which a training is asked to stop; it works for any page, on any system."""

    EVERY_S = 0.1

    def __init__(self, folder: Path) -> None:
        self._path, self._looked, self._asked = folder / STOP, 0.0, False

    def ask(self) -> None:
        """Ask it to stop."""
        self._path.touch()

    def clear(self) -> None:
        """It may go on."""
        self._path.unlink(missing_ok=True)

    def there(self) -> bool:
        """Whether it was asked to."""
        return self._path.exists()

    def asked(self) -> bool:
        """Whether it was asked to, looked up ten times a second: asked after each update."""
        now = time.monotonic()
        if not self._asked and now - self._looked >= self.EVERY_S:
            self._looked, self._asked = now, self.there()
        return self._asked


__all__ = ["LOG", "NOTE", "Note", "Stop"]
