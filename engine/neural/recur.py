"""The recurrent kernels: LSTM and GRU layers, one sample after another.

Time cannot be a vector here, so the gates are: each weight column is loaded once, the state it
belongs to is spread over a vector, and the sums of all gates stay in registers. The weights of
sigmoid gates are halved, as NAM's approximation wants: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.

States are written one row a sample, ``rows`` of them: row 0 holds the state before the block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.neural.curves import Curves
from engine.neural.network import Activate, Array, Gru, Lstm
from engine.neural.tile import Tile, pieces
from engine.neural.vector import FLOAT, Value, Writer, index, zeros

GATES = 4
"""Sums per unit: i, f, g, o of an LSTM; r, z and both halves of n of a GRU."""
ROLLED_BEYOND = 640
"""Multiply-adds of vectors in a sample above which the loop over states is kept a loop."""
UNROLL = 8


@dataclass(frozen=True)
class RecurKind:
    """All that a recurrent layer's code depends on."""

    cell: str  # "lstm" or "gru"
    inputs: int
    hidden: int

    ARGUMENTS = ("frames", "weights", "x", "x_row", "x_step", "rows", "cells")

    def pieces(self, tile: Tile) -> list[int]:
        """Vectors that hold the state."""
        return pieces(self.hidden, tile.hidden_width)

    def padded(self, tile: Tile) -> int:
        """Floats in a row of state: whole vectors, so that rows stay aligned."""
        return aligned(self.hidden, tile)

    def groups(self, tile: Tile) -> list[list[tuple[int, int]]]:
        """Pieces whose sums are held at once: [(first unit, width)] each."""
        sums = max(1, tile.outs * tile.times // GATES)
        found: list[list[tuple[int, int]]] = [[]]
        at = 0
        for width in self.pieces(tile):
            if len(found[-1]) == sums:
                found.append([])
            found[-1].append((at, width))
            at += width
        return found


def pack_lstm(kind: RecurKind, tile: Tile, op: Lstm) -> Array:
    """The layer's weights as its kernel reads them, sigmoid gates halved."""
    halved = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), kind.hidden)
    return _pack(kind, tile, op.bias * halved, op.w_in * halved[:, None],
                 op.w_state * halved[:, None])  # fmt: skip


def pack_gru(kind: RecurKind, tile: Tile, op: Gru) -> Array:
    """As ``pack_lstm``; n's product with the state is a gate of its own, for r comes between."""
    hidden = kind.hidden
    halved = np.repeat(np.array([0.5, 0.5, 1.0], np.float32), hidden)
    both = (op.b_in + op.b_state)[: 2 * hidden]
    bias = np.concatenate([both * 0.5, op.b_in[2 * hidden :], op.b_state[2 * hidden :]])
    w_in, w_state = op.w_in * halved[:, None], op.w_state * halved[:, None]
    nothing_in = np.zeros((hidden, kind.inputs), np.float32)
    nothing = np.zeros((hidden, hidden), np.float32)
    return _pack(
        kind, tile, bias, np.concatenate([w_in, nothing_in]),
        np.concatenate([w_state[: 2 * hidden], nothing, w_state[2 * hidden :]]),
    )  # fmt: skip


def aligned(floats: int, tile: Tile) -> int:
    """``floats`` filled up to whole vectors: a load across two cache lines costs two."""
    return -(-floats // tile.hidden_width) * tile.hidden_width


def gates_of(kind: RecurKind, state: bool) -> list[int]:
    """Which of the four sums the inputs (or the states) go into."""
    if kind.cell == "lstm":
        return [0, 1, 2, 3]
    return [0, 1, 3] if state else [0, 1, 2]


def _pack(kind: RecurKind, tile: Tile, bias: Array, w_in: Array, w_state: Array) -> Array:
    hidden = kind.hidden

    def part(column: Array, group: list[tuple[int, int]], gates: list[int]) -> list[Array]:
        found = []
        for first, width in group:
            for gate in gates:
                lanes = np.zeros(width, np.float32)
                taken = column[gate * hidden + first : gate * hidden + min(first + width, hidden)]
                lanes[: len(taken)] = taken
                found.append(lanes)
        count = sum(len(lanes) for lanes in found)
        return [*found, np.zeros(aligned(count, tile) - count, np.float32)]

    parts: list[Array] = []
    for group in kind.groups(tile):
        parts += part(bias, group, list(range(GATES)))
        for i in range(kind.inputs):
            parts += part(w_in[:, i], group, gates_of(kind, False))
        for j in range(hidden):
            parts += part(w_state[:, j], group, gates_of(kind, True))
    return np.concatenate(parts)


class RecurWriter:
    """Writes one recurrent kernel into an open function."""

    def __init__(
        self, writer: Writer, kind: RecurKind, tile: Tile, fast: bool, arguments: dict[str, Value]
    ) -> None:
        self.w, self.kind, self.tile, self.a = writer, kind, tile, arguments
        self.curves = Curves(writer, fast)

    def write(self) -> None:
        w, a, kind = self.w, self.a, self.kind
        groups = kind.groups(self.tile)
        self.kept = len(groups) == 1 and kind.cell == "lstm"  # cells stay in registers
        cells = [w.load(w.add(a["cells"], FLOAT * at), n) for at, n in groups[0]]
        row = FLOAT * kind.padded(self.tile)

        def sample(t: Value, carried: list[Value]) -> list[Value]:
            x, before, *kept = carried
            after = w.add(before, row)
            weights = a["weights"]
            for group in groups:
                weights, kept = self._group(group, weights, x, before, after, kept)
            return [w.add(x, a["x_step"]), after, *kept]

        start = [a["x"], a["rows"], *(cells if self.kept else [])]
        _, last, *cells = w.loop(index(0), a["frames"], 1, start, sample)
        if self.kept:
            for (at, _), value in zip(groups[0], cells, strict=True):
                w.store(value, w.add(a["cells"], FLOAT * at))
        for group in groups:
            for at, n in group:
                value = w.load(w.add(last, FLOAT * at), n)
                w.store(value, w.add(a["rows"], FLOAT * at))

    def _group(
        self, group: list[tuple[int, int]], weights: Value, x: Value, before: Value, after: Value,
        kept: list[Value],
    ) -> tuple[Value, list[Value]]:  # fmt: skip
        """Sums and curves of some pieces of the state; returns what follows in the weights."""
        sums, weights = self._sums(group, weights, x, before)
        cells = []
        for p, (at, width) in enumerate(group):
            gates = [sums[p * GATES + g] for g in range(GATES)]
            if self.kind.cell == "lstm":
                place = w_add(self.w, self.a["cells"], at)
                cell = kept[p] if self.kept else self.w.load(place, width)
                cell, out = self._lstm(gates, cell)
                cells.append(cell)
                if not self.kept:
                    self.w.store(cell, place)
            else:
                old = self.w.load(w_add(self.w, before, at), width)
                out = self._gru(gates, old)
            self.w.store(out, w_add(self.w, after, at))
        return weights, cells if self.kept else []

    def _lstm(self, gates: list[Value], cell: Value) -> tuple[Value, Value]:
        b = self.w.b
        i, f, o = (self._sigmoid(gates[k]) for k in (0, 1, 3))
        cell = self.w.fma(f, cell, b.fmul(i, self._tanh(gates[2])))
        return cell, b.fmul(o, self._tanh(cell))

    def _gru(self, gates: list[Value], old: Value) -> Value:
        r, z = self._sigmoid(gates[0]), self._sigmoid(gates[1])
        new = self._tanh(self.w.fma(r, gates[3], gates[2]))
        return self.w.fma(z, self.w.b.fsub(old, new), new)

    def _tanh(self, x: Value) -> Value:
        return self.curves.apply(Activate("tanh"), x)

    def _sigmoid(self, halved: Value) -> Value:
        return self.curves.sigmoid_of_twice(halved)

    def _sums(
        self, group: list[tuple[int, int]], weights: Value, x: Value, before: Value
    ) -> tuple[list[Value], Value]:
        """Bias, inputs and states of every gate of the group, in ``chains`` partial sums."""
        w, kind = self.w, self.kind
        sums, floats = [], 0
        for _, width in group:
            for _ in range(GATES):
                sums.append(w.load(w_add(w, weights, floats), width))
                floats += width
        at = w_add(w, weights, aligned(floats, self.tile))
        at, sums = self._inputs(group, sums, at, x)
        chains = max(1, min(self.tile.chains, kind.hidden))
        partial = [sums] + [[zeros(v.type.count) for v in sums] for _ in range(chains - 1)]
        flat = [value for chain in partial for value in chain]
        gates = gates_of(kind, True)
        size = len(sums)

        def turn(
            at: Value, place: Value, flat: list[Value], count: int
        ) -> tuple[Value, list[Value]]:
            for j in range(count):
                k = j % chains
                part, at = self._column(
                    group, flat[k * size : (k + 1) * size], at, w_add(w, place, j), gates
                )
                flat = [*flat[: k * size], *part, *flat[(k + 1) * size :]]
            return at, flat

        step = chains * max(1, UNROLL // chains)
        if kind.hidden * len(group) * len(gates) <= ROLLED_BEYOND:
            at, flat = turn(at, before, flat, kind.hidden)
        else:

            def some(j: Value, carried: list[Value]) -> list[Value]:
                following, values = turn(carried[0], carried[1], carried[2:], step)
                return [following, w_add(w, carried[1], step), *values]

            whole = kind.hidden // step * step
            at, place, *flat = w.loop(0, whole, step, [at, before, *flat], some)
            at, flat = turn(at, place, flat, kind.hidden - whole)
        while len(flat) > size:  # chains meet pairwise
            half = (len(flat) // size + 1) // 2 * size
            flat = [
                w.b.fadd(value, flat[half + k]) if half + k < len(flat) else value
                for k, value in enumerate(flat[:half])
            ]
        return flat, at

    def _inputs(
        self, group: list[tuple[int, int]], sums: list[Value], weights: Value, x: Value
    ) -> tuple[Value, list[Value]]:
        """Add every input to the sums; in a loop where there are many."""
        w, kind, gates = self.w, self.kind, gates_of(self.kind, False)

        def one(i: Value, carried: list[Value]) -> list[Value]:
            at, place, *values = carried
            values, at = self._column(group, values, at, place, gates)
            return [at, w.add(place, self.a["x_row"]), *values]

        carried = [weights, x, *sums]
        if kind.inputs * len(group) * len(gates) <= ROLLED_BEYOND:
            for i in range(kind.inputs):
                carried = one(index(i), carried)
        else:
            carried = w.loop(index(0), index(kind.inputs), 1, carried, one)
        return carried[0], carried[2:]

    def _column(
        self, group: list[tuple[int, int]], sums: list[Value], weights: Value, place: Value,
        gates: list[int],
    ) -> tuple[list[Value], Value]:  # fmt: skip
        """Add one input or state, times its column of weights, to the sums."""
        w, sums = self.w, list(sums)
        w_place = 0
        spread = {width: w.splat_from(place, width) for width in {n for _, n in group}}
        for p, (_, width) in enumerate(group):
            for gate in gates:
                weight = w.load(w_add(w, weights, w_place), width)
                k = p * GATES + gate
                sums[k] = w.fma(weight, spread[width], sums[k])
                w_place += width
        return sums, w_add(w, weights, aligned(w_place, self.tile))


def w_add(writer: Writer, address: Value, floats: int) -> Value:
    """``address`` and some floats on."""
    return writer.add(address, FLOAT * floats)


@dataclass(frozen=True)
class ProjectKind:
    """Rows of a matrix times the states of every sample, written as planar sound."""

    hidden: int
    padded: int
    width: int

    ARGUMENTS = ("frames", "weights", "rows", "target", "target_row")


def write_project(w: Writer, kind: ProjectKind, tile: Tile, a: dict[str, Value]) -> None:
    """target[row][t] = weights[row] . state[t]; the weights are (width, padded)."""
    cut = pieces(kind.hidden, tile.hidden_width)

    def sample(t: Value, carried: list[Value]) -> list[Value]:
        place, target = carried
        weights, out = a["weights"], target
        for _ in range(kind.width):
            w.store(_dot(w, cut, weights, place), out)
            weights = w.add(weights, FLOAT * kind.padded)
            out = w.add(out, a["target_row"])
        return [w.add(place, FLOAT * kind.padded), w.add(target, FLOAT)]

    w.loop(index(0), a["frames"], 1, [a["rows"], a["target"]], sample)


def _dot(w: Writer, cut: list[int], weights: Value, place: Value) -> Value:
    at, sums = 0, dict[int, Value]()
    for n in cut:
        x, y = (w.load(w_add(w, base, at), n) for base in (weights, place))
        sums[n] = w.fma(x, y, sums[n]) if n in sums else w.b.fmul(x, y)
        at += n
    total = None
    for value in sums.values():
        part = w.sum(value)
        total = part if total is None else w.b.fadd(total, part)
    return total
