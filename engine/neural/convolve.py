"""The convolution kernel: sums of taps, a bias, other signals, then curves, in registers.

Planar sound, vectors along time: each weight is one number for a whole vector, so any count of
channels fills the registers. A tile of ``outs`` channels by ``times`` vectors is summed over
all inputs and taps before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.neural.curves import Curves
from engine.neural.network import Activate, Array, Blend, Film, Gate, Prelu, Step
from engine.neural.tile import FRAMES, Tile, blocks
from engine.neural.vector import FLOAT, Value, Writer, index, zeros


@dataclass(frozen=True)
class FilmKind:
    """A Film step, its signals left out."""

    shift: bool


@dataclass(frozen=True)
class PreluKind:
    """A Prelu step, its slopes left out."""


StepKind = Activate | Gate | Blend | FilmKind | PreluKind
UNROLLED = 8
"""Inputs written out one after another inside a loop over taps."""


@dataclass(frozen=True)
class ConvKind:
    """All that a convolution's code depends on: operations that share it share a kernel."""

    terms: tuple[tuple[int, int], ...]  # channels in, taps
    width: int
    bias: bool
    adds: int
    steps: tuple[StepKind, ...]
    target: bool
    total: str  # "", "store" or "add"

    @property
    def halves(self) -> int:
        """2 if a gate halves the channels, else 1."""
        return 2 if any(isinstance(step, (Gate, Blend)) for step in self.steps) else 1

    def rows(self, tile: Tile) -> Iterator[tuple[int, int, int]]:
        """Blocks as (first row, rows, how many such blocks); rows of one half if gated."""
        first = 0
        for size, count in blocks(self.width // self.halves, max(1, tile.outs // self.halves)):
            yield first, size, count
            first += size * count

    def arguments(self) -> list[str]:
        """Names of the kernel's arguments; addresses and strides in bytes."""
        names = ["vectors", "weights"]
        for n in range(len(self.terms)):
            names += [f"x{n}", f"x{n}_row", f"x{n}_tap"]  # x: the oldest tap of the first frame
        names += [f"add{n}{part}" for n in range(self.adds) for part in ("", "_row")]
        for n, step in enumerate(self.steps):
            if isinstance(step, FilmKind):
                names += [f"scale{n}", f"scale{n}_row"]
                names += [f"shift{n}", f"shift{n}_row"] if step.shift else []
        names += ["target", "target_row"] if self.target else []
        names += ["total", "total_row"] if self.total else []
        return names


def step_kind(step: Step) -> StepKind:
    """What a step's code depends on."""
    if isinstance(step, Film):
        return FilmKind(step.shift is not None)
    return PreluKind() if isinstance(step, Prelu) else step


def pack(
    kind: ConvKind, tile: Tile, bias: Array | None, slopes: list[Array], weights: list[Array]
) -> Array:
    """Weights in the order the kernel reads them: block by block, tap by tap, input by input:
    the past comes first, which does not wait for the layer before.

    ``bias`` (width,), ``slopes`` one for each Prelu, ``weights`` (width, in, taps) each.
    """
    parts = []
    halved = kind.width // kind.halves
    for first, size, count in kind.rows(tile):
        for start in range(first, first + size * count, size):
            half = np.arange(start, start + size)
            rows = np.concatenate([half + k * halved for k in range(kind.halves)])
            if bias is not None:
                parts.append(bias[rows])
            parts += [slope[rows if len(slope) == kind.width else half] for slope in slopes]
            parts += [array[rows].transpose(2, 1, 0).ravel() for array in weights]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


class ConvWriter:
    """Writes one convolution kernel into an open function."""

    def __init__(
        self, writer: Writer, kind: ConvKind, tile: Tile, fast: bool, arguments: dict[str, Value]
    ) -> None:
        self.w, self.kind, self.tile, self.a = writer, kind, tile, arguments
        self.curves = Curves(writer, fast)

    def write(self) -> None:
        """Every block of rows, over all of the time."""
        weights = self.a["weights"]
        for first, size, count in self.kind.rows(self.tile):
            step = FLOAT * self._block_weights(size)

            def block(number: Value, carried: list[Value], first: int = first, size: int = size,
                      step: int = step) -> list[Value]:  # fmt: skip
                row = self.w.add(self.w.times(number, size), first)
                self._over_time(carried[0], row, size)
                return [self.w.add(carried[0], step)]

            weights = self.w.loop(0, count, 1, [weights], block)[0]

    def _block_weights(self, size: int) -> int:
        """Floats that a block of ``size`` rows reads."""
        kind, rows = self.kind, size * self.kind.halves
        sets = int(kind.bias) + sum(n * taps for n, taps in kind.terms)
        total, width = sets * rows, rows
        for step in kind.steps:
            if isinstance(step, PreluKind):
                total += width
            elif isinstance(step, (Gate, Blend)):
                width = size
        return total

    def _over_time(self, weights: Value, row: Value, size: int) -> None:
        """Tiles of ``times`` vectors while there are so many, then halves of that, to one."""
        start, times = index(0), min(self.tile.times, FRAMES // self.tile.width)
        while times >= 1:
            last = self.w.add(self.a["vectors"], 1 - times)

            def tile(at: Value, carried: list[Value], times: int = times) -> list[Value]:
                offset = self.w.times(at, FLOAT * self.tile.width)
                self._tile(weights, row, size, times, offset)
                return [self.w.add(at, times)]

            start = self.w.loop(start, last, times, [start], tile)[0]
            times //= 2

    def _rows(self, name: str, row: Value, size: int, halves: int) -> list[Value]:
        """Addresses of the block's rows in the signal called ``name``."""
        stride = self.a[f"{name}_row"]
        first = self.w.add(self.a[name], self.w.b.mul(row, stride))
        found = []
        for half in range(halves):
            skip = self.w.times(stride, half * (self.kind.width // self.kind.halves))
            place = self.w.add(first, skip) if half else first
            for _ in range(size):
                found.append(place)
                place = self.w.add(place, stride)
        return found

    def _tile(self, weights: Value, row: Value, size: int, times: int, offset: Value) -> None:
        """One tile: acc[row][vector of time]."""
        w, kind, width = self.w, self.kind, self.tile.width
        rows = size * kind.halves
        starts = [w.add(offset, FLOAT * width * v) for v in range(times)]
        acc = self._begin(weights, rows, times)
        slopes = w.add(weights, FLOAT * rows if kind.bias else 0)
        weights = w.add(slopes, FLOAT * self._slopes(size))
        for n in range(kind.adds):
            for k, place in enumerate(self._rows(f"add{n}", row, size, kind.halves)):
                for v in range(times):
                    added = w.load(w.add(place, starts[v]), width)
                    fresh = n == 0 and not kind.bias
                    acc[k][v] = added if fresh else w.b.fadd(acc[k][v], added)
        for n, (channels, taps) in enumerate(kind.terms):
            acc = self._term(acc, n, channels, taps, weights, offset)
            weights = w.add(weights, FLOAT * rows * channels * taps)
        acc = self._steps(acc, row, size, starts, slopes)
        self._finish(acc, row, size, starts)

    def _slopes(self, size: int) -> int:
        total, width = 0, size * self.kind.halves
        for step in self.kind.steps:
            if isinstance(step, PreluKind):
                total += width
            elif isinstance(step, (Gate, Blend)):
                width = size
        return total

    def _begin(self, weights: Value, rows: int, times: int) -> list[list[Value]]:
        """Accumulators at the bias, or at zero."""
        w, width = self.w, self.tile.width
        if not self.kind.bias:
            return [[zeros(width)] * times for _ in range(rows)]
        return [[w.splat_from(w.add(weights, FLOAT * k), width)] * times for k in range(rows)]

    def _term(
        self,
        acc: list[list[Value]],
        n: int,
        channels: int,
        taps: int,
        weights: Value,
        offset: Value,
    ) -> list[list[Value]]:
        """Add one convolution."""
        w, rows, times = self.w, len(acc), len(acc[0])
        flat = [value for line in acc for value in line]
        row, tap = self.a[f"x{n}_row"], self.a[f"x{n}_tap"]
        step = max(1, UNROLLED // channels)
        size = FLOAT * rows * channels

        def some(count: int, carried: list[Value]) -> list[Value]:
            x, at, *sums = carried
            for _ in range(count):
                sums = self._channels(sums, x, at, row, channels, times)
                x, at = w.add(x, tap), w.add(at, size)
            return [x, at, *sums]

        whole = taps // step * step
        carried = [w.add(self.a[f"x{n}"], offset), weights, *flat]
        carried = w.loop(0, whole, step, carried, lambda k, values: some(step, values))
        flat = some(taps - whole, carried)[2:]
        return [flat[k * times : (k + 1) * times] for k in range(rows)]

    def _channels(
        self, sums: list[Value], x: Value, weights: Value, row: Value, channels: int, times: int
    ) -> list[Value]:
        """Add one tap of every input channel to every accumulator."""
        w, size = self.w, FLOAT * (len(sums) // times)

        def some(count: int, carried: list[Value]) -> list[Value]:
            place, at, *values = carried
            for _ in range(count):
                values = self._channel(values, place, at, times)
                place, at = w.add(place, row), w.add(at, size)
            return [place, at, *values]

        step = min(channels, UNROLLED)
        whole = channels // step * step
        carried = w.loop(0, whole, step, [x, weights, *sums], lambda i, values: some(step, values))
        return some(channels - whole, carried)[2:]

    def _channel(self, sums: list[Value], x: Value, weights: Value, times: int) -> list[Value]:
        """Add one tap of one input channel to every accumulator."""
        w, width, found = self.w, self.tile.width, []
        heard = [w.load(w.add(x, FLOAT * width * v), width) for v in range(times)]
        rows = len(sums) // times
        for r, weight in enumerate(self._weights(weights, rows, times)):
            found += [w.fma(weight, heard[v], sums[r * times + v]) for v in range(times)]
        return found

    def _weights(self, weights: Value, rows: int, times: int) -> Iterator[Value]:
        """One weight for each row, in every lane."""
        w, width = self.w, self.tile.width
        spread = self.tile.spread and times == 1 and rows % 4 == 0
        for first in range(0, rows, 4):
            if spread and first // 4 % 2:
                four = w.four_from(w.add(weights, FLOAT * first), width)
                yield from (w.lane_of_four(four, lane) for lane in range(4))
            else:
                for r in range(first, min(first + 4, rows)):
                    yield w.splat_from(w.add(weights, FLOAT * r), width)

    def _steps(
        self, acc: list[list[Value]], row: Value, size: int, starts: list[Value], slopes: Value
    ) -> list[list[Value]]:
        w, b = self.w, self.w.b
        halves = self.kind.halves
        for n, step in enumerate(self.kind.steps):
            if isinstance(step, Activate):
                acc = [[self.curves.apply(step, value) for value in line] for line in acc]
            elif isinstance(step, PreluKind):
                for k, line in enumerate(acc):
                    slope = w.splat_from(w.add(slopes, FLOAT * k), self.tile.width)
                    acc[k] = [self.curves.below_zero(value, slope) for value in line]
                slopes = w.add(slopes, FLOAT * len(acc))
            elif isinstance(step, FilmKind):
                acc = self._film(acc, n, step, row, size, halves, starts)
            else:
                halves, blended = 1, isinstance(step, Blend)
                low, high = acc[:size], acc[size:]
                for k in range(size):
                    for v in range(len(starts)):
                        bent = self.curves.apply(step.curve, low[k][v])
                        gate = self.curves.apply(step.gate, high[k][v])
                        if blended:
                            low[k][v] = w.fma(gate, b.fsub(bent, low[k][v]), low[k][v])
                        else:
                            low[k][v] = b.fmul(bent, gate)
                acc = low
        return acc

    def _film(
        self, acc: list[list[Value]], n: int, step: FilmKind, row: Value, size: int, halves: int,
        starts: list[Value],
    ) -> list[list[Value]]:  # fmt: skip
        w, width = self.w, self.tile.width
        scales = self._rows(f"scale{n}", row, size, halves)
        shifts = self._rows(f"shift{n}", row, size, halves) if step.shift else None
        for k, line in enumerate(acc):
            for v, start in enumerate(starts):
                scale = w.load(w.add(scales[k], start), width)
                if shifts is None:
                    line[v] = w.b.fmul(line[v], scale)
                else:
                    line[v] = w.fma(line[v], scale, w.load(w.add(shifts[k], start), width))
        return acc

    def _finish(self, acc: list[list[Value]], row: Value, size: int, starts: list[Value]) -> None:
        w, kind, width = self.w, self.kind, self.tile.width
        if kind.total:
            for k, place in enumerate(self._rows("total", row, size, 1)):
                for v, start in enumerate(starts):
                    at, value = w.add(place, start), acc[k][v]
                    if kind.total == "add":
                        value = w.b.fadd(w.load(at, width), value)
                    w.store(value, at)
        if kind.target:
            for k, place in enumerate(self._rows("target", row, size, 1)):
                for v, start in enumerate(starts):
                    w.store(acc[k][v], w.add(place, start))
