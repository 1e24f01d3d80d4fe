"""Matrix times vector as machine code: the weights are read once, in one stream, and that is all.

A step of a large LSTM is as long as its weights take to arrive from the caches or from memory, so
they lie as bfloat16 or int8 where the model's were rounded to that, and are widened in registers:
arithmetic is float32 all the same. ``bfloat16``: two rows share a 32-bit lane, one in each half.
``int8``: four do; what is kept of a lane is a whole number times 2^24, which the row's factor
undoes at the end.

The matrix is cut into tiles of rows that fill the registers as sums; a tile's weights lie column
by column. Columns go into ``CHAINS`` sums in turn, so that no addition waits for the last one.

The code takes (weights, vector, sums, columns), addresses and a count, and adds the product to
``sums``; it may be told of fewer columns than there are. Before the weights lies a line of memory
with the number of tiles and the bytes of one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import native
from engine.sampler.model import Array
from engine.sampler.storage import factors_of, to_bfloat16, to_int8

CHAINS = 2
LINE = 16
"""32-bit words in a line of a cache: what precedes the weights."""
IN_WORD = {"float32": 1, "bfloat16": 2, "int8": 4}
"""Weights in a 32-bit lane."""


@dataclass(frozen=True)
class Tile:
    """How many lanes a vector has, and how many vectors of sums a tile."""

    lanes: int
    vectors: int

    @property
    def rows(self) -> int:
        """Rows of a tile; divides 128."""
        return self.lanes * self.vectors


ROWS = 128
"""Rows are padded to a multiple of this, whatever the processor."""


@cache
def tile() -> Tile:
    """The tile for this processor: its sums, in all chains, fill about half of its registers."""
    features = set(native.machine()[2].split(","))
    if "+avx512f" in features:
        return Tile(16, 8)
    if "+avx2" in features or "+avx" in features:
        return Tile(8, 4)
    return Tile(4, 8 if "+neon" in features else 4)


def packed(
    matrix: Array, storage: str, columns: int, factors: Array | None = None
) -> npt.NDArray[np.uint32]:
    """``matrix`` (rows, n) as the code reads it, filled up to whole tiles and ``columns``.

    ``columns`` is even and at least n. ``storage`` must be able to hold the weights as they are;
    ``factors`` (rows,) are those of int8 where more than this matrix decided on them.
    """
    cut = tile()
    rows = -(-len(matrix) // ROWS) * ROWS
    whole = np.zeros((rows, columns), np.float32)
    whole[: len(matrix), : matrix.shape[1]] = matrix
    tiles, each = rows // cut.rows, IN_WORD[storage]
    header = np.zeros(LINE, np.uint32)
    header.view(np.int64)[:2] = tiles, 4 * cut.rows * columns // each
    scales = np.zeros(0, np.uint32)
    if storage == "float32":
        words = whole.view(np.uint32)
    elif storage == "bfloat16":
        words = to_bfloat16(whole).astype(np.uint32)
    else:
        each_row = np.ones(rows, np.float32)
        given = factors_of(matrix) if factors is None else factors
        each_row[: len(matrix)] = np.where(given > 0.0, given, 1.0)
        words = to_int8(whole, each_row).view(np.uint8).astype(np.uint32)
        scales = (each_row * np.float32(2.0**-24)).view(np.uint32)
    # (tiles, groups of vectors that share a word, in the word, lanes, columns)
    apart = words.reshape(tiles, cut.vectors // each, each, cut.lanes, columns)
    shift = (32 // each * np.arange(each)).astype(np.uint32)
    joined = np.bitwise_or.reduce(apart << shift[:, None, None], axis=2)
    ordered = np.ascontiguousarray(joined.transpose(0, 3, 1, 2))  # tiles, columns, groups, lanes
    return np.concatenate([header, scales, ordered.ravel()])


def address(storage: str) -> int:
    """Address of the code for weights in ``storage``."""
    cut = tile()
    return _load(f"sampler-{storage}", lambda e: e.matvec(cut.lanes, cut.vectors, CHAINS, storage))


def cells_address() -> int:
    """Address of the code of an LSTM's cells: (sums, cells, states, units)."""
    return _load("sampler-cells", lambda e: e.cells(tile().lanes))


def dot_address() -> int:
    """Address of the code of one row: (weights, vector, sum, columns), columns in sixteens."""
    return _load("sampler-dot", lambda e: e.dot())


def multiply_address() -> int:
    """Address of the code that multiplies spectra: (responses, spectra, products, 0)."""
    return _load("sampler-multiply", lambda e: e.multiply(tile().lanes, WIDE))


WIDE = 2
"""Vectors of filters that are multiplied side by side."""


def _load(name: str, text: Callable[[Any], str]) -> int:
    def build() -> bytes:
        from engine.sampler import emit

        return native.emit_vectors(text(emit))

    return native.load(name, f"{tile()} {_source()}", build, tell=False)


@cache
def _source() -> str:
    from pathlib import Path

    here = Path(__file__).parent
    files = (here / "emit.py", here / "matvec.py", here.parent / "neural" / "curves.py",
             here.parent / "neural" / "vector.py")  # fmt: skip
    return "".join(file.read_text("utf-8") for file in files)


def caller(entry: int) -> Any:
    """The code at an address as a function for Python: to test or to time it on its own."""
    import ctypes

    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 4)(entry)


__all__ = [
    "IN_WORD", "LINE", "ROWS", "WIDE", "address", "caller", "cells_address", "dot_address",
    "multiply_address", "packed", "tile",
]  # fmt: skip
