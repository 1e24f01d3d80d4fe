"""MIDI messages that plugins make: each is told when it is due, and no note is left to hang."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.control.lead import Timeline
from engine.layout import MADE
from engine.priority import urgent

if TYPE_CHECKING:
    from engine.control.desk import Desk, News
    from engine.shared import Shared

SOURCE = "rack"
LOOK_SECONDS, IDLE_SECONDS = 0.002, 0.05
LATE_NS = 250_000_000
"""A note that should have begun this long ago is not begun any more."""
FAR_NS = 10_000_000_000
NOTES_OFF = 123
URGENT = 5  # as for MIDI that comes in

_Due = tuple[int, int, bytes]


class Made:
    """Tells ``News("note")`` of every message that a plugin of the rack makes, at its time.

    A frame's time is when it comes in at the input, as a beat's. When another rack sounds, at a
    panic, when the audio thread has acted on it or has muted a plugin that makes notes, after a
    restart and at the end, notes that are still held are ended.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._timeline = Timeline()
        self._shared: Shared | None = None
        self._read = self._table = self._anew = 0
        self._waiting: list[_Due] = []
        self._order = itertools.count()
        self._held: set[tuple[int, int]] = set()
        self._channels: set[int] = set()  # that notes were sent to
        self._makes = False
        self.told = self.late = self.lost = 0
        self._panic = threading.Event()
        self._closing = threading.Event()
        self._stop_listening: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="notes out", daemon=True)

    @property
    def held(self) -> int:
        """How many notes sound."""
        return len(self._held)

    def start(self) -> None:
        """Begin to tell."""
        self._stop_listening = self._desk.listen(self._news)
        self._thread.start()

    def close(self) -> None:
        """End what sounds and tell no more; a second time does nothing."""
        self._stop_listening()
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._release()

    def _news(self, news: News) -> None:
        if news.kind == "panic":
            self._panic.set()

    def _run(self) -> None:
        urgent(URGENT)
        while not self._closing.wait(self._nap(time.monotonic_ns())):
            try:
                self.look(time.monotonic_ns())
            except Exception as error:
                self._release()
                text = f"a plugin's notes were lost: {type(error).__name__}: {error}"
                self._desk.tell("message", SOURCE, text=text)

    def _nap(self, now_ns: int) -> float:
        if self._waiting:
            due = (self._waiting[0][0] - now_ns) / 1e9
            return min(max(due, 0.0), LOOK_SECONDS)
        return LOOK_SECONDS if self._makes else IDLE_SECONDS

    def look(self, now_ns: int) -> None:
        """Fetch what was made and tell what is due."""
        shared = self._desk.host.shared
        control = shared.control[0]
        if shared is not self._shared:  # the first, or one that was started again
            self._shared, self._read = shared, int(control["made_count"])
            self._anew = int(control["made_anew"])
            self._release()
        table = int(control["sounding"])
        if table != self._table:
            links = [link for _, link in self._desk.rack.links() if link is not None]
            self._table, self._makes = table, any(link.plugin.makes_notes for link in links)
            self._release()
        if self._panic.is_set():
            self._panic.clear()
            self._silence(now_ns)
        anew = int(control["made_anew"])
        if anew != self._anew:  # the ends of what was made before are forgotten
            self._anew, self._read = anew, max(self._read, anew)
            self._silence(now_ns)
        if self._timeline.look(shared):
            self._fetch(shared, now_ns)
        while self._waiting and self._waiting[0][0] <= now_ns:
            due, _, data = heapq.heappop(self._waiting)
            self._tell(data, due, now_ns)

    def _fetch(self, shared: Shared, now_ns: int) -> None:
        control = shared.control[0]
        written = int(control["made_count"])
        if written <= self._read:
            return
        if written - self._read > MADE:
            self.lost += written - self._read - MADE
            self._read = written - MADE
        rows = [control["made"][k % MADE].tolist() for k in range(self._read, written)]
        self._read = written
        for frame, packed, table in rows:
            data = _bytes(packed)
            if table == self._table and data:
                due = min(self._timeline.stamp(frame), now_ns + FAR_NS)
                heapq.heappush(self._waiting, (due, next(self._order), data))

    def _tell(self, data: bytes, due_ns: int, now_ns: int) -> None:
        kind, key = data[0] & 0xF0, (data[0] & 0x0F, data[1] if len(data) > 1 else 0)
        begins = kind == 0x90 and data[2] > 0
        ends = kind == 0x80 or (kind == 0x90 and not begins)
        if begins and now_ns - due_ns > LATE_NS:
            self.late += 1
            return
        if ends and key not in self._held:
            return
        if begins and key in self._held:
            self._send(_off(*key), due_ns)
        if begins:
            self._held.add(key)
            self._channels.add(key[0])
        elif ends:
            self._held.discard(key)
        self._send(data, due_ns)

    def _silence(self, now_ns: int) -> None:
        self._release()
        for channel in sorted(self._channels):
            self._send(bytes((0xB0 | channel, NOTES_OFF, 0)), now_ns)

    def _release(self) -> None:
        """End every note that sounds; what waits to begin never does."""
        held, self._held, self._waiting = sorted(self._held), set(), []
        for key in held:
            self._send(_off(*key), time.monotonic_ns())

    def _send(self, data: bytes, stamp_ns: int) -> None:
        self.told += 1
        self._desk.tell("note", SOURCE, data=data, stamp_ns=stamp_ns)


def _bytes(packed: int) -> bytes:
    """A channel message, its first byte in the lowest bits; nothing if it is not whole."""
    status = packed & 0xFF
    if not 0x80 <= status < 0xF0:
        return b""
    count = 2 if status & 0xE0 == 0xC0 else 3
    data = bytes((status, *(packed >> 8 * k & 0xFF for k in range(1, count))))
    return data if max(data[1:]) < 0x80 else b""


def _off(channel: int, note: int) -> bytes:
    return bytes((0x80 | channel, note, 0))


__all__ = ["Made"]
