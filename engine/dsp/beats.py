"""Lengths of notes, for what follows the musical clock."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.params import Choice, Param

NOTES = ("off", "1/1", "1/2.", "1/2", "1/2t", "1/4.", "1/4", "1/4t", "1/8.", "1/8", "1/8t", "1/16")
LENGTHS = np.array([0.0, 4.0, 3.0, 2.0, 4 / 3, 1.5, 1.0, 2 / 3, 0.75, 0.5, 1 / 3, 0.25])
"""In beats: a dot is half as much more, t is a triplet's."""


def Sync(help: str) -> Param:
    """Which note of the musical clock to follow, or none."""
    return Choice("off", NOTES, help=help)


@kernel
def beats_of(sync: float) -> float:
    """Length in beats of a choice of ``NOTES``; 0 is off."""
    return LENGTHS[int(sync)]


@kernel
def beat_at(beat: Any, i: int) -> float:
    """Where the music is at frame ``i`` of this part; the same whatever the part's edges."""
    return beat[1] + (beat[3] + i) * beat[2]
