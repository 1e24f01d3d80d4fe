"""taraf bench morph: how near sounds come back, how they turn into one another, how it is played.

Each part is a module; one that lacks something it needs (FluidR3, JACK, a deployed model) is left
out, and standard error says why. ``taraf bench morph path live`` measures two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.bench.morph.telling import say

if TYPE_CHECKING:
    from engine.bench import Report

PARTS = {
    "frames": "instruments that nobody learnt, 16 latents a frame, beside principal components",
    "whole": "the same, 512 numbers a whole note: the thesis's way",
    "phase": "sound from exact magnitudes: how near it comes and what it costs",
    "path": "from one sound to another, beside cross-fades and interpolated dB",
    "live": "controllers and notes through MIDI ports and JACK, in recorded sound",
    "voices": "eight voices at 64 frames for --seconds: late blocks",
    "robust": "bad datasets and bad files",
    "train": "the deployed model's command, anew; only where it is named",
}
NAMED = ("train",)
"""Parts that run only where they are named."""
SECONDS = 600.0


def morph(files: Sequence[Path] | None = None, seconds: float = SECONDS) -> Report:
    """The morph on instruments that it never heard, between sounds, and under the hands.

    ``files`` are parts, all but `train` unless given; ``seconds`` is how long eight voices play.
    The whole takes about half an hour the first time: what is rendered and learnt is kept.
    """
    from importlib import import_module

    from engine.bench.parts import in_parts
    from models.judging.errors import needed

    def measure(name: str, report: Report) -> None:
        import_module(f"models.bench.morph.{name}").run(report, seconds)

    def ready() -> None:
        with needed("train"):
            import librosa  # noqa: F401
            import torch

        torch.set_num_threads(1)  # figures of time are of one core

    wanted: Iterable[object] = files or [name for name in PARTS if name not in NAMED]
    return in_parts("morph", PARTS, wanted, measure, say, ready)


__all__ = ["NAMED", "PARTS", "morph"]
