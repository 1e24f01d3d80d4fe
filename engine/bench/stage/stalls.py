"""Moments in which the machine itself stood still, and which late blocks fell on them.

A virtual processor is taken away by its host; firmware takes a real one. Nothing that a program
does helps then, and a bench that counts late blocks should say which they were.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

from engine.bench.stage.far_end import FarEnd
from engine.host import Host

Span = tuple[float, float]
"""From, to: seconds of ``time.monotonic``."""
LOOK_S = 0.05


class Naps:
    """Half a millisecond of sleep again and again on every processor, before all other threads."""

    def __init__(self) -> None:
        self._stack, self._sleepers = ExitStack(), list[FarEnd]()
        self.first = True
        """Whether they may come before all others; if not, they tell nothing of the machine."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for processor in _processors():
                sleeper = stack.enter_context(
                    FarEnd("engine.bench.stage.naps", processor=processor)
                )
                self._sleepers.append(sleeper)
                self.first &= bool(sleeper.told()["first"])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def pids(self) -> list[int]:
        """Their processes."""
        return [sleeper.pid for sleeper in self._sleepers]

    def ended(self) -> list[Span]:
        """End them: naps that took more than a millisecond, by when they began."""
        for sleeper in self._sleepers:
            sleeper.let_go()
        found = [span for sleeper in self._sleepers for span in sleeper.told()["stalls"]]
        return sorted((began, woken) for began, woken in found)


def _processors() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def late_within(host: Host, seconds: float) -> list[tuple[Span, int]]:
    """Look at a host's count of late blocks for ``seconds``: when it grew, and by how many."""
    row = host.shared.control[0]
    found: list[tuple[Span, int]] = []
    end = (looked := time.monotonic()) + seconds
    late = int(row["late"])
    while looked < end:
        time.sleep(min(LOOK_S, max(end - looked, 0.001)))
        before, looked = looked, time.monotonic()
        if (now := int(row["late"])) > late:
            found.append(((before, looked), now - late))
            late = now
    return found


def in_stalls(late: Sequence[tuple[Span, int]], stalls: Sequence[Span]) -> int:
    """How many late blocks were found in a look during which a processor stood still."""
    return sum(
        count
        for (began, ended), count in late
        if any(start < ended and stop > began for start, stop in stalls)
    )


def share(stalls: Sequence[Span], seconds: float) -> float:
    """Of looks of LOOK_S in ``seconds``, those with a stall: by chance so many late blocks would
    be found beside one."""
    met = {look for start, stop in stalls for look in range(_look(start), _look(stop) + 1)}
    return min(len(met) * LOOK_S / seconds, 1.0)


def _look(when: float) -> int:
    return int(when / LOOK_S)


__all__ = ["LOOK_S", "Naps", "Span", "in_stalls", "late_within", "share"]
