"""The built-in device: the real callback, called from a clock (or flat out) by compiled code."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.layout import VIRTUAL
from engine.shared import RING_AT, Shared, address, aligned, callback_address

Sound = npt.NDArray[np.float32]
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_ssize_t, ctypes.c_ssize_t)


class VirtualDevice:
    """Plays ``source`` into the engine, looped, and calls it block by block.

    ``source`` is (frames, channels) float32. ``frames`` is how many to run (in whole blocks),
    or None for ever.
    ``realtime`` paces the blocks by the clock; otherwise they follow each other at once, and
    never outrun the recorder. The loop is machine code and holds no interpreter lock.
    """

    name = "virtual"

    def __init__(
        self,
        shared: Shared,
        block: int,
        source: Sound,
        frames: int | None = None,
        realtime: bool = True,
        loop: bool = True,
    ) -> None:
        control = shared.control
        self._shared = shared
        self._source = np.ascontiguousarray(source, np.float32)
        control["inputs"], control["outputs"] = self._source.shape[1], 2
        self._buffers = aligned(4 * block * (self._source.shape[1] + 2))
        self._device = aligned(VIRTUAL.itemsize).view(VIRTUAL)
        device = self._device
        device["callback"] = callback_address("callback")
        device["control"], device["block"] = shared.address, block
        device["source"], device["source_frames"] = address(self._source), len(self._source)
        device["input"] = address(self._buffers)
        device["output"] = address(self._buffers) + 4 * block * self._source.shape[1]
        device["frames"] = -1 if frames is None else -(-frames // block) * block
        device["realtime"], device["loop"] = realtime, loop
        device["ring"] = shared.address + RING_AT
        self._loop = _ENTRY(
            callback_address("virtual_device")
        )  # compiled now, not when it must run
        self._thread: threading.Thread | None = None
        self.priority = ""
        self.latency_frames = 0

    def run(self) -> None:
        """Run all blocks in this thread; returns when ``frames`` have passed or on stop."""
        self._loop(address(self._device), 0)

    def start(self) -> None:
        """Run in a thread of its own, at real-time priority where the system grants it."""
        self._shared.control["stop"] = 0
        self._thread = threading.Thread(target=self._run_urgent, name="audio", daemon=True)
        self._thread.start()

    def _run_urgent(self) -> None:
        from engine.priority import urgent

        self.priority = urgent()
        self.run()

    @property
    def running(self) -> bool:
        """Whether blocks are still being run."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def due(self) -> int:
        """Blocks the clock has asked for so far."""
        return int(self._device["due"][0])

    def stop(self) -> None:
        """Stop after the block that is running."""
        self._shared.control["stop"] = 1
        if self._thread is not None:
            self._thread.join()
            self._thread = None


class Pull:
    """Runs the callback over given sound and returns what comes out: no clock, no thread."""

    def __init__(self, shared: Shared, block: int, inputs: int) -> None:
        self._device = VirtualDevice(
            shared, block, np.zeros((1, inputs), np.float32), realtime=False, loop=False
        )
        self._record: Any = self._device._device
        self._record["ring"] = 0

    def run(self, source: Sound) -> Sound:
        """Push ``source`` (frames, channels) through; returns (frames, 2)."""
        source = np.ascontiguousarray(source, np.float32)
        sink = np.zeros((len(source), 2), np.float32)
        record = self._record
        record["source"], record["source_frames"] = address(source), len(source)
        record["source_at"], record["frames"], record["sink"] = 0, len(source), address(sink)
        self._device.run()
        return sink
