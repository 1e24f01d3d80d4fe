"""Phaser: a chain of first-order allpasses whose corner sways, added to the sound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.boxes.box import BoxError, State
from engine.boxes.lfo import Swept, sweep
from engine.kernel import Audio, Kernel, kernel

MOST_STAGES = 24


@kernel
def phaser_process(audio: Audio, state: Any) -> None:
    """Trapezoidal allpasses (Zavalishin, The Art of VA Filter Design, 2012, section 3.8)."""
    frames = audio.shape[1]
    first = state.clock[0]
    sweep(state, frames)
    memory, kept = state.memory, state.kept
    for i in range(frames):
        if (first + i) % state.hold == 0:
            hertz = state.centre_hz * 2.0 ** (state.depth_octaves * state.swept[i])
            hertz = min(max(hertz, state.low_hz), state.high_hz)
            g = math.tan(math.pi * hertz / state.sample_rate)
            kept[0] = g / (1.0 + g)
        x = float(audio[0, i])
        y = x + state.feedback * kept[1]
        for k in range(memory.shape[0]):
            v = kept[0] * (y - memory[k])
            low = v + memory[k]
            memory[k] = low + v
            y = 2.0 * low - y
        kept[1] = y
        audio[0, i] = np.float32(state.dry * x + state.wet * y)


@dataclass(frozen=True, eq=False, kw_only=True)
class Phaser(Swept):
    """``stages`` allpasses at ``centre_hz`` times 2 to the power ``depth_octaves`` * value.

    The corner is held within ``low_hz`` to ``high_hz`` and moves every ``hold`` frames. The
    chain hears the sound and ``feedback`` of its own last sample; out come ``dry`` of the sound
    and ``wet`` of the chain.
    """

    kind: ClassVar[str] = "phaser"
    process: ClassVar[Kernel] = phaser_process

    stages: int = 6
    centre_hz: float = 1300.0
    depth_octaves: float = 2.5
    low_hz: float = 20.0
    high_hz: float = 20000.0
    hold: int = 1
    feedback: float = 0.0
    dry: float = 0.5
    wet: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, most in (("stages", MOST_STAGES), ("hold", 4096)):
            if not isinstance(getattr(self, name), int):
                raise BoxError(f"{self.kind}: {name} is not a whole number")
            self.need(name, 1, most)
        for name in ("centre_hz", "low_hz", "high_hz"):
            self.need(name, 1.0, 100000.0)
        self.need("depth_octaves", -16.0, 16.0)
        self.need("feedback", -0.999, 0.999)
        self.need("dry", -100.0, 100.0)
        self.need("wet", -100.0, 100.0)

    def settle_frames(self, sample_rate: int) -> int:
        """Until an allpass at the lowest corner, going round the loop, has lost 100 dB."""
        low = max(self.low_hz, self.centre_hz * 2.0 ** -abs(self.depth_octaves))
        once = self.stages * 2.0 * sample_rate / (2.0 * math.pi * low)
        return int(12.0 * once / (1.0 - abs(self.feedback))) if once < 1e7 else sample_rate

    def state(self, sample_rate: int) -> State:
        highest = min(self.high_hz, 0.49 * sample_rate)
        return {
            **{name: float(getattr(self, name)) for name in ("centre_hz", "depth_octaves")},
            **{name: float(getattr(self, name)) for name in ("feedback", "dry", "wet")},
            "low_hz": min(float(self.low_hz), highest),
            "high_hz": highest,
            "hold": self.hold,
            "sample_rate": float(sample_rate),
            "memory": np.zeros(self.stages),
            "kept": np.zeros(2),  # the coefficient and the chain's last sample
            **self.sweep(sample_rate),
        }
