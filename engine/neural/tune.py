"""Which tile is fastest on this machine: tried once for each shape, remembered on disk.

Peers fix these choices when they are built and lose up to four times on another processor.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine import native
from engine.neural import emit
from engine.neural.network import Array, Gru, Lstm, Network
from engine.neural.plan import Plan
from engine.neural.tile import FRAMES, Tile
from engine.shared import aligned

ENTRY = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)
SMALL = 16
SMALL_WEIGHT = 2.0
"""Half of what counts is the time of 64 frames, at 64 or, in fours, at 16: stages differ."""
ROUNDS, RUNS = 5, 30
CHAINS = 2
"""Partial sums of a recurrent layer. Four or one are within a tenth of it, but round otherwise:
what is heard must not hang on which was a little faster when it was tried."""
PATIENCE_SECONDS = 1.5
"""No further tile is tried after so long: a player waits, and the first is rarely far off."""


def candidates(network: Network) -> list[Tile]:
    """Tiles worth trying on this processor, the likeliest first; all make the same samples."""
    features = set(native.machine()[2].split(","))
    if "+avx512f" in features:
        sums, widths = [(8, 2), (16, 1)], (16, 8)
    elif "+avx2" in features:
        sums, widths = [(6, 2), (4, 2), (8, 1)], (8, 4)
    else:  # NEON has 32 registers, SSE half as many
        sums, widths = [(8, 2), (4, 2), (4, 4)], (4, 4)
    wide, narrow = widths
    tiles = [Tile(wide, outs, times, wide, CHAINS) for outs, times in sums]
    if any(isinstance(op, (Lstm, Gru)) for op in network.ops):
        return tiles[:1]
    if wide == 16:
        tiles = [replace(tile, spread=True) for tile in tiles] + tiles[:1]
    return tiles if wide == narrow else [*tiles, Tile(narrow, *sums[0], narrow)]


def fastest(network: Network, fast: bool, tiles: list[Tile]) -> tuple[Tile, bytes]:
    """The tile that runs ``network`` quickest here, and its object file."""
    tried: list[tuple[Tile, bytes, _Trial]] = []
    began = time.monotonic()
    for tile in tiles:
        if tried and time.monotonic() - began > PATIENCE_SECONDS:
            break
        plan = Plan(network, tile)
        code = native.emit_vectors(emit.write(plan, fast))
        tried.append((tile, code, _Trial(plan, code)))
    best = [float("inf")] * len(tried)
    for _ in range(ROUNDS):  # in turn: a slow moment hits all
        for k, (_, _, trial) in enumerate(tried):
            best[k] = min(best[k], trial.cost())
    tile, code, _ = tried[int(np.argmin(best))]
    return tile, code


class _Trial:
    def __init__(self, plan: Plan, code: bytes) -> None:
        self._run, self._linked = native.link(code)
        self._memory = placed(plan.image())
        rows = plan.network.input.channels + plan.network.output.channels
        self._sound = placed(np.zeros(rows * FRAMES, np.float32))
        rng = np.random.default_rng(1)
        self._sound[:] = 0.1 * rng.standard_normal(len(self._sound), dtype=np.float32)
        heard = self._sound.ctypes.data
        made = heard + 4 * FRAMES * plan.network.input.channels
        self._given = (self._memory.ctypes.data, heard, made)
        self._call = ENTRY(self._run)

    def cost(self) -> float:
        """Seconds for a large block and, weighted, for a small one: the best of some runs."""
        whole, small = (min(self._seconds(n)) for n in (FRAMES, SMALL))
        return whole + SMALL_WEIGHT * small

    def _seconds(self, frames: int) -> Iterator[float]:
        for _ in range(RUNS):
            began = time.perf_counter()
            self._call(*self._given, frames)
            yield time.perf_counter() - began


def placed(array: Array) -> Array:
    """A copy of ``array`` that begins on a cache line: half of all loads straddle two otherwise."""
    copy: Array = aligned(max(array.nbytes, 64))[: array.nbytes].view(np.float32)
    copy[:] = array
    return copy
