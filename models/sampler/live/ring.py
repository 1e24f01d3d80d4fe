"""Hears what a tap writes for the recorder, beside the recorder or without it.

A ring has one reader that says how far it is; others may look on. Whoever looks on here says how
far it is only while the recorder does not: a take never misses a frame because of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.layout import RING, offset
from engine.shared import address, claim

OFF, OURS = 0, 2
"""Of the word ``armed``; the recorder writes 1."""

Array = npt.NDArray[np.float32]


class TapListener:
    """Reads a tap's ring, ``memory`` as ``engine.shared.Shared.tap_memory`` gives it."""

    def __init__(self, memory: npt.NDArray[np.uint8]) -> None:
        header: npt.NDArray[Any] = memory[: RING.itemsize].view(RING)
        self._header, self._row = header, header[0]
        first, self._capacity = int(self._row["data"]), int(self._row["capacity"])
        count = self._capacity * int(self._row["channels"])
        samples = memory[first : first + 4 * count].view(np.float32)
        self._samples = samples.reshape(self._capacity, -1)
        self._arm()
        self._at = self._written
        self._dropped = int(self._row["dropped"])
        self._forward()

    def read(self) -> tuple[Array, bool]:
        """All since the last call, (frames, channels), and whether something before it is lost."""
        self._arm()
        last = self._written
        dropped = int(self._row["dropped"])
        lost = dropped != self._dropped or last - self._at > self._capacity
        if last - self._at > self._capacity:  # nobody waited for us: all that is there now is new
            self._at = last
        frames: Array = self._samples[np.arange(self._at, last) & (self._capacity - 1)]
        if self._written - self._at > self._capacity:  # overtaken while we copied
            frames, lost = frames[:0], True
        self._at, self._dropped = last, dropped
        self._forward()
        return frames, lost

    def close(self) -> None:
        """Let the tap rest, unless the recorder wants it."""
        self._claim("armed", OURS, OFF)

    @property
    def _written(self) -> int:
        return int(self._row["written"])

    def _arm(self) -> None:
        if int(self._row["armed"]) == OFF:
            self._claim("armed", OFF, OURS)

    def _forward(self) -> None:
        """Say that we are so far, unless somebody else says how far he is.

        ``read`` is looked at before ``armed``: who arms in between writes both, ``armed`` first,
        and the claim fails.
        """
        read = int(self._row["read"])
        if int(self._row["armed"]) == OURS:
            self._claim("read", read, self._at)

    def _claim(self, field: str, expected: int, new: int) -> bool:
        return claim(address(self._header) + offset(RING, field), expected, new)


__all__ = ["TapListener"]
