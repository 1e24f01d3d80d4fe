"""A model as memory and a list of calls: what one step does, in the order it does it.

Memory is float32; places are counted in floats, each on a line of the cache. A layer has its
input and its states side by side, so that both are multiplied by one matrix. The layer that
hears the window of ``column`` and ``transpose`` has no input here: see window.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.sampler.matvec import (
    LINE,
    ROWS,
    address,
    cells_address,
    dot_address,
    packed,
)
from engine.sampler.model import Array, Layer, SamplerModel
from engine.sampler.storage import WORTH_ROWS, factors_of

COPY, ADD, ADD_WINDOW, MATRIX, CELLS, DROP_IN, DROP_OUT = range(7)
"""Calls. Copy, add: (from, to, count); the window: (-, to, count); drop: (at, -, count);
matrix: (weights, vector, sums, columns); cells: (sums, cells, states, units)."""
CALL, A, B, C, COUNT, CODE, COST = range(7)
"""Columns of the list: the call, three places, a count, the address of its code, the cost of all
calls before it."""
UNITS = ROWS // 4
PIECE = 1 << 17
"""Weights that are multiplied in one call: 10 to 50 us, so that a step can be cut in parts."""
CALL_COST = 2000
"""What any call costs beside its weights, in weights."""


@dataclass
class Plan:
    """Memory at rest, weights, the calls of a step, and places that others must know."""

    memory: Array
    weights: npt.NDArray[np.uint32]
    calls: npt.NDArray[np.int64]
    first: int  # the first layer's input, or where there is none its sums
    last: int  # what the head made
    units: int  # padded units of the first layer


def plan_of(model: SamplerModel, windowed: bool) -> Plan:
    """The plan of a step; ``windowed`` where the first layer's input is worked out elsewhere."""
    return _Planner(model, windowed).plan()


def padded_units(hidden: int) -> int:
    """Units of a layer in memory."""
    return -(-hidden // UNITS) * UNITS


def by_gates(matrix: Array, hidden: int) -> Array:
    """Rows of four gates, each filled up with zeros to whole units."""
    units = padded_units(hidden)
    wide = np.zeros((4, units, *matrix.shape[1:]), np.float32)
    wide[:, :hidden] = matrix.reshape(4, hidden, *matrix.shape[1:])
    return wide.reshape(4 * units, *matrix.shape[1:])


class _Planner:
    def __init__(self, model: SamplerModel, windowed: bool) -> None:
        self.model, self.windowed = model, windowed
        self._size = self._words = 0
        self._fills: list[tuple[int, Array]] = []
        self._packs: list[npt.NDArray[np.uint32]] = []
        self._calls: list[tuple[int, ...]] = []
        self._cost = 0

    def plan(self) -> Plan:
        layers = self.model.layers
        units = [padded_units(layer.hidden) for layer in layers]
        sums = self._claim(4 * max(units))
        inputs = [_line(layer.inputs) for layer in layers]
        if self.windowed:
            inputs[0] = 0
        places = [self._claim(i + u) for i, u in zip(inputs, units, strict=True)]
        behind = self._claim(units[-1])
        for number, layer in enumerate(layers):
            at, states = places[number], places[number] + inputs[number]
            following = places[number + 1] if number + 1 < len(layers) else behind
            self._layer(number, layer, at, states, sums, units[number], following)
        last = self._head(behind, units[-1])
        return Plan(self._image(), self._joined(), self._list(),
                    sums if self.windowed else places[0], last, units[0])  # fmt: skip

    def _layer(
        self, number: int, layer: Layer, at: int, states: int, sums: int, units: int, following: int
    ) -> None:
        windowed = self.windowed and number == 0
        matrix = by_gates(layer.recurrent, layer.hidden)
        if not windowed:
            bias = self._put(by_gates(layer.bias, layer.hidden))
            self._call(COPY, bias, sums, 0, 4 * units)
            self._call(DROP_IN, at, 0, 0, layer.inputs)
            both = np.zeros((4 * units, states - at + layer.hidden), np.float32)
            both[:, : layer.inputs] = by_gates(layer.kernel, layer.hidden)
            both[:, states - at :] = matrix
            matrix = both
        factors = by_gates(factors_of(layer.kernel, layer.recurrent), layer.hidden)
        self._matrix(matrix, factors, at if not windowed else states, sums)
        cells = self._claim(units)
        self._call(CELLS, sums, cells, states, units, cells_address())
        self._call(COPY, states, following, 0, layer.hidden)
        if self.model.residual and layer.hidden == layer.inputs:
            self._call(ADD_WINDOW if windowed else ADD, at, following, 0, layer.hidden)
        self._call(DROP_OUT, following, 0, 0, layer.hidden)

    def _head(self, vector: int, units: int) -> int:
        kernel, bias = self.model.head.kernel, self.model.head.bias
        rows = len(bias) if len(bias) < WORTH_ROWS else -(-len(bias) // ROWS) * ROWS
        made = self._claim(rows)
        start = np.zeros(rows, np.float32)
        start[: len(bias)] = bias
        self._call(COPY, self._put(start), made, 0, rows)
        if len(bias) >= WORTH_ROWS:
            self._matrix(kernel, factors_of(kernel), vector, made)
            return made
        for row in range(len(bias)):
            weights = np.zeros(units, np.float32)
            weights[: kernel.shape[1]] = kernel[row]
            at = self._store(weights.view(np.uint32))
            self._call(MATRIX, at, vector, made + row, units, dot_address())
        return made

    def _matrix(self, matrix: Array, factors: Array, vector: int, sums: int) -> None:
        columns = -(-matrix.shape[1] // LINE) * LINE
        code = address(self.model.storage)
        each = max(1, PIECE // (ROWS * columns)) * ROWS
        for first in range(0, len(matrix), each):
            part = slice(first, first + each)
            words = packed(matrix[part], self.model.storage, columns, factors[part])
            at = self._store(words)
            self._call(MATRIX, at, vector, sums + first, columns, code)
            self._cost += min(each, len(matrix) - first) * columns

    def _call(self, call: int, a: int, b: int, c: int, count: int, code: int = 0) -> None:
        self._calls.append((call, a, b, c, count, code, self._cost))
        self._cost += CALL_COST

    def _claim(self, floats: int) -> int:
        at = self._size
        self._size += _line(floats)
        return at

    def _put(self, array: Array) -> int:
        at = self._claim(len(array))
        self._fills.append((at, array))
        return at

    def _store(self, words: npt.NDArray[np.uint32]) -> int:
        at = self._words
        self._packs.append(words)
        self._words += len(words)
        assert len(words) % LINE == 0
        return at

    def _image(self) -> Array:
        memory = np.zeros(self._size, np.float32)
        for at, array in self._fills:
            memory[at : at + len(array)] = array
        return memory

    def _joined(self) -> npt.NDArray[np.uint32]:
        return np.concatenate(self._packs)

    def _list(self) -> npt.NDArray[np.int64]:
        end = (-1, 0, 0, 0, 0, 0, self._cost)
        return np.array([*self._calls, end], np.int64)


def _line(count: int) -> int:
    """``count`` filled up to whole lines of the cache."""
    return -(-count // LINE) * LINE


__all__ = [
    "ADD", "ADD_WINDOW", "CALL", "CELLS", "CODE", "COPY", "COST", "COUNT", "DROP_IN", "DROP_OUT",
    "MATRIX", "A", "B", "C", "Plan", "by_gates", "padded_units", "plan_of",
]  # fmt: skip
