"""The memory that the audio thread and the worker share.

The audio thread writes what it hears into ``heard`` and asks for answers by a number; the worker
writes an answer into one of SLOTS and tells so with one word. The four slots are used in turn, and
an answer is due before the next is asked for: so at most two are being read, one is not due yet,
and one is being written.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.memory import SharedBytes

ASKED, TOLD, MADE = 0, 4, 5
"""``header``: the last answer that was asked for; the last that is there, times SLOTS, plus its
slot; how many the worker has made. Between them are the words of its life
(engine.worker_life)."""
SLOTS = 4
JOBS = 8
END, BASE = range(2)
"""``jobs``: the frame at which what is to be answered ends; the number before the first."""
ENDED, ITERATIONS, STYLE, TOOK = range(4)
"""``facts`` of an answer: its end as asked for, iterations, what is left of the way, seconds."""
SPARE_S = 4.0
"""What more than a window ``heard`` holds: a worker that is late by less misses nothing."""


class Memory:
    """Arrays over one block that another process can attach to by its name."""

    def __init__(self, ring: int, window: int, knobs: int, name: str | None = None) -> None:
        sizes: dict[str, tuple[tuple[int, ...], str]] = {
            "header": ((16,), "i8"),
            "jobs": ((JOBS, 2), "i8"),
            "values": ((JOBS, knobs), "f8"),
            "facts": ((SLOTS, 4), "f8"),
            "heard": ((ring,), "f4"),
            "made": ((SLOTS, window), "f4"),
        }
        total = sum(int(np.prod(shape)) * int(code[1]) for shape, code in sizes.values())
        self.block = SharedBytes.create(total) if name is None else SharedBytes.attach(name, total)
        self.arrays: dict[str, npt.NDArray[Any]] = {}
        at = 0
        for key, (shape, code) in sizes.items():
            count = int(np.prod(shape)) * int(code[1])
            self.arrays[key] = self.block.array[at : at + count].view(code).reshape(shape)
            at += count

    def __getitem__(self, key: str) -> npt.NDArray[Any]:
        return self.arrays[key]


def ring_of(window: int, rate: int) -> int:
    """Frames of ``heard``: a power of two."""
    return int(1 << int(np.ceil(np.log2(window + SPARE_S * rate))))


__all__ = [
    "ASKED", "BASE", "END", "ENDED", "ITERATIONS", "JOBS", "MADE", "SLOTS", "STYLE", "TOLD",
    "TOOK", "Memory", "ring_of",
]  # fmt: skip
