"""Resampling by any ratio: a Kaiser-windowed sinc, read between its samples.

Method: Smith, Digital audio resampling, 2002: an output sample is the sum of the input samples
under a low-pass filter centred on it, whose value between table points is interpolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel

CROSSINGS = 62
"""Zero crossings of the sinc."""

POINTS = 160
"""Table points from one zero crossing to the next."""

CUTOFF = 0.975
"""Of the lower of both Nyquist frequencies."""

ATTENUATION_DB, TRANSITION = 90.0, 0.05
MOST_PARTS, NEAR = 96_000, 1e-9


@dataclass(frozen=True)
class Conversion:
    """Output samples are ``step`` apart and input samples ``grid``, both in ticks of a clock.

    ``half`` ticks is how far the filter reaches to either side.
    """

    grid: int
    step: int
    half: int

    @property
    def reach(self) -> int:
        """Input samples it needs on either side of an output sample."""
        return self.half // self.grid + 1

    @property
    def spacing(self) -> float:
        """Table points a tick."""
        return CROSSINGS * POINTS / (2.0 * self.half)

    @property
    def gain(self) -> float:
        """What makes a constant come out as it is."""
        return self.grid * CUTOFF / max(self.grid, self.step)


@cache
def conversion(ratio: float) -> Conversion:
    """To ``ratio`` input samples for each output sample."""
    grid, step = fraction(1.0 / ratio, math.ceil(MOST_PARTS * min(1.0, ratio)))
    length = int(max(grid, step) / CUTOFF * CROSSINGS + 1.0)
    return Conversion(grid, step, length // 2)


def fraction(number: float, most: int) -> tuple[int, int]:
    """The simplest fraction within NEAR of ``number``, or a near one of at most ``most`` parts.

    Down the Stern-Brocot tree: Graham, Knuth and Patashnik, Concrete Mathematics, section 4.5.
    """
    low, high = (0, 1), (1, 0)
    while low[1] + high[1] <= most:
        middle = (low[0] + high[0], low[1] + high[1])
        if abs(number - middle[0] / middle[1]) < NEAR:
            return middle
        if number > middle[0] / middle[1]:
            low = middle
        else:
            high = middle
    return min(low, high, key=lambda part: abs(number - part[0] / max(part[1], 1e-9)))


def sinc_table() -> npt.NDArray[np.float64]:
    """The filter (CROSSINGS * POINTS + 2,), with a zero at the end to read between.

    Its window is Kaiser's, of ATTENUATION_DB and TRANSITION; Oppenheim and Schafer,
    Discrete-Time Signal Processing, equations 7.75 and 7.76.
    """
    points = CROSSINGS * POINTS + 1
    beta = 0.1102 * (ATTENUATION_DB - 8.7)
    length = (1 + math.ceil((ATTENUATION_DB - 7.95) / (2.285 * TRANSITION))) | 1
    window = np.interp(
        np.linspace(0.0, length - 1.0, points), np.arange(length), np.kaiser(length, beta)
    )
    sinc = np.sinc((np.arange(points) - points // 2) / POINTS)
    return np.append(window * sinc, 0.0)


@kernel
def sample_at(
    tick: int, grid: int, half: int, spacing: float, gain: float, table: Any, ring: Any
) -> float:
    """The sound in ``ring``, sample n at n & (size - 1), as it is at ``tick``.

    A last sample that only the very edge of the filter reaches is left out.
    """
    mask = ring.shape[0] - 1
    first = -((half - tick) // grid)
    last = min((tick + half) // grid, first + 2 * (half // grid))
    total = 0.0
    for i in range(first, last + 1):
        place = (half + tick - i * grid) * spacing
        whole = int(place)
        part = place - whole
        value = table[whole] * (1.0 - part) + table[whole + 1] * part
        total += value * ring[i & mask]
    return total * gain
