"""What is told of a training, from the files in its folder: whoever started it."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from models.sampler.folder import BEST, CHECKPOINT, HISTORY, JOB, PREVIEWS
from models.sampler.page.note import NOTE, Note, Stop
from models.sampler.page.tail import Tail

ACTIVE_S = 60.0
"""A training that no page has started runs, as far as one can tell, if it wrote so lately."""
MOST_POINTS = 1500
CURVE = ("seconds", "step", "loss", "missed")


class View:
    """One training's folder, read again only where it has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        self._history, self._previews = Tail(folder / HISTORY), Tail(folder / PREVIEWS)
        self._job: tuple[float, dict[str, Any]] = (-1.0, {})

    def job(self) -> dict[str, Any]:
        """The job as it is written; empty where it cannot be read."""
        path = self.folder / JOB
        try:
            at = path.stat().st_mtime
            if at != self._job[0]:
                found = json.loads(path.read_text(encoding="utf-8"))
                self._job = at, found if isinstance(found, dict) else {}
        except (OSError, ValueError):
            self._job = -1.0, {}
        return self._job[1]

    def state(self) -> str:
        """waiting, starting, running, stopping, elsewhere, stopped, broken, done or failed."""
        note = Note.find(self.folder)
        if note is not None and note.state == "running":
            if not note.alive:
                return "broken"
            if Stop(self.folder).there():
                return "stopping"
            return "running" if self._since(note) else "starting"
        if note is not None and note.state == "waiting":
            return "waiting"
        if self._active(note):
            return "elsewhere"
        return note.state if note is not None else "done" if self._done >= 1.0 else "stopped"

    def row(self) -> dict[str, Any]:
        """What the list tells of it."""
        job, note, state = self.job(), Note.read(self.folder), self.state()
        history, previews = self._history.read(), self._previews.read()
        last, best = history[-1] if history else {}, _best(previews)
        seconds, done = _number(last.get("seconds")), min(1.0, _number(last.get("done")))
        left = seconds * (1.0 - done) / done if done > 0.01 else None
        return {
            "name": self.name, "state": state, "error": note.error if state == "failed" else "",
            "approach": str(job.get("approach", "")), "source": _file(job.get("source")),
            "minutes": _number(job.get("minutes")), "done": done, "seconds": seconds,
            "left": left, "step": int(_number(last.get("step"))), "loss": last.get("loss"),
            "previews": len(previews), "best": _preview(best) if best else None,
            "resumable": (self.folder / CHECKPOINT).is_file(), "plays": self.plays,
            "asked": note.asked or self._born(), "run": note.run,
        }  # fmt: skip

    @property
    def plays(self) -> bool:
        """Whether there is a model yet."""
        return (self.folder / BEST).is_file()

    def details(self, epoch: int, since: int) -> dict[str, Any]:
        """All of it, with the loss curve from row ``since`` of ``epoch`` on."""
        rows, previews = self._history.read(), self._previews.read()
        if epoch != self._history.epoch or since > len(rows):
            since = 0
        new = rows[since:]
        thin = max(1, math.ceil(len(new) / MOST_POINTS))
        curve = [[_number(row.get(name)) for name in CURVE] for row in new[::thin]]
        return {
            **self.row(), "job": self.job(), "since": since, "rows": len(rows),
            "epoch": self._history.epoch, "curve": curve,
            "dreams": [_preview(row) for row in previews],
        }  # fmt: skip

    @property
    def _done(self) -> float:
        rows = self._history.read()
        return _number(rows[-1].get("done")) if rows else 0.0

    def _since(self, note: Note) -> bool:
        """Whether it has told of anything since it was started."""
        return _changed(self.folder / HISTORY) >= note.born

    def _active(self, note: Note | None) -> bool:
        """Whether a training that is not this page's writes here."""
        files = (self.folder / name for name in (HISTORY, PREVIEWS, CHECKPOINT))
        latest = max(_changed(path) for path in files)
        own = _changed(self.folder / NOTE) if note is not None else 0.0
        return self._done < 1.0 and latest > own + 2.0 and time.time() - latest < ACTIVE_S

    def _born(self) -> float:
        return _changed(self.folder / JOB)


def _best(previews: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((row for row in reversed(previews) if row.get("best") is True), None)


def _preview(row: dict[str, Any]) -> dict[str, Any]:
    """A preview as the page shows it: its score by criterion, with what each value means."""
    score = row.get("score")
    criteria = score.get("criteria") if isinstance(score, dict) else None
    return {
        "file": _file(row.get("file")), "step": int(_number(row.get("step"))),
        "seconds": _number(row.get("seconds")), "merit": _number(row.get("merit")),
        "best": row.get("best") is True,
        "grades": row["grades"] if isinstance(row.get("grades"), dict) else {},
        "criteria": criteria if isinstance(criteria, dict) else {},
    }  # fmt: skip


def _file(name: object) -> str:
    return Path(str(name or "")).name


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return 0.0


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


__all__ = ["View"]
