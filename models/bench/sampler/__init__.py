"""taraf bench sampler: dreams beside literal programs, trainings by the clock, live, bad jobs.

Each part is a module; one that lacks something it needs (JACK, the shared data) is left out, and
standard error says why. ``taraf bench sampler speed live`` measures two of them.
"""

from __future__ import annotations

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

    ``files`` are parts, all unless given; ``seconds`` is how long each rack plays live. The whole
    takes a quarter of an hour the first time: trainings that have ended are kept.
    """
    from importlib import import_module

    from engine.bench.parts import in_parts
    from models.judging.errors import needed

    def measure(name: str, report: Report) -> None:
        import_module(f"models.bench.sampler.{name}").run(report, seconds)

    def ready() -> None:
        with needed("train"):
            import librosa  # noqa: F401
            import torch  # noqa: F401

    return in_parts("sampler", PARTS, files, measure, say, ready)


__all__ = ["PARTS", "sampler"]
