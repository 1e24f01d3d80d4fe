"""Memory and counters over time: what grows, what was late."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import psutil

from engine.bench import Report
from engine.host import Host

WARM = 0.25
"""Part of a run in which caches, undo and queues fill."""
FLAT_MB = 4.0
LEAST_HOURS = 1 / 15
"""A shorter run says nothing about an hour."""
COUNTERS = ("mutes", "input_faults", "worker_misses", "lost")


@dataclass
class Watch:
    """The memory of the audio process (with its workers) and of ours, looked at now and then."""

    host: Host
    rows: list[tuple[float, float, float]] = field(default_factory=list)

    def look(self) -> None:
        """Write down the time and both sizes in MB."""
        audio = psutil.Process(self.host.pid)
        sizes = [one.memory_info().rss for one in (audio, *audio.children(recursive=True))]
        ours = psutil.Process().memory_info().rss
        self.rows.append((time.monotonic(), sum(sizes) / 1e6, ours / 1e6))

    def growth(self, report: Report, when: str, hours: float | None = None) -> None:
        """Rows for what was added since the warm-up; ``hours`` where the clock is another."""
        rows = np.array(self.rows[int(WARM * len(self.rows)) :])
        tenth = max(1, len(rows) // 10)
        passed = (rows[-1, 0] - rows[0, 0]) / 3600.0 if hours is None else hours * (1 - WARM)
        for column, name in ((1, "audio process"), (2, "serving process")):
            sizes = rows[:, column]
            grown = float(np.median(sizes[-tenth:]) - np.median(sizes[:tenth]))
            report.add(f"{when}: memory of the {name} grew by", grown, "MB",
                       f"flat: at most {FLAT_MB:g} MB", grown <= FLAT_MB)  # fmt: skip
            if passed > LEAST_HOURS:
                report.add(f"{when}: {name}, that is", grown / passed, "MB an hour")


def watched(host: Host, seconds: float, over: Callable[[], bool] = lambda: False) -> Watch:
    """Look once a second for ``seconds``, or until ``over``."""
    watch, until = Watch(host), time.monotonic() + seconds
    while time.monotonic() < until and not over():
        watch.look()
        time.sleep(min(1.0, max(0.01, seconds / 60)))
    return watch


@dataclass(frozen=True)
class Counted:
    """The audio thread's counters between two looks."""

    values: dict[str, float]

    @classmethod
    def since(cls, before: dict[str, float], after: dict[str, float]) -> Counted:
        """What was added."""
        return cls({key: after[key] - before[key] for key in before})

    def percent(self, key: str) -> float:
        """Of the blocks that ran."""
        return 100.0 * self.values[key] / max(self.values["blocks"], 1)


def counters(host: Host) -> dict[str, float]:
    """All that should stand still, and blocks, late blocks and xruns."""
    found, row = host.statistics(), host.shared.control[0]
    kept = {key: float(found[key]) for key in ("blocks", "late", "xruns", *COUNTERS)}
    return {**kept, "stale_events": float(row["stale_events"]), "restarts": float(host.restarts)}


__all__ = ["COUNTERS", "Counted", "Watch", "counters", "watched"]
