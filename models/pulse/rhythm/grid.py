"""Takes on a grid of sixteenth notes: which drum is hit at each step, how hard, how early or late.

A step is a quarter of a quarter note; step 0 is a bar's first. Hits nearest to a step are its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.pulse.errors import PulseError
from models.pulse.takes import DRUM_OF, DRUMS, FAMILIES, FAMILY_OF, Take

Array = npt.NDArray[np.float32]
STEPS_A_BEAT = 4
MOST_STEPS = 32  # a bar
COUNT = len(DRUMS)
_TO_FAMILY = np.eye(len(FAMILIES), dtype=np.float32)[list(FAMILY_OF)]


@dataclass(frozen=True)
class Grid:
    """A part on the grid: ``hits`` 0 or 1, ``velocities`` 0 to 1, ``offsets`` in steps, (T, 9).

    Offsets run from -0.5 (early) to 0.5 (late). Velocities and offsets are 0 where no hit is.
    """

    hits: Array
    velocities: Array
    offsets: Array
    bar: int  # steps
    tempo_bpm: float
    style: str = ""

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return len(self.hits)

    @property
    def families(self) -> Array:
        """Kick, snare, cymbals, toms: whether each is hit, (T, 4)."""
        return np.asarray(np.minimum(self.hits @ _TO_FAMILY, 1.0), np.float32)

    @property
    def step_ms(self) -> float:
        """How long a step is."""
        return 60_000.0 / self.tempo_bpm / STEPS_A_BEAT


def grid_of(take: Take) -> Grid:
    """A take of a drummer on the grid."""
    return on_grid(take.notes, bar_steps(take.meter), take.tempo_bpm, take.style)


def bar_steps(meter: str) -> int:
    """The steps of a bar: 16 for "4-4", 12 for "6-8"; PulseError for what has no sixteenths."""
    try:
        upper, lower = (int(part) for part in meter.replace("/", "-").split("-"))
    except ValueError:
        raise PulseError(f"meter = {meter}: it is written as 4-4 or 6-8") from None
    if lower <= 0 or 16 % lower or not 0 < upper * 16 // lower <= MOST_STEPS:
        raise PulseError(f"meter = {meter}: a bar has 1 to {MOST_STEPS} sixteenths")
    return upper * 16 // lower


def on_grid(notes: npt.NDArray[Any], bar: int, tempo_bpm: float, style: str = "") -> Grid:
    """Strokes (n,) of NOTE on the grid; of two of a drum in one step the louder is kept."""
    drums = np.array([DRUM_OF.get(int(pitch), -1) for pitch in notes["pitch"]], int)
    known = notes[drums >= 0]
    drums = drums[drums >= 0]
    places = STEPS_A_BEAT * known["beat"]
    steps = np.maximum(np.floor(places + 0.5).astype(int), 0)
    count = int(steps.max()) + 1 if len(steps) else 0
    hits, velocities, offsets = (np.zeros((count, COUNT), np.float32) for _ in range(3))
    order = np.argsort(known["velocity"], kind="stable")  # the loudest is written last
    where = (steps[order], drums[order])
    hits[where] = 1.0
    velocities[where] = known["velocity"][order] / 127.0
    offsets[where] = np.clip((places - steps)[order], -0.5, 0.5)
    return Grid(hits, velocities, offsets, bar, tempo_bpm, style)


__all__ = ["COUNT", "MOST_STEPS", "STEPS_A_BEAT", "Grid", "bar_steps", "grid_of", "on_grid"]
