"""Numba's side of a box: the C function around its kernel. Imported only to compile."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import carray, types

from engine.compiler import Field, compile_function, dispatcher, pointer
from engine.kernel import Kernel

ROW_BYTES = 256


def compile_box(process: Kernel, fields: tuple[Field, ...], controls: int) -> bytes:
    """Object file of ``void(memory, rows, frames)`` around ``process``."""
    names = [name for name, _, _ in fields] + (["heard"] if controls else [])
    scope = {
        "carray": carray,
        "pointer": pointer,
        "State": namedtuple("State", names),  # noqa: PYI024 - fields known only here
        "process": dispatcher(process),
        **{f"{code}_": np.dtype(code) for code in ("f4", "f8", "i4", "i8", "c8")},
    }
    exec(source(fields, controls), scope)
    return compile_function(scope["box"], *[types.intp] * 3)


def source(fields: tuple[Field, ...], controls: int) -> str:
    """The Python source of that function: arrays lie at offsets from where the memory is."""
    parts, word = [], 0
    for _, code, dimensions in fields:
        if dimensions:
            shape = ", ".join(f"w[{word + 1 + d}]" for d in range(dimensions))
            parts.append(f"carray(pointer(memory + w[{word}]), ({shape},), {code}_)")
        else:
            parts.append(f"{'f' if code == 'f8' else 'w'}[{word}]")
        word += 1 + dimensions
    if controls:
        parts.append(f"carray(pointer(rows + {ROW_BYTES}), ({controls}, 64), f4_)")
    return "\n".join(
        [
            "def box(memory, rows, frames):",
            f"    w = carray(pointer(memory), {max(word, 1)}, i8_)",
            f"    f = carray(pointer(memory), {max(word, 1)}, f8_)",
            "    x = carray(pointer(rows), (1, frames), f4_)",
            f"    process(x, State({', '.join(parts)},))"
            if len(parts) == 1
            else f"    process(x, State({', '.join(parts)}))",
        ]
    )
