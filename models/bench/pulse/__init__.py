"""taraf bench pulse: the follower beside clocks and trackers, its cost, and what rhythm models do.

Each part is a module; one that lacks something it needs (JACK, a sound font, the shared data) is
left out, and standard error says why. ``taraf bench pulse follow clicks`` measures two of them.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.bench import Report

PARTS = {
    "follow": "beats of held-out drummers, beside baselines",
    "clicks": "clicks at known times",
    "robust": "what no drummer plays, other rates, the end of a take",
    "cost": "time a hop, late blocks at 64 frames, live against render",
    "clock": "a second taraf's delay by MIDI clock",
    "paper": "next-frame prediction",
    "rhythm": "generated rhythm against held-out takes",
}


def pulse(files: Sequence[Path] | None = None, seconds: float = 30.0) -> Report:
    """The live follower and the rhythm models on drummers that nothing was trained on.

    ``files`` are parts, all unless given; ``seconds`` is how long each rack plays through JACK.
    The whole takes about twenty minutes the first time: what is rendered is kept.
    """
    from models.judging.errors import needed
    from models.pulse.errors import PulseError

    wanted = [str(file) for file in files or ()] or list(PARTS)
    for name in wanted:
        if name not in PARTS:
            raise PulseError(f"bench pulse has no part {name!r}; there are {', '.join(PARTS)}")
    from engine.bench import Report

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)  # as Ctrl-C: nothing is left running
    report, failed = Report("pulse"), 0
    with needed("train"):
        import mir_eval  # noqa: F401
    for name in wanted:
        _say(f"{name}: {PARTS[name]}")
        failed += not _measured(name, report, seconds)
    report.add("parts that ended early", failed, "", "none", failed == 0)
    return report


def _measured(name: str, report: Report, seconds: float) -> bool:
    """Add a part's rows; False if it broke off. What lacks something here is left out."""
    from importlib import import_module

    from engine.bench.stage.telling import Missing

    kept = len(report.rows)
    try:
        import_module(f"models.bench.pulse.{name}").run(report, seconds)
    except (Missing, ModuleNotFoundError) as error:
        _say(f"{name} is left out: {error}")
    except ValueError as error:  # the other parts have their figures all the same
        _say(f"{name} ended early after {len(report.rows) - kept} rows: {error}")
        return False
    return True


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(f"bench pulse: {text}", file=sys.stderr, flush=True)


__all__ = ["PARTS", "pulse"]
