"""The beat of a plugin that leads, brought to everything outside of the audio thread.

The musical clock follows it (and MIDI clock, Link and OSC that), and each beat is told ahead.
Times are when a beat is played at the input; no latency is taken off or added.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from engine.control import lead
from engine.control.beats import Ahead
from engine.control.clock import LED, Beat
from engine.control.news import Pulsing

if TYPE_CHECKING:
    from engine.control.desk import Desk

SOURCE = "pulse"
AHEAD_MS = 100.0
LOOK_SECONDS, IDLE_SECONDS = 0.01, 0.1
SHORTEST_SECONDS = 0.001
"""Between two looks, if a beat is due so soon."""
SET_NS = 40_000_000
"""The clock is put right so often at most, beats aside: everybody who listens has work with it."""
APART_NS = 1e6
TEMPO_APART = 1e-3
STALE_NS = 2_500_000_000


class Pulse:
    """A thread that reads what the leading plugin says, a hundred times a second and when a beat is
    due to be told.

    ``ahead_ms`` is how long before a beat ``News("pulse")`` tells it. ``start`` and ``close`` are
    quick; closed twice is closed.
    """

    def __init__(self, desk: Desk, ahead_ms: float = AHEAD_MS) -> None:
        self._desk = desk
        self._ahead = Ahead(round(ahead_ms * 1e6))
        self._timeline = lead.Timeline()
        self._wait_seconds = IDLE_SECONDS
        self._set_ns = 0
        self._beat = 0  # the last that has passed
        self.faults = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        self._desk.pulse = None

    def _run(self) -> None:
        while not self._closing.wait(self._wait_seconds):
            self._wait_seconds = IDLE_SECONDS
            try:
                self.look(time.monotonic_ns())
            except Exception as error:  # the next look may do better; the sound goes on anyway
                self.faults += 1
                if self.faults == 1:
                    text = f"the beat is not told: {type(error).__name__}: {error}"
                    self._desk.tell("message", SOURCE, text=text)

    def look(self, now_ns: int) -> Pulsing | None:
        """Read the record and tell what is new in it."""
        found = self._read(now_ns)
        self._desk.pulse = found
        if found is not None:
            self._wait_seconds = LOOK_SECONDS
        if found is not None and found.leads:
            self._steer(found, now_ns)
            self._tell(found, now_ns)
            self._wait_seconds = wait_seconds(self._ahead.until_next(_beat(found), now_ns))
        return found

    def _read(self, now_ns: int) -> Pulsing | None:
        shared = self._desk.host.shared
        found = lead.read(shared)
        if found is None or not self._timeline.look(shared):
            return None
        if now_ns - self._timeline.stamp(found.now) > STALE_NS:
            return None  # nothing sounds any more
        beat = self._desk.clock.now
        if found.leads:
            beat = Beat(found.tempo_bpm, found.beat, self._timeline.stamp(found.frame))
        return Pulsing(
            leads=found.leads,
            tempo_bpm=beat.tempo_bpm,
            beat=beat.beat,
            stamp_ns=beat.stamp_ns,
            bar=found.bar,
            confidence=found.confidence,
            onsets=found.onsets,
            strength=found.strength,
            said=found.said,
        )

    def _steer(self, found: Pulsing, now_ns: int) -> None:
        """Put the musical clock where the beat is, if it is elsewhere; and at each beat."""
        if not LED.minimum <= found.tempo_bpm <= LED.maximum:
            return
        clock, here = self._desk.clock.now, _beat(found).at(now_ns)
        apart_ns = abs(here - clock.at(now_ns)) * 60e9 / found.tempo_bpm
        wrong = apart_ns > APART_NS or abs(found.tempo_bpm / clock.tempo_bpm - 1.0) > TEMPO_APART
        passed = math.floor(here) != self._beat
        if passed or (wrong and now_ns - self._set_ns >= SET_NS):
            self._beat, self._set_ns = math.floor(here), now_ns
            self._desk.clock.follow(found.tempo_bpm, here, now_ns, SOURCE)

    def _tell(self, found: Pulsing, now_ns: int) -> None:
        told = self._ahead.next(_beat(found), found.bar, now_ns)
        if told is not None:
            self._desk.tell(
                "pulse",
                SOURCE,
                number=told.number,
                place=told.place,
                bar=found.bar,
                tempo_bpm=found.tempo_bpm,
                confidence=found.confidence,
                stamp_ns=told.stamp_ns,
                onsets=found.onsets,
                strength=found.strength,
            )


def wait_seconds(until_next_ns: float) -> float:
    """How long to wait before the next look, where a beat is due to be told after so long."""
    return min(max(until_next_ns / 1e9, SHORTEST_SECONDS), LOOK_SECONDS)


def _beat(found: Pulsing) -> Beat:
    return Beat(found.tempo_bpm, found.beat, found.stamp_ns)


__all__ = [
    "AHEAD_MS", "LOOK_SECONDS", "SHORTEST_SECONDS", "SOURCE", "Pulse", "wait_seconds",
]  # fmt: skip
