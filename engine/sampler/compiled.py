"""The dream as one piece of machine code, by address: compiled once, whatever calls it.

    state = {**dream_state(model), ...}        # prepare()
    bind_dream(arrays)                         # bind(): where the arrays have come to lie
    play(state.dream_table, sound, MAKING)     # in the kernel

``dream_table`` holds the code's address, then for each array, in the order of their names, where
it is and its shape. So a plugin's own kernel stays small, and may hold several dreams, their
arrays told apart by a prefix.
"""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import native
from engine.kernel import kernel
from engine.native_calls import run_network
from engine.sampler.hops import play_hops
from engine.sampler.samples import play_samples
from engine.sampler.state import APPROACH, COLUMN, MAKING, TRANSPOSE
from engine.sampler.watchdog import until_look, watch

TABLE = "dream_table"
FAMILIES = ("dream_", "bank_", "voc_", "watch_")
"""What names of arrays begin with. Each is a record of its own: functions that are handed all
arrays take Numba ten times as long."""
Arrays = dict[str, npt.NDArray[Any]]
Fields = tuple[tuple[str, str, int], ...]


@kernel
def play(table: Any, sound: Any, mode: int) -> None:
    """HEARING, LISTENING: ``sound`` (frames,) comes; MAKING: it is written over."""
    run_network(table[0], table.ctypes.data, sound.ctypes.data, mode, sound.shape[0])


@kernel
def dream_on(core: Any, bank: Any, voc: Any, seen: Any, sound: Any, mode: int) -> None:
    """What the code does: see dream.py. What is made goes from look to look of the watchdog's, so
    that one which is stuck starts again at the same sample however ``sound`` is cut."""
    approach, done = core.dream_plan[APPROACH], 0
    while done < sound.shape[0]:
        some = sound.shape[0] - done
        if mode == MAKING:
            some = min(some, until_look(seen))
        part = sound[done : done + some]
        if approach in (COLUMN, TRANSPOSE):
            play_samples(core, bank, part, mode)
        else:
            play_hops(core, voc, part, mode)
        if mode == MAKING:
            watch(core, seen, part)
        done += some


def table_of(state: Arrays) -> npt.NDArray[np.int64]:
    """A table for these arrays; their places are told by ``bind_dream``."""
    words = np.zeros(1 + sum(1 + state[name].ndim for name in state), np.int64)
    words[0] = code(_fields(state))
    return words


def bind_dream(arrays: Arrays, prefix: str = "") -> None:
    """Tell the table of ``arrays``, which may hold others too, where the dream's lie."""
    table, word = arrays[prefix + TABLE], 1
    ours = tuple(prefix + first for first in FAMILIES)
    for name in sorted(arrays):
        if not name.startswith(ours) or name == prefix + TABLE:
            continue
        array = arrays[name]
        table[word : word + 1 + array.ndim] = array.ctypes.data, *array.shape
        word += 1 + array.ndim


def _fields(state: Arrays) -> Fields:
    return tuple(
        (name, f"{state[name].dtype.kind}{state[name].dtype.itemsize}", state[name].ndim)
        for name in sorted(state)
    )


@cache
def code(fields: Fields) -> int:
    """Address of the code: (table, sound, mode, frames)."""
    key = f"{dream_on.fingerprint()} {fields} {native.digest(Path(__file__))}"
    return native.load("sampler-dream", key, lambda: _build(fields))


def _build(fields: Fields) -> bytes:
    from numba import carray, types

    from engine.compiler import compile_function, dispatcher, pointer

    parts: dict[str, list[str]] = {family: [] for family in FAMILIES}
    word = 1
    for name, kind, dimensions in fields:
        shape = ", ".join(f"w[{word + 1 + d}]" for d in range(dimensions))
        array = f"carray(pointer(w[{word}]), ({shape},), {kind}_)"
        parts[name.partition("_")[0] + "_"].append(array)
        word += 1 + dimensions
    given = ", ".join(f"{family}({', '.join(arrays)})" for family, arrays in parts.items())
    source = [
        "def entry(table, sound, mode, frames):",
        f"    w = carray(pointer(table), {word}, i8_)",
        "    x = carray(pointer(sound), frames, f4_)",
        f"    run({given}, x, mode)",
    ]
    names = {
        family: [name for name, _, _ in fields if name.startswith(family)] for family in FAMILIES
    }
    scope: dict[str, Any] = {
        "carray": carray,
        "pointer": pointer,
        "run": dispatcher(dream_on),
        **{family: namedtuple(family.strip("_"), names[family]) for family in FAMILIES},  # noqa: PYI024
        **{f"{kind}_": np.dtype(kind) for kind in ("f4", "f8", "i8", "u4", "u8")},
    }
    exec("\n".join(source), scope)
    return compile_function(scope["entry"], *[types.intp] * 4)


__all__ = ["TABLE", "bind_dream", "play", "table_of"]
