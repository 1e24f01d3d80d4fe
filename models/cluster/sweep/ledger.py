"""What a sweep has done: a line of JSON for each part of a training, on disk when it is told.

A sweep that is killed goes on from these lines: a part counts as done if its key is the same, and
what it wrote is there, with nothing written over it since.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

NAME = "trials.jsonl"


@dataclass(frozen=True)
class Part:
    """One part: ``elapsed`` are the seconds of the sweep until then, in all its goes."""

    trial: int
    rung: int
    share: float
    params: dict[str, Any]
    key: str
    metric: float | None
    scores: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    steps: int = 0
    cpu_seconds: float = 0.0
    elapsed: float = 0.0
    where: str = ""
    error: str = ""
    history: list[dict[str, float]] = field(default_factory=list)
    previews: list[str] = field(default_factory=list)


class Ledger:
    """The parts in a sweep's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self.parts = list(_read(self._path))

    @property
    def elapsed(self) -> float:
        """Seconds that the sweep has taken so far."""
        return max((part.elapsed for part in self.parts), default=0.0)

    def find(self, trial: int, rung: int, key: str) -> Part | None:
        """The part whose files lie in its place, if it is the one with this key.

        One that failed wrote nothing, and is tried again.
        """
        wrote = (p for p in reversed(self.parts) if (p.trial, p.rung) == (trial, rung))
        last = next((part for part in wrote if not part.error), None)
        return last if last is not None and last.key == key else None

    def add(self, part: Part) -> None:
        """Write down that a part is done."""
        self.parts.append(part)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+") as file:
            torn = file.tell() and not self._path.read_bytes().endswith(b"\n")
            file.write((b"\n" if torn else b"") + json.dumps(asdict(part)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> Iterator[Part]:
    with suppress(FileNotFoundError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, TypeError):
                yield Part(**json.loads(line))


__all__ = ["NAME", "Ledger", "Part"]
