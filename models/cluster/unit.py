"""A unit of work: what it is told, what it reads and writes, and the hash of all that decides it.

A unit depends on nothing else, so it may be done anywhere and again: whoever does it a second time
writes the same bytes. It is done once its answer has come; until then nothing tells of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

Task = dict[str, Any]


@dataclass(frozen=True)
class File:
    """A file or a folder that a unit reads, and the hash of its content."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Program:
    """What does units: a module that answers tasks as JSON lines, after a first line ``setup``.

    ``code`` are the packages whose code decides what comes out: of ours, by their source; of
    others, by their version. A unit may take ``timeout_s``, forever unless given.
    """

    module: str
    setup: Mapping[str, Any] = field(default_factory=dict)
    code: tuple[str, ...] = ()
    timeout_s: float = float("inf")


@dataclass(frozen=True)
class Unit:
    """A piece of work; ``task`` is JSON. ``reads`` and ``writes`` are the task's keys that name
    files or folders: those are brought to where the unit is done, and what it writes, back."""

    id: str
    task: Task
    reads: Mapping[str, File] = field(default_factory=dict)
    writes: Mapping[str, str] = field(default_factory=dict)

    def key(self, program: Program) -> str:
        """The hash of all that decides the result: the task, contents read, setup and code."""
        paths = {*self.reads, *self.writes}
        told = {name: value for name, value in self.task.items() if name not in paths}
        read = {name: file.sha256 for name, file in self.reads.items()}
        setup = {name: value for name, value in program.setup.items() if name != "log"}
        given = [program.module, setup, versions(program.code), told, read, sorted(self.writes)]
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What became of a unit: ``answer``, or ``error`` in one line.

    ``asked``: the error is in what was asked for, so it is the same everywhere. ``lost`` counts
    how often a worker went with it before; ``where`` is the machine that did it, "" for this one.
    """

    unit: Unit
    answer: dict[str, Any]
    error: str = ""
    asked: bool = False
    lost: int = 0
    where: str = ""
    seconds: float = 0.0
    """What doing it took, without its way there and back."""

    @property
    def task(self) -> Task:
        """What was asked for."""
        return self.unit.task


class Executor(Protocol):
    """Does units somewhere; ``slots`` at a time."""

    @property
    def slots(self) -> int:
        """How many units it does at a time."""
        ...

    def run(
        self, program: Program, units: Iterable[Unit | None], ahead: bool = True
    ) -> Iterator[Outcome]:
        """Yield each unit's outcome once, as they come; leaving early ends what is being done.

        ``units`` is asked for the next one when there is room for it; None says that there is
        none before another outcome. With ``ahead`` some are taken before there is room.
        """
        ...


@cache
def versions(code: tuple[str, ...]) -> dict[str, str]:
    """What is here of these packages: a hash of ours' source, the release of others."""
    return {name: _version(name) for name in code}


def _version(name: str) -> str:
    if name.split(".")[0] not in ("engine", "models", "plugins"):
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"
    found = find_spec(name)
    if found is None or found.origin is None:
        return "not there"
    origin = Path(found.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(origin.parent).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


__all__ = ["Executor", "File", "Outcome", "Program", "Task", "Unit", "versions"]
