"""taraf bench sampler: dreams beside literal programs, trainings by the clock, live, bad jobs.

Each part is a module; one that lacks something it needs (JACK, the shared data) is left out, and
standard error says why. ``taraf bench sampler speed live`` measures two of them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.bench.sampler.telling import say

if TYPE_CHECKING:
    from engine.bench import Report

PARTS = {
    "speed": "equality with the literal programs, times real time",
    "live": "a guitar, the preset dream: how soon it answers, late blocks, an hour",
    "robust": "bad jobs, a full disk, a killed training",
    "training": "five recordings, four approaches, until nothing scores Low",
}


def sampler(files: Sequence[Path] | None = None, seconds: float = 30.0) -> Report:
    """Samplers that learn a recording: how fast, how soon and how well they dream and answer.

    ``files`` are parts, all unless given; ``seconds`` is how long each rack plays live. Trainings
    take hours the first time: those that have ended are kept.
    """
    from engine.sampler.errors import SamplerError
    from models.judging.errors import needed

    wanted = [str(file) for file in files or ()] or list(PARTS)
    for name in wanted:
        if name not in PARTS:
            raise SamplerError(f"bench sampler has no part {name!r}; there are {', '.join(PARTS)}")
    from engine.bench import Report

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)  # as Ctrl-C: nothing is left running
    report, failed = Report("sampler"), 0
    with needed("train"):
        import librosa  # noqa: F401
        import torch  # noqa: F401
    for name in wanted:
        say(f"{name}: {PARTS[name]}")
        failed += not _measured(name, report, seconds)
    report.add("parts that ended early", failed, "", "none", failed == 0)
    return report


def _measured(name: str, report: Report, seconds: float) -> bool:
    """Add a part's rows; False if it broke off. What lacks something here is left out."""
    from importlib import import_module

    from engine.bench.stage.telling import Missing

    kept = len(report.rows)
    try:
        import_module(f"models.bench.sampler.{name}").run(report, seconds)
    except (Missing, ModuleNotFoundError) as error:
        say(f"{name} is left out: {error}")
    except ValueError as error:  # the other parts have their figures all the same
        say(f"{name} ended early after {len(report.rows) - kept} rows: {error}")
        return False
    return True


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


__all__ = ["PARTS", "sampler"]
