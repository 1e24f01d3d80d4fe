"""Chance for kernels: the same numbers for the same seed, on every machine.

The generator is SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number
generators, OOPSLA 2014): a counter and a mixing of its bits, which may begin anywhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel

STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31, S48 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(48)
S11, S16 = np.uint64(11), np.uint64(16)
UNIT = 2.0**-53


def chance(seed_number: int) -> np.ndarray[Any, Any]:
    """The state of a generator (1,)."""
    return np.array([(seed_number * 0xD1342543DE82EF95 + 1) % 2**64], np.uint64)


@kernel
def draw(state: Any) -> Any:
    """64 bits by chance; ``state`` is ``chance``'s."""
    state[0] += STEP
    z = state[0]
    z = (z ^ (z >> S30)) * FIRST
    z = (z ^ (z >> S27)) * SECOND
    return z ^ (z >> S31)


@kernel
def uniform(state: Any) -> float:
    """A number from 0 to 1, 1 excluded."""
    return float(draw(state) >> S11) * UNIT


@kernel
def normal(state: Any) -> float:
    """A number of mean 0 and deviation 1: Box and Muller, 1958."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
    return radius * math.cos(2.0 * math.pi * uniform(state))


@kernel
def drop(x: Any, keep: float, state: Any) -> None:
    """Keep each number of ``x`` with the chance ``keep`` (in 65536ths) and divide it by that."""
    limit = np.uint64(keep * 65536.0 + 0.5)
    scale, zero = np.float32(1.0 / keep), np.float32(0.0)
    bits = np.uint64(0)
    for k in range(x.shape[0]):
        bits = draw(state) if k % 4 == 0 else bits << S16
        x[k] = x[k] * scale if (bits >> S48) < limit else zero


__all__ = ["chance", "draw", "drop", "normal", "uniform"]
