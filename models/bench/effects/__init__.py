"""taraf bench effects: nine families of effects, real recordings, speed, and cost on stage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.bench import Report


def effects(seconds: float = 300.0) -> Report:
    """Nine effects as the zoo's models and the published networks play them, on held-out sound.

    ``seconds`` is how long networks are trained where one is: on an amplifier, and on real
    recordings. The whole takes about fifteen minutes.
    """
    from models.judging.errors import needed

    with needed("train"):
        from models.bench.effects import cost, learning, real, speed, table

    from engine.bench import Report

    report = Report("effects")
    parts: tuple[tuple[str, Callable[[], None]], ...] = (
        ("nine families", lambda: table.run(report)),
        ("on stage", lambda: cost.run(report)),
        ("pairs", lambda: speed.run(report)),
        ("training", lambda: learning.run(report, seconds)),
        ("real recordings", lambda: real.run(report, seconds)),
    )
    for name, measure in parts:
        print(f"bench effects: {name}", file=sys.stderr, flush=True)
        measure()
    return report
