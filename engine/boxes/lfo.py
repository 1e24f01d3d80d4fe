"""What moves a modulated effect: an LFO that runs by itself, or a control that was measured.

An LFO's phase is a whole number of frames since reset, so it is the same whatever the blocks, and
it never drifts. Turns are counted from 0 to 1; a sine begins at 0 and rises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar

import numpy as np

from engine.boxes.box import Array, Box, BoxError, State
from engine.kernel import kernel

SHAPES = ("sine", "triangle", "table")
SOURCES = ("lfo", "heard")
FRAMES = 64
MOST_POINTS = 4096

Moving = TypeVar("Moving", bound="Swept")


def no_numbers() -> Array:
    """An empty list: this part of a box is not used."""
    return np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Swept(Box):
    """A box moved by a value, normally -1 to 1, that changes with every frame.

    ``source`` is "lfo" (free-running: ``rate_hz``, ``phase`` in turns at reset, ``shape``) or
    "heard" (the first signal it hears beside the sound). ``period`` is one learnt period at
    evenly spaced turns, joined by cubics, for the shape "table". Where ``curve`` has numbers the
    value is then mapped through them: they stand evenly from ``curve_low`` to ``curve_high``.
    """

    clocks: ClassVar[tuple[str, ...]] = ("clock",)

    source: str = "lfo"
    rate_hz: float = 1.0
    phase: float = 0.0
    shape: str = "sine"
    period: Array = field(default_factory=no_numbers)
    curve: Array = field(default_factory=no_numbers)
    curve_low: float = -1.0
    curve_high: float = 1.0

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise BoxError(f"{self.kind}: source {self.source!r} is none of {', '.join(SOURCES)}")
        if self.shape not in SHAPES:
            raise BoxError(f"{self.kind}: shape {self.shape!r} is none of {', '.join(SHAPES)}")
        self.need("rate_hz", 0.0, 1000.0)
        self.need("phase", -1e6, 1e6)
        self.need_array("period", MOST_POINTS, 4 if self.shape == "table" else 0)
        self.need_array("curve", MOST_POINTS, 0)
        if 0 < len(self.curve) < 4:
            raise BoxError(f"{self.kind}: curve has {len(self.curve)} numbers, needs 4 or none")
        self.need("curve_low", -1e6, 1e6)
        self.need("curve_high", -1e6, 1e6)
        if not self.curve_low < self.curve_high:
            raise BoxError(f"{self.kind}: curve_low is not below curve_high")

    @property
    def controls(self) -> int:
        return 1 if self.source == "heard" else 0

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value that can come (cubics may pass points by a little)."""
        values = np.array([-1.0, 1.0])
        if len(self.curve):
            values = self.curve.astype(np.float64)
        elif self.source == "lfo" and self.shape == "table":
            values = self.period.astype(np.float64)
        room = 0.1 * (values.max() - values.min()) if values.size > 2 else 0.0
        return float(values.min() - room), float(values.max() + room)

    def sweep(self, sample_rate: int) -> State:
        """State for the kernel ``sweep``."""
        state: State = {
            "follows": int(self.source == "heard"),
            "shape": SHAPES.index(self.shape),
            "step": float(self.rate_hz) / sample_rate,
            "phase": float(self.phase) % 1.0,
            "curve_low": float(self.curve_low),
            "curve_scale": (len(self.curve) - 1) / (self.curve_high - self.curve_low),
            "clock": np.zeros(1, np.int64),
            "period": np.append(self.period, [] if len(self.period) else [0.0]).astype(np.float64),
            "curve": self.curve.astype(np.float64) if len(self.curve) else np.zeros(1),
            "swept": np.zeros(FRAMES, np.float64),
        }
        if not self.controls:  # the kernel names it always; nothing reads this one
            state["heard"] = np.zeros((1, FRAMES), np.float32)
        return state


def advanced(box: Moving, frames: int, sample_rate: int) -> Moving:
    """``box`` as if ``frames`` had already gone by: its LFO begins at the phase it then has."""
    return replace(box, phase=(box.phase + frames * box.rate_hz / sample_rate) % 1.0)


@kernel
def four(a: float, b: float, c: float, d: float, f: float) -> float:
    """Lagrange's cubic through ``a`` to ``d``, at ``f`` in [0, 1] between ``b`` and ``c``."""
    up, down, far = f + 1.0, f - 1.0, f - 2.0
    middle = 0.5 * down * far * up * b - 0.5 * up * f * far * c
    return middle + (up * f * down * d - f * down * far * a) / 6.0


@kernel
def wave(shape: int, period: Any, turn: float) -> float:
    """The LFO's value at ``turn``, of which only the part after the point matters."""
    turn -= math.floor(turn)
    if shape == 0:
        return math.sin(2.0 * math.pi * turn)
    if shape == 1:
        if turn < 0.25:
            return 4.0 * turn
        return 2.0 - 4.0 * turn if turn < 0.75 else 4.0 * turn - 4.0
    points = period.shape[0]
    at = turn * points
    k = int(at)
    before, after = (k - 1) % points, (k + 1) % points
    a, b = period[before], period[k % points]
    return float(four(a, b, period[after], period[(k + 2) % points], at - k))


@kernel
def mapped(curve: Any, low: float, scale: float, value: float) -> float:
    """``value`` through the points of ``curve``, held at its ends."""
    last = curve.shape[0] - 1
    at = min(max((value - low) * scale, 0.0), float(last))
    k = min(max(int(at), 1), last - 2)
    return float(four(curve[k - 1], curve[k], curve[k + 1], curve[k + 2], at - k))


@kernel
def sweep(state: Any, frames: int) -> None:
    """Put the value of each of ``frames`` frames in ``state.swept``; the clock runs on."""
    now = state.clock[0]
    for i in range(frames):
        if state.follows == 1:
            value = float(state.heard[0, i])
        else:
            turn = state.phase + state.step * (now + i)
            value = wave(state.shape, state.period, turn)
        if state.curve.shape[0] > 1:
            value = mapped(state.curve, state.curve_low, state.curve_scale, value)
        state.swept[i] = value
    state.clock[0] = now + frames
