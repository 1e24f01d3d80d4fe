"""One run on Ray: units that are out, what was lost of them, and what comes back.

Lost work is our own business, not Ray's: a unit whose worker or machine went away is given out
again, and only that. Why not Ray's retries: they happen unseen, and one must be able to say what
was lost.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from models.cluster.errors import ClusterError
from models.cluster.node import Order, Result
from models.cluster.packing import packed, unpack
from models.cluster.store import opened
from models.cluster.unit import Outcome, Program, Unit, versions

MOST_LOST = 5
"""Workers that a unit may take with it before it is given up: it is the unit then."""
LONGEST_S = 1.0
"""Of work that travels as one: what a lost worker costs at most, where units are that short."""
HEADROOM = 2.0
SHARE = 0.05
"""Of a unit's own time, that giving it out may take: one that is shorter does not travel alone."""
PROBE = ".taraf-probe"


class Run:
    """The units that are out, several in a task, and the references that stand for the tasks."""

    def __init__(
        self, ray: Any, perform: Any, program: Program, store: str | None,
        sent: dict[str, Any], probes: Probes,
    ) -> None:  # fmt: skip
        self._ray, self._perform, self._program, self._store = ray, perform, program, store
        self._sent, self._probes = sent, probes
        self._code = versions(program.code)
        self._out: dict[Any, list[tuple[Unit, int]]] = {}
        self._busy, self._given = 0.0, 0  # what giving out and taking back cost, and how often
        self._work, self._done = 0.0, 0  # what units took

    @property
    def tasks(self) -> int:
        """How many tasks are out."""
        return len(self._out)

    def together(self, slots: int) -> int:
        """How many units are to travel as one: see `together`."""
        if self._done < slots or not self._given or not self._work:
            return 1
        return together(slots, self._work / self._done, self._busy / self._given)

    def give(self, units: Iterable[Unit]) -> None:
        """Give units out, as one task."""
        self._give([(unit, 0) for unit in units])

    def _give(self, given: list[tuple[Unit, int]]) -> None:
        began = time.perf_counter()
        orders = [self._order(unit) for unit, _ in given]
        self._out[self._perform.remote(orders)] = given
        self._given += 1
        self._busy += time.perf_counter() - began

    def _order(self, unit: Unit) -> Order:
        reads = {n: (f.path, f.sha256, Path(f.path).is_dir()) for n, f in unit.reads.items()}
        writes = {name: (path, self._probes.beside(path)) for name, path in unit.writes.items()}
        key = unit.key(self._program) if self._store else ""
        sent = {h: self._sent[h] for _, h, _ in reads.values() if h in self._sent}
        given = (self._program, self._code, dict(unit.task), key, self._store, reads, writes, sent)
        return Order(*given)

    def outcomes(self, most_s: float) -> Iterator[Outcome]:
        """Those that have come, after a while at most; what was lost is given out again."""
        ready, _ = self._ray.wait(list(self._out), num_returns=1, timeout=most_s)
        if ready:  # and all others that are there, too
            ready, _ = self._ray.wait(list(self._out), num_returns=len(self._out), timeout=0)
        for reference in ready:
            given = self._out.pop(reference)
            began = time.perf_counter()
            try:
                results: list[Result] = self._ray.get(reference)
            except Exception as error:
                yield from self._lost(given, error)
                continue
            found = [o for one, result in zip(given, results, strict=True)
                     for o in self._taken(*one, result)]  # fmt: skip
            self._busy += time.perf_counter() - began
            yield from found

    def _taken(self, unit: Unit, lost: int, result: Result) -> Iterator[Outcome]:
        """What came of a unit, brought to its place; none where it has to be given out again."""
        if result.missing:
            self._send(unit, result.missing)
            self._give([(unit, lost)])
            return
        self._bring(unit, result)
        self._work, self._done = self._work + result.seconds, self._done + 1
        told = (result.answer, result.error, result.asked, lost, result.where, result.seconds)
        yield Outcome(unit, *told)

    def _lost(self, given: list[tuple[Unit, int]], error: Exception) -> Iterator[Outcome]:
        """Give it out again if only its worker is gone, one by one; raise if that helps nothing."""
        kinds = self._ray.exceptions
        if isinstance(error, kinds.RayTaskError):
            cause = error.cause if isinstance(error.cause, Exception) else error
            if isinstance(cause, ModuleNotFoundError):
                raise ClusterError(f"a node lacks {cause.name}: install taraf on each") from None
            raise ClusterError(one_line(cause)) from None
        if not isinstance(error, kinds.RayError) or not self._ray.is_initialized():
            told = "what is done is kept; the same command goes on"
            raise ClusterError(f"the cluster is gone ({type(error).__name__}): {told}") from None
        for unit, lost in given:
            if lost + 1 >= MOST_LOST:
                said = f"{lost + 1} workers were lost with it: {one_line(error)}"
                yield Outcome(unit, {}, said)
            else:
                self._give([(unit, lost + 1)])

    def _send(self, unit: Unit, missing: Iterable[str]) -> None:
        """Put what a machine lacks where it can have it."""
        paths = {file.sha256: Path(file.path) for file in unit.reads.values()}
        for sha256 in missing:
            if sha256 in self._sent:
                continue
            data = packed(paths[sha256])
            if self._store:
                if not opened(self._store).has(f"inputs/{sha256}"):
                    opened(self._store).put(f"inputs/{sha256}", data)
                self._sent[sha256] = None
            else:
                self._sent[sha256] = self._ray.put(data)

    def _bring(self, unit: Unit, result: Result) -> None:
        """Put what a unit wrote in its place."""
        for name, (data, is_folder) in result.files.items():
            if data is None:
                assert self._store
                data = opened(self._store).file(unit.key(self._program), name)
            unpack(data, Path(unit.writes[name]), is_folder)

    def end(self) -> None:
        """Let go of what is still out."""
        for reference in self._out:
            with suppress(Exception):
                self._ray.cancel(reference, force=True)
        self._out.clear()


def together(slots: int, unit_s: float, task_s: float) -> int:
    """How many units of ``unit_s`` are to travel as one, where a task costs the driver ``task_s``.

    One, unless giving out would take more than a share of doing, or more time than there is until
    so many slots ask again.
    """
    wanted = task_s * max(1.0 / SHARE, HEADROOM * slots) / unit_s
    return max(1, min(math.ceil(wanted), int(LONGEST_S / unit_s)))


class Probes:
    """Files by which a machine sees whether a folder of ours is a folder of its own."""

    def __init__(self) -> None:
        self._made: dict[Path, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for path in self._made.values():
            Path(path).unlink(missing_ok=True)

    def beside(self, path: str) -> str:
        """The probe in the folder that ``path`` lies in; none if nothing can be written there."""
        folder = Path(path).parent
        if folder not in self._made:
            probe = folder / f"{PROBE}-{os.urandom(8).hex()}.part"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                probe.touch()
            except OSError:
                return ""
            self._made[folder] = str(probe)
        return self._made[folder]


def one_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def last_line(error: BaseException) -> str:
    """The last line of what an error says: Ray tells whole tracebacks."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip()[:300] if lines else type(error).__name__


__all__ = ["Probes", "Run", "last_line", "one_line", "together"]
