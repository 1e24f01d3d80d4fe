"""What is linear and does not change: a filter, a cabinet, a room, as its impulse response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from engine.boxes.box import Array, Box, State
from engine.dsp.convolution import convolve, convolver
from engine.kernel import Audio, Kernel, kernel

MOST_TAPS = 1 << 20


@kernel
def fir_process(audio: Audio, state: Any) -> None:
    """Convolve, without latency."""
    convolve(audio, state)


@dataclass(frozen=True, eq=False)
class Fir(Box):
    """Convolution with ``taps`` (n,), the first for the present sample."""

    kind: ClassVar[str] = "fir"
    process: ClassVar[Kernel] = fir_process

    taps: Array

    def __post_init__(self) -> None:
        self.need_array("taps", MOST_TAPS)

    def settle_frames(self, sample_rate: int) -> int:
        return len(self.taps)

    def state(self, sample_rate: int) -> State:
        return dict(convolver(self.taps, 1))
