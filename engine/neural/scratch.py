"""Memory of one block, used again as soon as it is free."""

from __future__ import annotations

from collections.abc import Sequence

from engine.neural.lower import Lowered
from engine.neural.network import Signal, reads, writes
from engine.neural.tile import FRAMES
from engine.neural.vector import FLOAT

ROW = FLOAT * FRAMES


class Scratch:
    """Gives out rows of scratch, and takes them back after a signal's last use."""

    def __init__(self, ops: Sequence[Lowered], output: Signal) -> None:
        self._last: dict[Signal, int] = {}
        for number, op in enumerate(ops):
            for signal in (*reads(op), *writes(op)):
                self._last[signal] = number
        self._held: dict[Signal, tuple[int, int]] = {}
        self._free: list[tuple[int, int]] = []
        self.size = 0

    def place(self, signal: Signal, number: int) -> int:
        """Offset in bytes of the rows of ``signal``, first written by operation ``number``."""
        if signal in self._held:
            return self._held[signal][0]
        size = ROW * signal.channels
        for k, (at, room) in enumerate(self._free):
            if room >= size:
                self._free[k : k + 1] = [(at + size, room - size)] if room > size else []
                break
        else:
            at = self.size
            self.size += size
        self._held[signal] = (at, size)
        return at

    def free(self, number: int) -> None:
        """Take back what operation ``number`` was the last to use."""
        for signal in [s for s in self._held if self._last[s] <= number]:
            at, size = self._held.pop(signal)
            self._free = sorted([*self._free, (at, size)])
            merged: list[tuple[int, int]] = []
            for begin, room in self._free:
                if merged and sum(merged[-1]) == begin:
                    merged[-1] = (merged[-1][0], merged[-1][1] + room)
                else:
                    merged.append((begin, room))
            self._free = merged
