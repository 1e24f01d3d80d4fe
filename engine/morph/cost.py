"""What a frame costs on this machine: the code that a plugin calls, timed call by call."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.morph.decode import TABLE as DENSE
from engine.morph.decode import Coder, decoder_state
from engine.morph.grid import FLOOR_DB, Array, Grid
from engine.morph.model import MorphModel
from engine.morph.phase import TABLE, Phaser

CALLS = 2000
BEFORE = 200


@dataclass(frozen=True)
class Cost:
    """Microseconds a frame, and the median's share of a core where one comes every hop."""

    median_us: float
    p99_us: float
    share: float


def phase_cost(grid: Grid, levels: Array, corrections: int = 2, calls: int = CALLS) -> Cost:
    """Of phases and sound for frames in dB (count, bins), gone through again and again."""
    phaser = Phaser(grid, corrections)
    table, given = phaser.arrays[TABLE], phaser.arrays["phase_levels"]
    at, call = int(table.ctypes.data), phaser._call

    def ready(n: int) -> None:
        given[0] = levels[n % len(levels)]

    return _timed(ready, lambda: call(at, 0, 0, 0), grid, calls)


def decode_cost(model: MorphModel, calls: int = CALLS) -> Cost:
    """Of a frame's levels from latents and conditions."""
    coder = Coder(decoder_state(model))
    at, call = int(coder.arrays[DENSE].ctypes.data), coder._call
    rng, given = np.random.default_rng(0), coder.arrays["dense_given"]

    def ready(n: int) -> None:
        given[0] = rng.random(given.shape[1])

    return _timed(ready, lambda: call(at, 0, 0, 0), model.grid, calls)


def noisy_levels(grid: Grid, count: int = 50) -> Array:
    """Frames that sound everywhere: no bin is spared."""
    made = np.random.default_rng(0).uniform(FLOOR_DB, 0.0, (count, grid.bins))
    return made.astype(np.float32)


def _timed(ready: Callable[[int], None], call: Callable[[], None], grid: Grid, calls: int) -> Cost:
    taken = np.zeros(calls)
    for n in range(-BEFORE, calls):
        ready(n)
        begin = time.perf_counter_ns()
        call()
        if n >= 0:
            taken[n] = (time.perf_counter_ns() - begin) / 1000.0
    median = float(np.median(taken))
    share = median * grid.rate / grid.hop / 1e6
    return Cost(median, float(np.quantile(taken, 0.99)), share)


__all__ = ["Cost", "decode_cost", "noisy_levels", "phase_cost"]
