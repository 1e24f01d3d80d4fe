"""Scores of trackers in sets, and a table of them while one works on a follower."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from models.pulse.judging.announced import Tracker, follower
from models.pulse.judging.baselines import Baseline, listening
from models.pulse.judging.excerpts import make
from models.pulse.judging.sets import DEVELOPED, development_excerpts, excerpts
from models.pulse.judging.summary import Tally

COLUMNS = ("files", "f", "f_emitted", "f_switched", "cmlt", "amlt", "good", "lock",
           "lock_switched", "auroc", "locked", "relock", "soon_of_locked", "soon_of_all",
           "gap")  # fmt: skip

Told = Callable[[str], None]


def _say(text: str) -> None:
    print(f"pulse: {text}", file=sys.stderr, flush=True)


def judge(
    trackers: Mapping[str, Baseline], sets: Sequence[str], data: Path | None = None,
    limit: int | None = None, told: Told = _say,
) -> dict[str, dict[str, Tally]]:  # fmt: skip
    """Scores of each tracker in each set: ``found[tracker][set]``; raises PulseError."""
    found: dict[str, dict[str, Tally]] = {name: {} for name in trackers}
    for name in sets:
        those = excerpts((name,), data, limit)
        told(f"{name}: {len(those)} files")
        make(those)
        for tracker in trackers:
            found[tracker][name] = Tally()
        for excerpt in those:
            for tracker, track in trackers.items():
                found[tracker][name].add(excerpt, track(excerpt))
    return found


def quick(
    tracker: Tracker | None = None, sets: Sequence[str] = DEVELOPED, limit: int | None = None,
    data: Path | None = None, files: bool = False,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Print the scores of ``tracker``, the engine's own unless given, while one works on it.

    Its excerpts are those of drummers and trios that networks are chosen by; whoever judges a
    follower has ``judge``. ``files`` prints each file. Returns
    ``{set: {"f": ..., "f_emitted": ..., "f_switched": ..., ...}}``.
    """
    heard = tracker or follower()
    began, found = time.perf_counter(), {}
    for name in sets:
        those = development_excerpts((name,), data, limit)
        make(those)
        tally = Tally()
        for excerpt in those:
            score = tally.add(excerpt, listening(heard)(excerpt))
            if files:
                print(f"  {name:9} F {score.f:.2f} switched {score.f_switched:.2f} "
                      f"CMLt {score.cmlt:.2f} lock {score.lock:5.1f} {excerpt.name}")  # fmt: skip
        found[name] = tally.summary().as_dict()
    show(found)
    print(f"{time.perf_counter() - began:.1f} s", flush=True)
    return found


def show(found: Mapping[str, Mapping[str, Any]]) -> None:
    """One line a set."""
    columns = [key for key in COLUMNS if any(key in row for row in found.values())]
    heads = [key.replace("soon_of_", "4s/").replace("switched", "sw") for key in columns]
    print(f"{'':10}" + "".join(f"{head:>10}" for head in heads))
    for name, row in found.items():
        cells = ("" if key not in row else f"{row[key]:.3g}" for key in columns)
        print(f"{name:10}" + "".join(f"{cell:>10}" for cell in cells))


__all__ = ["judge", "quick", "show"]
