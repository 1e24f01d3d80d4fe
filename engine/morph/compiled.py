"""Kernels by address: compiled once, for whatever calls them.

A table holds the code's address, then for each array of a state, in the order of their names,
where it lies and its shape. Code takes (table, a, b, c) and runs the kernel as
``run(record, a, b, c)``, where the record's fields are the arrays.
"""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import native
from engine.kernel import Kernel
from engine.sampler.matvec import caller

Arrays = dict[str, npt.NDArray[Any]]
Fields = tuple[tuple[str, str, int], ...]


def table_of(name: str, run: Kernel, state: Arrays) -> npt.NDArray[np.int64]:
    """A table for these arrays, with the code of ``run``; their places are told by ``bind``."""
    words = np.zeros(1 + sum(1 + array.ndim for array in state.values()), np.int64)
    fields = tuple(
        (field, f"{state[field].dtype.kind}{state[field].dtype.itemsize}", state[field].ndim)
        for field in sorted(state)
    )
    words[0] = _code(name, run, fields)
    return words


def bind(arrays: dict[str, npt.NDArray[Any]], table: str, family: str, prefix: str = "") -> None:
    """Tell the table where the arrays lie whose names begin with ``prefix`` and ``family``."""
    words, word = arrays[prefix + table], 1
    for name in sorted(arrays):
        if not name.startswith(prefix + family) or name == prefix + table:
            continue
        array = arrays[name]
        words[word : word + 1 + array.ndim] = array.ctypes.data, *array.shape
        word += 1 + array.ndim
    assert word == len(words)


@cache
def _code(name: str, run: Kernel, fields: Fields) -> int:
    key = f"{run.fingerprint()} {fields} {native.digest(Path(__file__))}"
    return native.load(name, key, lambda: _build(run, fields))


def _build(run: Kernel, fields: Fields) -> bytes:
    from numba import carray, types

    from engine.compiler import compile_function, dispatcher, pointer

    parts, word = [], 1
    for _, kind, dimensions in fields:
        shape = ", ".join(f"w[{word + 1 + d}]" for d in range(dimensions))
        parts.append(f"carray(pointer(w[{word}]), ({shape},), {kind}_)")
        word += 1 + dimensions
    source = [
        "def entry(table, a, b, c):",
        f"    w = carray(pointer(table), {word}, i8_)",
        f"    run(Record({', '.join(parts)}), a, b, c)",
    ]
    scope: dict[str, Any] = {
        "carray": carray,
        "pointer": pointer,
        "run": dispatcher(run),
        "Record": namedtuple("Record", [name for name, _, _ in fields]),  # noqa: PYI024
        **{f"{kind}_": np.dtype(kind) for kind in ("f4", "f8", "i8", "u4", "u8")},
    }
    exec("\n".join(source), scope)
    return compile_function(scope["entry"], *[types.intp] * 4)


__all__ = ["Arrays", "bind", "caller", "table_of"]
