"""Times contestants in turn, so that a slow moment of the machine hits all of them.

A contestant runs a number of blocks when called. What is compiled is called again and again by
compiled code too: Python between two blocks would cost as much as a small model's block.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from engine import native
from engine.neural import emit
from engine.neural.compiled import Compiled
from engine.neural.network import Array
from engine.neural.tile import FRAMES
from engine.neural.tune import placed
from engine.neural.vector import I64, Value, Writer, index

Contestant = Callable[[int], None]
Seconds = npt.NDArray[np.float64]
BATCH_SECONDS = 4e-4
LEAST_BLOCKS = 2
LEAST_ROUNDS = 5
WARM = 4
"""Each batch follows a quarter of its blocks untimed: what the others left in the caches goes."""
PEAK_WIDTHS = (4, 8, 16)
PEAK_SUMS = (12, 28)
"""Sixteen registers hold 12 sums, thirty-two 28: with more, the loop itself costs less."""
PEAK_TURNS = 2000


def race(contestants: dict[str, Contestant], seconds: float) -> dict[str, Seconds]:
    """Seconds a block of every contestant takes, round by round, for about ``seconds``."""
    blocks = {name: _batch(run) for name, run in contestants.items()}
    found: dict[str, list[float]] = {name: [] for name in contestants}
    end, rounds = time.perf_counter() + seconds, 0
    while rounds < LEAST_ROUNDS or time.perf_counter() < end:
        for name, run in contestants.items():
            run(-(-blocks[name] // WARM))
            began = time.perf_counter()
            run(blocks[name])
            found[name].append((time.perf_counter() - began) / blocks[name])
        rounds += 1
    return {name: np.array(times) for name, times in found.items()}


def _batch(run: Contestant) -> int:
    """How many blocks are long enough to be timed; runs some, so that caches are warm."""
    blocks = LEAST_BLOCKS
    run(1)
    while True:
        began = time.perf_counter()
        run(blocks)
        spent = time.perf_counter() - began
        if spent > BATCH_SECONDS / 2:
            return blocks
        blocks *= 2


class Copies:
    """A network's code with one memory, or with several that take turns in every block."""

    def __init__(self, player: Compiled, copies: int = 1) -> None:
        network = player.network
        self._player, self._copies = player, copies  # the player holds the code
        self._memory = placed(np.tile(_whole_lines(player.image), copies))
        rng = np.random.default_rng(1)
        rows = network.input.channels + network.output.channels
        self._sound = placed(0.1 * rng.standard_normal(rows * FRAMES).astype(np.float32))

    def blocks_of(self, frames: int) -> Contestant:
        """A contestant that runs blocks of so many frames."""
        heard, made = self._sound, self._sound[self._player.network.input.channels * FRAMES :]
        step = self._memory.nbytes // self._copies
        given = [self._player.address, _at(self._memory), step, self._copies, _at(heard), _at(made)]
        call, pieces = _repeat(), -(-frames // FRAMES)

        def run(blocks: int) -> None:
            call(*given, min(frames, FRAMES), blocks * pieces)

        return run


def _whole_lines(image: Array) -> Array:
    """Room after each copy: the next one begins on a cache line, and not on the same sets."""
    return np.concatenate([image, np.zeros(-len(image) % 1024 + 64, np.float32)])


def _at(array: Array) -> int:
    return int(array.ctypes.data)


@cache
def _repeat() -> Callable[..., None]:
    """Calls a network's code: (code, memory, step, copies, heard, made, frames, turns)."""
    module = ir.Module("repeat")
    module.triple = native.machine()[0]
    entry = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * 8), native.ENTRY)
    w = Writer(module, entry.append_basic_block())
    code, memory, step, copies, heard, made, frames, turns = entry.args
    kind = ir.FunctionType(ir.VoidType(), [I64] * 4)
    function = w.b.inttoptr(code, kind.as_pointer())

    def turn(_: Value, nothing: list[Value]) -> list[Value]:
        def copy(number: Value, inner: list[Value]) -> list[Value]:
            place = w.b.add(memory, w.b.mul(number, step))
            w.b.call(function, [place, heard, made, frames])
            return []

        w.loop(index(0), copies, 1, [], copy)
        return []

    w.loop(index(0), turns, 1, [], turn)
    w.b.ret_void()
    return _linked(str(module), 8)


class Peak:
    """Nothing but multiply-adds, as fast as this core does them: the best of some kernels."""

    def __init__(self, seconds: float = 0.3) -> None:
        kernels = {
            f"{width} {sums}": (_multiply_adds(width, sums), width * sums * PEAK_TURNS)
            for width in PEAK_WIDTHS
            for sums in PEAK_SUMS
        }
        times = race({name: kernel[0] for name, kernel in kernels.items()}, seconds)
        best = min(kernels, key=lambda name: float(np.min(times[name])) / kernels[name][1])
        self.contestant, self.adds = kernels[best]
        """Its block is ``adds`` multiply-adds."""


def _multiply_adds(width: int, sums: int) -> Contestant:
    call = _linked(emit.peak(width, sums, PEAK_TURNS), 4)
    numbers = placed(np.zeros((1 + 2 * sums) * width, np.float32))
    first = 4 * width
    given = [_at(numbers), _at(numbers) + first, _at(numbers) + first * (1 + sums), 0]

    def run(blocks: int) -> None:
        assert numbers.size
        for _ in range(blocks):
            call(*given)

    return run


def _linked(text: str, arguments: int) -> Callable[..., Any]:
    address, kept = native.link(native.emit_vectors(text))
    call = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * arguments)(address)

    def run(*given: int) -> None:
        assert kept
        call(*given)

    return run
