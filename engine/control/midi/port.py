"""One open MIDI port: its name, its lock, and when its messages arrived."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from engine.control.midi import api

Arrived = tuple[bytes, int, str]
"""The bytes of a message, when it came (``time.monotonic_ns``), and the port's name."""
_ALSA_NUMBERS = re.compile(r" \d+:\d+\Z")


def plain_name(name: str) -> str:
    """A port's name without the numbers that ALSA gives it anew each time it is plugged in."""
    return _ALSA_NUMBERS.sub("", name)


class Stamps:
    """When each message of a port arrived, on our clock, from rtmidi's time since the last one.

    A message may lie in the queue while Python does something else; the times between
    messages are taken where it arrives. The least delay of the last two seconds ties them to
    our clock; a delay that is far longer means that a time was lost, and they are tied anew.
    """

    KEEP_NS = 1_000_000_000
    LOST_NS = 100_000_000

    def __init__(self) -> None:
        self._theirs = self._least = self._before = 0.0
        self._since_ns: int | None = None

    def stamp(self, now_ns: int, since_last_s: float) -> int:
        """The time of arrival of the message that was fetched at ``now_ns``."""
        self._theirs += max(0.0, since_last_s) * 1e9
        delay = now_ns - self._theirs
        if self._since_ns is None or delay - min(self._least, self._before) > self.LOST_NS:
            self._least = self._before = delay
            self._since_ns = now_ns
        elif now_ns - self._since_ns > self.KEEP_NS:
            self._before, self._least = self._least, delay
            self._since_ns = now_ns
        self._least = min(self._least, delay)
        return int(self._theirs + min(self._least, self._before))


@dataclass
class Port:
    """One open port. ``lock`` is held while it is used: rtmidi crashes on one that is deleted."""

    name: str
    midi: Any
    lock: threading.Lock = field(default_factory=threading.Lock)
    stamps: Stamps = field(default_factory=Stamps)
    started: int | None = None  # ticks of the clock that others had heard when it was told to start
    closed: bool = False

    def send(self, data: bytes) -> bool:
        """Send one message; False if the port has gone."""
        with self.lock:
            if self.closed:
                return False
            try:
                self.midi.send_message(data)
            except api.rtmidi().RtMidiError:  # the next look at the ports' names tells it
                return False
            return True

    def fetch(self) -> Arrived | None:
        """The next message of the queue, stamped."""
        with self.lock:
            found = None if self.closed else self.midi.get_message()
        return None if found is None else self.stamped(found)

    def stamped(self, event: tuple[list[int], float]) -> Arrived:
        """What rtmidi hands over, the bytes and the seconds since the last, with our time."""
        return bytes(event[0]), self.stamps.stamp(time.monotonic_ns(), event[1]), self.name

    def close(self, delete: bool = True) -> None:
        """Close it. Without ``delete`` it is left to lie there: its server has died."""
        with self.lock:
            if not self.closed:
                self.closed = True
                if delete:
                    self.midi.delete()
