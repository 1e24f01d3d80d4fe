"""The memory that a worker shares with the audio thread, in hops of 64 frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.memory import SharedBytes

HOP = 64
SAID = 1024  # bytes of a worker's warning
MESSAGES = 64  # MIDI messages that a hop has room for
PUSHED = 0
"""The word of the header for the hops that wait; engine.worker_life has its own."""


def worker_latency(block: int, delay: int, depth: int) -> int:
    """Frames between a hop's first sample and the block that may use what was made of it.

    Hop k is whole in the device block that holds its last frame, and is due ``depth`` blocks
    later; ``delay`` is the latency before this node.
    """
    most = 0
    for k in range(HOP * block // np.gcd(HOP, block) // HOP):
        whole = -(-((k + 1) * HOP + delay) // block) - 1
        most = max(most, (whole + depth) * block - delay - k * HOP)
    return int(most)


class Memory:
    """The hops that wait, what was made of them, and words for both sides."""

    def __init__(self, slots: int, channels: int, knobs: int, name: str | None = None) -> None:
        hops = slots * channels * HOP
        sizes = {"header": (32, "i8"), "tags": (slots, "i8"), "values": (slots * knobs, "f8")}
        sizes |= {"counts": (slots, "i8"), "messages": (slots * MESSAGES * 2, "i8")}
        sizes |= {"sent": (hops, "f4"), "made": (hops, "f4"), "said": (SAID, "u1")}
        total = sum(count * int(code[1]) for count, code in sizes.values())
        self.block = SharedBytes.create(total) if name is None else SharedBytes.attach(name, total)
        self.owner = name is None
        arrays: dict[str, npt.NDArray[Any]] = {}
        at = 0
        for key, (count, code) in sizes.items():
            arrays[key] = self.block.array[at : at + count * int(code[1])].view(code)
            at += count * int(code[1])
        self.header, self.tags = arrays["header"], arrays["tags"]
        self.counts = arrays["counts"]
        self.messages = arrays["messages"].reshape(slots, MESSAGES, 2)
        self.values = arrays["values"].reshape(slots, knobs)
        self.sent = arrays["sent"].reshape(slots, channels, HOP)
        self.made = arrays["made"].reshape(slots, channels, HOP)
        self._said = arrays["said"]
        if self.owner:
            self.tags[:] = -1

    @property
    def said(self) -> str:
        """What the worker that runs now wants the player to know."""
        return bytes(self._said).rstrip(b"\0").decode(errors="ignore")

    @said.setter
    def said(self, text: str) -> None:
        self._said[:] = np.frombuffer(text.encode()[:SAID].ljust(SAID, b"\0"), np.uint8)

    def messages_of(self, slot: int) -> list[tuple[int, bytes]]:
        """The MIDI messages of one hop: frame, message."""
        rows = self.messages[slot, : int(self.counts[slot])].tolist()
        return [(frame, packed.to_bytes(3, "little")) for frame, packed in rows]
