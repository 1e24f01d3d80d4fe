"""A box as machine code and memory that may be copied anywhere."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import native
from engine.boxes.box import Array, Box, BoxError
from engine.shared import address, aligned

FRAMES = 64
ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_ssize_t)
CODES = ("f4", "f8", "i4", "i8", "c8")
LINE = 64


@dataclass(frozen=True)
class Loaded:
    """A box ready to run: ``void(memory, rows, frames)`` at ``address``.

    ``rows`` are rows of 64 floats, row 0 the sound, changed in place, then the controls.
    ``image`` is the memory at reset; a copy of it on a cache line is a box of its own.
    ``clocks`` are the (first, count) floats of the image that settling must leave as they are.
    """

    address: int
    image: Array
    clocks: tuple[tuple[int, int], ...]


def load(box: Box, sample_rate: int) -> Loaded:
    """Code and memory of ``box`` at ``sample_rate``; BoxError where it cannot run."""
    state = box.state(sample_rate)
    fields = tuple((name, *_kind(box, name, value)) for name, value in state.items())
    image, places = _pack(state, fields)
    clocks = tuple((places[name] // 4, state[name].nbytes // 4) for name in box.clocks)
    kernel, controls = box.process, box.controls

    def build() -> bytes:
        from engine.boxes.wrapper import compile_box

        return compile_box(kernel, fields, controls)

    digest = native.digest(Path(__file__).parent / "wrapper.py")
    fingerprint = f"{kernel.fingerprint()} {fields} {controls} {digest}"
    return Loaded(native.load(f"box-{box.kind}", fingerprint, build), image, clocks)


def play(box: Box, sound: npt.ArrayLike, sample_rate: int, block: int = FRAMES) -> Array:
    """What ``box`` makes, from reset, of ``sound`` (frames,) or (1 + controls, frames)."""
    rows = np.atleast_2d(np.asarray(sound, np.float32))
    if len(rows) != 1 + box.controls:
        raise BoxError(f"{box.kind}: hears {1 + box.controls} rows, was given {len(rows)}")
    loaded = load(box, sample_rate)
    memory = aligned(loaded.image.nbytes).view(np.float32)
    memory[:] = loaded.image
    room = aligned(4 * FRAMES * len(rows)).view(np.float32).reshape(-1, FRAMES)
    made = np.empty(rows.shape[1], np.float32)
    call = ENTRY(loaded.address)
    for first in range(0, rows.shape[1], block):
        count = min(block, rows.shape[1] - first)
        room[:, :count] = rows[:, first : first + count]
        call(address(memory), address(room), count)
        made[first : first + count] = room[0, :count]
    return made


def _kind(box: Box, name: str, value: Any) -> tuple[str, int]:
    if isinstance(value, np.ndarray):
        code = value.dtype.kind + str(value.dtype.itemsize)
        assert code in CODES and value.ndim, f"{box.kind}: {name} is an array of {value.dtype}"
        return code, value.ndim
    return ("i8" if isinstance(value, (bool, int, np.integer)) else "f8"), 0


def _pack(
    state: dict[str, Any], fields: tuple[tuple[str, str, int], ...]
) -> tuple[Array, dict[str, int]]:
    """The memory at reset: words for the wrapper, then arrays, each on a cache line."""
    words = max(1, sum(1 + dimensions for _, _, dimensions in fields))
    places, size = {}, _up(8 * words)
    for name, value in state.items():
        if isinstance(value, np.ndarray):
            places[name] = size
            size += _up(max(value.nbytes, 1))
    memory = aligned(size)
    header, word = memory[: 8 * words].view(np.int64), 0
    for name, code, dimensions in fields:
        value = state[name]
        if dimensions:
            header[word], header[word + 1 : word + 1 + dimensions] = places[name], value.shape
            at = places[name]
            memory[at : at + value.nbytes] = np.ascontiguousarray(value).view(np.uint8).ravel()
        elif code == "i8":
            header[word] = int(value)
        else:
            header[word : word + 1].view(np.float64)[0] = float(value)
        word += 1 + dimensions
    return memory.view(np.float32), places


def _up(size: int) -> int:
    return -(-size // LINE) * LINE
