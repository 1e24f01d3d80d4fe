"""L-BFGS on a vector: a few iterations at a time, the best is kept."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Loss = Callable[[Array], tuple[float, Array]]

MEMORY = 8
SUFFICIENT = 1e-4  # Armijo's constant; a step of 1 nearly always does
TRIES = 8
LEAST_CURVATURE = 1e-10


class Descent:
    """Where an optimisation stands: ``place`` (n,), its ``loss``; the loss never rises.

    Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.4, with steps that are shortened
    by parabolas until the loss has fallen enough.
    """

    def __init__(self, loss_of: Loss, start: Array, reach: float = 0.0) -> None:
        self._loss_of, self._reach = loss_of, reach
        self.place = start
        self.loss, self._slope = loss_of(start)
        self._pairs: list[tuple[Array, Array, float]] = []

    @property
    def reach(self) -> float:
        """How far to go for a gradient of 1: what the next descent on a like loss begins with."""
        if not self._pairs:
            return 0.0
        _, change, inverse = self._pairs[-1]
        return 1.0 / (inverse * float(change @ change))

    def step(self) -> bool:
        """One iteration; False if nothing better can be found any more."""
        way = self._way()
        falls = float(self._slope @ way)
        found = self._search(way, falls) if falls < 0.0 else None
        if found is None and self._pairs:  # the curvature misleads: once more, steepest
            self._pairs.clear()
            way = -self._slope
            found = self._search(way, float(self._slope @ way))
        if found is None:
            return False
        place, loss, slope = found
        self._learn(place - self.place, slope - self._slope)
        self.place, self.loss, self._slope = place, loss, slope
        return True

    def _learn(self, step: Array, change: Array) -> None:
        curvature = float(step @ change)
        if curvature > LEAST_CURVATURE * float(change @ change):
            self._pairs.append((step, change, 1.0 / curvature))
            del self._pairs[:-MEMORY]

    def _way(self) -> Array:
        way, shares = -self._slope, []
        for step, change, inverse in reversed(self._pairs):
            shares.append(inverse * float(step @ way))
            way -= np.float32(shares[-1]) * change
        if self._pairs:
            way *= np.float32(self.reach)
        for step, change, inverse in self._pairs:
            way += np.float32(shares.pop() - inverse * float(change @ way)) * step
        return way

    def _search(self, way: Array, falls: float) -> tuple[Array, float, Array] | None:
        if not falls < 0.0:
            return None
        length = 1.0
        if not self._pairs:
            length = self._reach or min(1.0, 1.0 / float(np.abs(self._slope).sum(dtype=np.float64)))
        for _ in range(TRIES):
            place = self.place + np.float32(length) * way
            loss, slope = self._loss_of(place)
            if math.isfinite(loss) and loss <= self.loss + SUFFICIENT * length * falls:
                return place, loss, slope
            lowest = 0.1 * length
            if math.isfinite(loss):
                parabola = -falls * length**2 / (2.0 * (loss - self.loss - falls * length))
                lowest = min(max(parabola, lowest), 0.5 * length)
            length = lowest
        return None


__all__ = ["Descent"]
