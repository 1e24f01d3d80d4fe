"""taraf bench pulse: the follower beside clocks and trackers, its cost, and what rhythm models do.

Each part is a module; one that lacks something it needs (JACK, a sound font, the shared data) is
left out, and standard error says why. ``taraf bench pulse follow clicks`` measures two of them.
"""

from __future__ import annotations

import sys
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
    from importlib import import_module

    from engine.bench.parts import Missing, in_parts
    from models.judging.errors import needed
    from models.pulse.errors import Absent

    def measure(name: str, report: Report) -> None:
        try:
            import_module(f"models.bench.pulse.{name}").run(report, seconds)
        except Absent as error:
            raise Missing(str(error)) from None

    def ready() -> None:
        with needed("train"):
            import mir_eval  # noqa: F401

    return in_parts("pulse", PARTS, files, measure, _say, ready)


def _say(text: str) -> None:
    print(f"bench pulse: {text}", file=sys.stderr, flush=True)


__all__ = ["PARTS", "pulse"]
