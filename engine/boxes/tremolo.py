"""Tremolo: the level sways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.boxes.box import State
from engine.boxes.lfo import Swept, sweep
from engine.kernel import Audio, Kernel, kernel


@kernel
def tremolo_process(audio: Audio, state: Any) -> None:
    """Multiply by level + depth * value."""
    frames = audio.shape[1]
    sweep(state, frames)
    for i in range(frames):
        audio[0, i] *= np.float32(state.level + state.depth * state.swept[i])


@dataclass(frozen=True, eq=False, kw_only=True)
class Tremolo(Swept):
    """A gain of ``level`` + ``depth`` times the LFO's value."""

    kind: ClassVar[str] = "tremolo"
    process: ClassVar[Kernel] = tremolo_process

    level: float = 0.75
    depth: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        self.need("level", -100.0, 100.0)
        self.need("depth", -100.0, 100.0)

    def state(self, sample_rate: int) -> State:
        return {"level": float(self.level), "depth": float(self.depth), **self.sweep(sample_rate)}
