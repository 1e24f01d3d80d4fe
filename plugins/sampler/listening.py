"""Hears when the performer begins and pauses, how loud he is, and what of it is a good seed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel

LOOK = 64
"""Frames between two looks."""
DETECTOR_MS = 10.0
FALL_DB_S = 12.0
SEED_DB = 24.0
"""What is so far below the loudest of late is no seed: a note that dies away would be gone on with
as one that dies away."""
MATCH_S = 1.0
GAINS = 0.05, 20.0

PEAK, POWER, LEVEL, TOP, MEAN, GAIN = range(6)
"""``ear``: peak and sum of squares of the look under way; the follower; the loudest of late in dB;
mean square of what was a seed; the gain that brings it to what the model learnt."""
QUIET, PRESENT, FEEDS = range(3)
"""``here``: frames since the sound was above the threshold, whether he plays, whether the look that
has ended is part of a seed."""


def listening(rate: int) -> dict[str, Any]:
    """State of ``listen``."""
    ear = np.zeros(6)
    ear[TOP], ear[GAIN] = -120.0, 1.0
    return {
        "ear": ear,
        "here": np.zeros(3, np.int64),
        "decay": math.exp(-1000.0 * LOOK / (DETECTOR_MS * rate)),
        "fall_db": FALL_DB_S * LOOK / rate,
        "match": -math.expm1(-LOOK / (MATCH_S * rate)),
    }


@kernel
def weigh(ear: Any, sound: Any) -> None:
    """Take part of a look's frames."""
    for i in range(sound.shape[0]):
        x = float(sound[i])
        ear[PEAK] = max(ear[PEAK], abs(x))
        ear[POWER] += x * x


@kernel
def listen(state: Any, threshold_db: float, pause: float, wanted: float, matched: bool) -> int:
    """A look's frames have passed: 1 if the performer has begun, -1 if he pauses, else 0.

    ``pause`` is in frames; ``wanted`` is the RMS that the model learnt.
    """
    ear, here, happened = state.ear, state.here, 0
    ear[LEVEL] = max(ear[PEAK], ear[LEVEL] * state.decay)
    level_db = 20.0 * math.log10(max(ear[LEVEL], 1e-6))
    ear[TOP] = max(level_db, ear[TOP] - state.fall_db)
    if level_db >= threshold_db:
        here[QUIET] = 0
        if here[PRESENT] == 0:
            here[PRESENT], happened = 1, 1
    else:
        here[QUIET] += LOOK
        if here[PRESENT] != 0 and here[QUIET] >= pause:
            here[PRESENT], happened = 0, -1
    peak_db = 20.0 * math.log10(max(ear[PEAK], 1e-6))
    feeds = here[PRESENT] != 0 and peak_db >= max(threshold_db, ear[TOP] - SEED_DB)
    here[FEEDS] = 1 if feeds else 0
    if feeds:
        power = ear[POWER] / LOOK
        first = ear[MEAN] == 0.0
        ear[MEAN] = power if first else ear[MEAN] + state.match * (power - ear[MEAN])
    ear[GAIN] = 1.0
    if matched and ear[MEAN] > 0.0:
        ear[GAIN] = min(max(wanted / math.sqrt(ear[MEAN]), GAINS[0]), GAINS[1])
    ear[PEAK], ear[POWER] = 0.0, 0.0
    return happened


__all__ = ["FEEDS", "GAIN", "LOOK", "PRESENT", "listen", "listening", "weigh"]
