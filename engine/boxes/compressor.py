"""Dynamics: a gain that follows the level of the sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.boxes.box import Box, BoxError, State
from engine.dsp.approx import db_of, gain_of, step_of
from engine.kernel import Audio, Kernel, kernel

DETECTORS = ("peak", "rms", "branching", "decoupled")
"""What attack and release smooth: the level, the power, the gain reduction in one step or two."""
PEAK, RMS, BRANCHING, DECOUPLED = range(4)


@kernel
def compressor_process(audio: Audio, state: Any) -> None:
    """Turn the sound down by what its level asks for."""
    frames = audio.shape[1]
    last, first, second = state.memory[0], state.memory[1], state.memory[2]
    attack, release = state.attack, state.release
    for i in range(frames):
        x = audio[0, i]
        heard = np.float32(last) if state.feedback else x
        if state.detector <= RMS:
            level = float(abs(heard))
            if state.detector == RMS:
                level *= level
            second += (attack if level > second else release) * (level - second)
            db = db_of(np.float32(second))
            if state.detector == RMS:
                db = np.float32(0.5) * db_of_power(np.float32(second))
            reduction = float(reduction_of(db, state))
        else:
            wanted = float(reduction_of(db_of(abs(heard)), state))
            if state.detector == BRANCHING:
                second += (attack if wanted > second else release) * (wanted - second)
            else:
                first = max(wanted, first + release * (wanted - first))
                second += attack * (first - second)
            reduction = second
        y = x * gain_of(np.float32(state.makeup_db - reduction))
        audio[0, i] = y
        last = float(y)
    state.memory[0], state.memory[1], state.memory[2] = last, first, second


@kernel
def db_of_power(power: np.float32) -> np.float32:
    """``power`` as 20 log10; -240 for anything softer than that, so that its half is a level."""
    root = np.float32(np.sqrt(max(power, np.float32(1e-24))))
    return np.float32(np.float32(2.0) * db_of(root))


@kernel
def reduction_of(db: np.float32, state: Any) -> np.float32:
    """Decibels to turn down at a level: Giannoulis, Massberg and Reiss 2012, equation 4."""
    over = db - np.float32(state.threshold_db)
    knee = np.float32(state.knee_db)
    half = np.float32(0.5) * knee
    bend = min(knee, max(np.float32(0.0), over + half))
    bend *= bend / max(knee + knee, np.float32(1e-6))
    return np.float32(state.slope) * (bend + max(np.float32(0.0), over - half))


@dataclass(frozen=True, eq=False)
class Compressor(Box):
    """A compressor, a limiter or a leveller.

    ``slope`` is 1 - 1 / ratio: 0 leaves all alone, 1 is a limiter. ``attack_ms`` and
    ``release_ms`` are time constants, 63 % of the way. ``detector`` is one of ``DETECTORS``:
    peak and rms follow the level and then bend it; branching and decoupled bend first and
    follow the reduction in decibels. With ``feedback`` 1 the level is that of the output, one
    sample late. Structures: Giannoulis, Massberg and Reiss, Digital Dynamic Range Compressor
    Design, JAES 60(6), 2012.
    """

    kind: ClassVar[str] = "compressor"
    process: ClassVar[Kernel] = compressor_process

    detector: str
    threshold_db: float
    slope: float
    knee_db: float
    makeup_db: float
    attack_ms: float
    release_ms: float
    feedback: int = 0

    def __post_init__(self) -> None:
        if self.detector not in DETECTORS:
            raise BoxError(
                f"compressor: no detector is called {self.detector!r}; "
                f"there are {', '.join(DETECTORS)}"
            )
        self.need("threshold_db", -120.0, 40.0)
        self.need("slope", -4.0, 1.0)
        self.need("knee_db", 0.0, 60.0)
        self.need("makeup_db", -80.0, 80.0)
        self.need("attack_ms", 1e-4, 10_000.0)
        self.need("release_ms", 1e-4, 60_000.0)
        self.need("feedback", 0, 1)

    @property
    def ratio(self) -> float:
        """Decibels in for one decibel out, far above the threshold."""
        return 1.0 / max(1.0 - self.slope, 1e-6)

    def settle_frames(self, sample_rate: int) -> int:
        return int(14.0 * (self.attack_ms + self.release_ms) / 1000.0 * sample_rate)

    def state(self, sample_rate: int) -> State:
        per_ms = sample_rate / 1000.0
        return {
            "detector": DETECTORS.index(self.detector),
            "feedback": int(self.feedback),
            "threshold_db": float(self.threshold_db),
            "slope": float(self.slope),
            "knee_db": float(self.knee_db),
            "makeup_db": float(self.makeup_db),
            "attack": float(step_of(self.attack_ms * per_ms)),
            "release": float(step_of(self.release_ms * per_ms)),
            "memory": np.zeros(3),
        }
