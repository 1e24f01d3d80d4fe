"""taraf bench style: what a transfer costs, keeps and reaches, beside 4096 plain filters.

Each part is a module; one that lacks something it needs (the recordings of ../shared/data, a GPU)
is left out, and standard error says why. ``taraf bench style speed pairs`` measures two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.bench.style.telling import say

if TYPE_CHECKING:
    from engine.bench import Report

PARTS = {
    "gradient": "the closed form's against finite differences, float64",
    "speed": "100 iterations on 5 s, beside plain filters; both on filters that neither has seen",
    "pairs": "recordings in each other's style: what is kept and what is reached",
    "rhythm": "inter-onset intervals with the rhythm's branch and without",
    "key": "a content six semitones away from the style",
    "phase": "sound from exact magnitudes, four methods",
    "stems": "mixes separated by examples",
    "live": "a guitar, the preset glass: how soon it answers, how near, late blocks",
    "distil": "the model glass-live: its cost and latency, how near it comes, late blocks",
    "robust": "bad input, and Ctrl-C",
    "long": "four minutes on two cores",
    "gpu": "four minutes on a GPU",
}


def style(files: Sequence[Path] | None = None) -> Report:
    """The style without learning: its cost and memory, what it keeps and reaches, beside filters.

    ``files`` are parts, all unless given. The whole takes about ten minutes.
    """
    from importlib import import_module

    from engine.bench.parts import in_parts
    from models.judging.errors import needed

    def measure(name: str, report: Report) -> None:
        import_module(f"models.bench.style.{name}").run(report)

    def ready() -> None:
        with needed("train"):
            import librosa  # noqa: F401
            import torch

        torch.set_num_threads(1)  # figures of time are of one core

    return in_parts("style", PARTS, files, measure, say, ready)


__all__ = ["PARTS", "style"]
