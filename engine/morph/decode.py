"""Networks of a morph as compiled kernels: a decoder's frame in dB, an encoder's latents.

A network is memory and a list of calls. Matrices are the sampler's machine code (weights float32
or bfloat16, read once a frame); of rows beyond a multiple of 128 up to 15 are computed one by one,
so that 257 bins do not cost what 384 do. Voices share weights and scratch and are computed one
after the other, each when its own frame is due: eight at once would read the weights once, but
they lie in the cache anyway.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.morph.compiled import Arrays, bind, caller, table_of
from engine.morph.curve import curve_address
from engine.morph.errors import MorphError
from engine.morph.grid import FLOOR_DB, Array
from engine.morph.model import Dense, MorphModel
from engine.native_calls import run_network
from engine.sampler.dreamer import aligned_copy
from engine.sampler.matvec import LINE, ROWS, address, dot_address, packed

COPY, ADD, CODE = range(3)
"""Calls. Copy, add: (from, to, count); code: (weights or numbers, vector, sums, count)."""
CALL, A, B, C, COUNT, WHERE, WEIGHTS = range(7)
"""Columns of the list: the call, three places, a count, its code's address, whether A is one of
the weights."""
RAW, DECIBELS, UNIT = range(3)
"""What is made of the last layer: nothing, dB of 0 to 1, or 0 to 1."""
OUTPUT_AT, MAKES = range(2)
LARGEST = 1e6
"""Numbers that are given are held to this, on both sides."""
TABLE = "dense_table"
CONSTANT = ("dense_weights",)
"""State arrays that no kernel writes, and that may be megabytes: an Extern for a node."""


def decoder_state(model: MorphModel, voices: int = 1, prefix: str = "") -> Arrays:
    """State arrays of ``run_dense``: ``dense_given`` (voices, latents and conditions) becomes
    ``dense_made`` (voices, bins) in dB, FLOOR_DB to 0. Raises MorphError for a bad model."""
    model.check()
    return dense_state(model.decoder, model.storage, voices, DECIBELS, prefix)


def encoder_state(model: MorphModel, voices: int = 1, prefix: str = "") -> Arrays:
    """The same for the encoder: a frame, 0 to 1, and conditions become latents, 0 to 1."""
    model.check()
    return dense_state(model.encoder, model.storage, voices, UNIT, prefix)


def dense_state(
    layers: tuple[Dense, ...], storage: str, voices: int = 1, makes: int = RAW, prefix: str = ""
) -> Arrays:
    """State arrays of ``run_dense`` for any network; compiles what is not in the cache."""
    plan = _Plan(layers, storage)
    state: Arrays = {
        "dense_plan": np.array([plan.output, makes], np.int64),
        "dense_given": np.zeros((voices, plan.inputs), np.float32),
        "dense_made": np.zeros((voices, len(layers[-1].bias)), np.float32),
        "dense_memory": aligned_copy(plan.image()),
        "dense_weights": aligned_copy(np.concatenate(plan.packs)),
        "dense_calls": np.array(plan.calls, np.int64),
    }
    state[TABLE] = table_of("morph-dense", dense_voice, state)
    return {prefix + name: array for name, array in state.items()}


def bind_dense(arrays: dict[str, npt.NDArray[Any]], prefix: str = "") -> None:
    """Tell the table among ``arrays``, which may hold others too, where its own now lie."""
    bind(arrays, TABLE, "dense_", prefix)


def constants(state: Arrays) -> dict[str, Any]:
    """The state as a node wants it: weights are left where they lie, not copied."""
    from engine.plugin import Extern

    return {
        name: Extern(value) if name.endswith(CONSTANT) else value for name, value in state.items()
    }


@kernel
def run_dense(table: Any, voice: int) -> None:
    """A voice's ``dense_given`` becomes its ``dense_made``."""
    run_network(table[0], table.ctypes.data, voice, 0, 0)


@kernel
def dense_voice(state: Any, voice: int, unused: int, unused_too: int) -> None:
    """What the code does: one vector of one voice through all layers."""
    memory, given, made = state.dense_memory, state.dense_given[voice], state.dense_made[voice]
    most = np.float32(LARGEST)
    for k in range(given.shape[0]):
        value = given[k] if given[k] > -most else -most  # so is what is no number
        memory[k] = min(value, most)
    calls, base, weights = state.dense_calls, memory.ctypes.data, state.dense_weights.ctypes.data
    for n in range(calls.shape[0]):
        a, b, c, count = calls[n, A], calls[n, B], calls[n, C], calls[n, COUNT]
        if calls[n, CALL] == CODE:
            at = weights + 4 * a if calls[n, WEIGHTS] != 0 else base + 4 * a
            run_network(calls[n, WHERE], at, base + 4 * b, base + 4 * c, count)
        else:
            x, y = memory[a : a + count], memory[b : b + count]
            if calls[n, CALL] == COPY:
                for k in range(count):
                    y[k] = x[k]
            else:
                for k in range(count):
                    y[k] += x[k]
    end = state.dense_plan[OUTPUT_AT]
    finish(memory[end : end + made.shape[0]], state.dense_plan[MAKES], made)


@kernel
def finish(x: Any, makes: int, made: Any) -> None:
    """The last layer's numbers, held to what they mean; what is no number becomes the least."""
    zero, one, low = np.float32(0.0), np.float32(1.0), np.float32(FLOOR_DB)
    for k in range(made.shape[0]):
        value = x[k]
        if makes != RAW:
            value = min(value if value > zero else zero, one)
        made[k] = low - low * value if makes == DECIBELS else value


class _Plan:
    """Places in memory, packed weights and calls of a network's layers."""

    def __init__(self, layers: tuple[Dense, ...], storage: str) -> None:
        first = layers[0]
        self.storage = storage
        self.inputs = first.kernel.shape[1] // (2 if first.joined else 1)
        self.packs: list[npt.NDArray[np.uint32]] = []
        self.calls: list[tuple[int, ...]] = []
        self._words = self._size = 0
        self._fills: list[tuple[int, Array]] = []
        at, count = self._claim(self.inputs), self.inputs
        for layer in layers:
            at, count = self._layer(layer, at, count), len(layer.bias)
        self.output = at

    def image(self) -> Array:
        """The memory at rest."""
        memory = np.zeros(self._size, np.float32)
        for at, array in self._fills:
            memory[at : at + len(array)] = array
        return memory

    def _layer(self, layer: Dense, before: int, count: int) -> int:
        """Calls of one layer whose input lies at ``before``; where its output lies."""
        columns, seen = _line(layer.kernel.shape[1]), before
        if layer.joined:
            seen = self._claim(columns)
            self._call(COPY, before, seen, 0, count)
            self._call(COPY, 0, seen + count, 0, self.inputs)
        units = len(layer.bias)
        extra = units % ROWS if units % ROWS < LINE else 0
        whole = _line(units - extra, ROWS) + LINE
        made, bias = self._claim(whole), self._claim(whole)
        self._fills.append((bias, layer.bias))
        self._call(COPY, bias, made, 0, whole)  # zeros too, whatever came before
        self._matrix(layer.kernel[: units - extra], columns, seen, made)
        for row in range(units - extra, units):
            weights = np.zeros(columns, np.float32)
            weights[: layer.kernel.shape[1]] = layer.kernel[row]
            place = self._store(weights.view(np.uint32))
            self._call(CODE, place, seen, made + row, columns, dot_address(), 1)
        if layer.activation != "none":
            where = curve_address(layer.activation)
            self._call(CODE, made, 0, 0, _line(units), where)
        if layer.residual:
            self._call(ADD, before, made, 0, count)
        return made

    def _matrix(self, matrix: Array, columns: int, vector: int, sums: int) -> None:
        if len(matrix):
            place = self._store(packed(matrix, self.storage, columns))
            self._call(CODE, place, vector, sums, columns, address(self.storage), 1)

    def _call(self, call: int, a: int, b: int, c: int, count: int, *code: int) -> None:
        self.calls.append((call, a, b, c, count, *code, *(0,) * (2 - len(code))))

    def _claim(self, floats: int) -> int:
        at = self._size
        self._size += _line(floats)
        return at

    def _store(self, words: npt.NDArray[np.uint32]) -> int:
        at = self._words
        self.packs.append(words)
        self._words += len(words)
        return at


def _line(count: int, whole: int = LINE) -> int:
    """``count`` filled up to whole lines of the cache."""
    return -(-count // whole) * whole


class Coder:
    """A decoder or an encoder for Python, by the code that a plugin calls."""

    def __init__(self, state: Arrays) -> None:
        self.arrays = state
        bind_dense(state)
        self._call = caller(int(state[TABLE][0]))

    def __call__(self, given: npt.ArrayLike) -> Array:
        """Vectors (count, made) of vectors (count, given)."""
        rows = np.asarray(given, np.float32)
        wanted = self.arrays["dense_given"].shape[1]
        if rows.ndim != 2 or rows.shape[1] != wanted:
            raise MorphError(f"numbers of shape {rows.shape} are not (count, {wanted})")
        out = np.zeros((len(rows), self.arrays["dense_made"].shape[1]), np.float32)
        for n, row in enumerate(rows):
            self.arrays["dense_given"][0] = row
            self._call(self.arrays[TABLE].ctypes.data, 0, 0, 0)
            out[n] = self.arrays["dense_made"][0]
        return out


__all__ = [
    "CONSTANT", "DECIBELS", "RAW", "TABLE", "UNIT", "Coder", "bind_dense", "constants",
    "decoder_state", "dense_state", "encoder_state", "run_dense",
]  # fmt: skip
