"""The block of memory that the audio thread shares with Python, here and in other processes."""

from __future__ import annotations

import ctypes
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import native
from engine.layout import CONTROL, EVENT, EVENTS, RING, TAPS, offset
from engine.memory import SharedBytes
from engine.native import machine

RING_FRAMES = 1 << 19  # the recorder may sleep for 10 s
TAP_FRAMES = 1 << 17
Array = npt.NDArray[Any]


def _up(size: int) -> int:
    return (size + 63) // 64 * 64


RING_AT = _up(CONTROL.itemsize)
_RING_BYTES = _up(RING.itemsize) + RING_FRAMES * 4 * 4
_TAP_BYTES = _up(RING.itemsize) + TAP_FRAMES * 2 * 4
BYTES = RING_AT + _RING_BYTES + TAPS * _TAP_BYTES


def aligned(size: int, alignment: int = 64) -> npt.NDArray[np.uint8]:
    """``size`` zero bytes that begin on a cache line (unaligned vectors cost up to a third)."""
    raw = np.zeros(size + alignment, np.uint8)
    first = -raw.ctypes.data % alignment
    return raw[first : first + size]


def address(array: Array) -> int:
    """Where the first element of ``array`` lies."""
    return int(array.ctypes.data)


_STORE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_ssize_t, ctypes.c_ssize_t)
_CLAIM = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_ssize_t] * 3)


def callback_address(name: str) -> int:
    """Address of one of the entries of ``engine.callback``, compiled if it must be."""
    return native.load(name, _callback_fingerprint(), lambda: _build(name))


def _build(name: str) -> bytes:
    from engine import callback

    return callback.build(name)


@cache
def _callback_fingerprint() -> str:
    folder = Path(__file__).parent
    return native.digest(*sorted((folder / "callback").glob("*.py")), folder / "layout.py")


@cache
def _store() -> Any:
    return _STORE(callback_address("store_word"))


@cache
def _claim() -> Any:
    return _CLAIM(callback_address("claim_word"))


def claim(where: int, expected: int, new: int) -> bool:
    """Make the word there ``new`` if it is ``expected``, in one step; whether it was."""
    return bool(_claim()(where, expected, new))


def store_release(where: int, value: int) -> None:
    """Publish ``value``: whoever reads it sees everything written before."""
    if machine()[0].startswith(("x86_64", "amd64", "i686")):
        ctypes.c_int64.from_address(where).value = value  # ordered by the processor itself
    else:
        _store()(where, value)


class RingReader:
    """The consumer's side of a ring of frames (single producer, single consumer)."""

    def __init__(self, memory: Array) -> None:
        self._header = memory[: RING.itemsize].view(RING)
        header = self._header[0]
        first, count = int(header["data"]), int(header["capacity"] * header["channels"])
        self.channels = int(header["channels"])
        self.capacity = int(header["capacity"])
        self._samples = memory[first : first + 4 * count].view(np.float32)
        self._samples = self._samples.reshape(-1, self.channels)

    @property
    def dropped(self) -> int:
        """Frames that found the ring full."""
        return int(self._header["dropped"][0])

    @property
    def written(self) -> int:
        """Frames the producer has written since the ring was made."""
        return int(self._header["written"][0])

    def arm(self, on: bool) -> None:
        """Let the producer write, or not; what lies in the ring is forgotten.

        Armed first: then nobody who looks on (models/sampler/live/ring.py) says any more how far he
        is, and ``read`` stays what it is made here.
        """
        store_release(address(self._header) + offset(RING, "armed"), int(on))
        store_release(address(self._header) + offset(RING, "read"), self.written)

    def read(self) -> npt.NDArray[np.float32]:
        """Everything written since the last call, (frames, channels)."""
        first, last = int(self._header["read"][0]), self.written
        frames: npt.NDArray[np.float32] = self._samples[
            np.arange(first, last) & (self.capacity - 1)
        ]
        store_release(address(self._header) + offset(RING, "read"), last)
        return frames


class Shared:
    """Control block, event ring, recorder's ring and taps, in private or shared memory."""

    def __init__(self, memory: Array, owner: SharedBytes | None = None) -> None:
        self.memory = memory
        self._owner = owner
        self.control: Any = memory[: CONTROL.itemsize].view(CONTROL)[0:1]

    @classmethod
    def private(cls) -> Shared:
        """A block for one process: a render, a test."""
        return cls._format(aligned(BYTES), None)

    @classmethod
    def create(cls) -> Shared:
        """A block that other processes can attach to by ``name``."""
        owner = SharedBytes.create(BYTES)
        return cls._format(owner.array, owner)

    @classmethod
    def attach(cls, name: str) -> Shared:
        """The block that another process created; it stays when this process ends."""
        owner = SharedBytes.attach(name, BYTES)
        return cls(owner.array, owner)

    @classmethod
    def _format(cls, memory: Array, owner: SharedBytes | None) -> Shared:
        shared = cls(memory, owner)
        places = [(RING_AT, RING_FRAMES, 4)]
        first = RING_AT + _RING_BYTES
        places += [(first + k * _TAP_BYTES, TAP_FRAMES, 2) for k in range(TAPS)]
        for at, frames, channels in places:
            header = memory[at : at + RING.itemsize].view(RING)
            header["capacity"], header["channels"] = frames, channels
            header["data"] = _up(RING.itemsize)
        return shared

    @property
    def name(self) -> str:
        """What ``attach`` needs."""
        assert self._owner is not None
        return self._owner.name

    @property
    def address(self) -> int:
        """Where the control block lies: the callback's user data."""
        return address(self.memory)

    def ring(self) -> RingReader:
        """The recorder's ring: dry left and right, wet left and right."""
        return RingReader(self.memory[RING_AT:])

    def tap_memory(self, index: int) -> Array:
        """The memory of tap ``index``, header first."""
        first = RING_AT + _RING_BYTES + index * _TAP_BYTES
        return self.memory[first : first + _TAP_BYTES]

    def tap(self, index: int) -> RingReader:
        """The ring that the recorder tap ``index`` writes: left, right."""
        return RingReader(self.tap_memory(index))

    def send(
        self, table: int, node: int, knob: int, value: float, due: int = -1, beat: float = 0.0
    ) -> bool:
        """Put an event into the ring, for now or for frame ``due``; False if it is full.

        A knob of a node is aimed at ``value``; NOTE instead of a knob, and SWITCH, BEAT, PANIC or
        BYPASS instead of a node, are what ``engine.layout`` says.
        """
        control = self.control
        written = int(control["event_written"][0])
        if written - int(control["event_read"][0]) >= EVENTS:
            return False
        event = np.array((table, node, knob, due, value, beat), EVENT)
        control["events"][0, written % EVENTS] = event
        store_release(self.address + offset(CONTROL, "event_written"), written + 1)
        return True

    def frame_at(self, stamp_ns: int) -> int:
        """The frame of the stream that comes in at a time of ``time.monotonic_ns``."""
        frame, began = self.last_block()
        rate = int(self.control[0]["rate"])
        return frame + (stamp_ns - began) * rate // 1_000_000_000 if began else 0

    def last_block(self) -> tuple[int, int]:
        """The first frame of the last block and when it began (``time.monotonic_ns``); or 0, 0."""
        row = self.control[0]
        while True:
            blocks = int(row["blocks"])
            frame, began = int(row["last_frame"]), int(row["last_ns"])
            if blocks == int(row["blocks"]):
                break
        if sys.platform == "win32" and began:  # before Python 3.13 that is another clock
            began += time.monotonic_ns() - time.perf_counter_ns()
        return frame, began

    def remove(self) -> None:
        """Take the memory's name away; whoever uses it keeps it."""
        if self._owner is not None:
            self._owner.unlink()
