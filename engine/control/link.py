"""Ableton Link: tempo and phase shared with every other program on the network, both ways.

What a player, a MIDI clock or a preset does to the desk's clock goes to the session; what the
session does comes to the clock. Whoever joins a session takes over its tempo and its beat.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

from engine.control.clock import Beat
from engine.control.follower import leads

if TYPE_CHECKING:
    from engine.control.desk import Desk

SOURCE = "link"
QUANTUM = 4.0  # beats that peers agree on: a bar
EVERY_SECONDS = 0.02
APART_MS = 1.0
"""A beat that is off by less is left alone: reading two clocks is not more exact than that
on a busy computer, and every correction moves what follows the clock."""
READ_NS = 50_000  # longer between two looks at the time, and the look between them is not exact
START_SECONDS = 5.0


class LinkError(ValueError):
    """Ableton Link that cannot be used; the message says what is missing."""


class Link:
    """The desk's clock in a Link session. ``start`` and ``close`` are quick.

    Raises LinkError if aalink is not installed.
    """

    def __init__(self, desk: Desk) -> None:
        try:
            import aalink
        except ImportError:
            raise LinkError(
                "Ableton Link needs aalink; pip install 'taraf[link]'"
            ) from None  # fmt: skip
        self._make: Any = aalink.Link
        self._desk = desk
        self._changed: Beat | None = None
        self._lock = threading.Lock()
        self._closing, self._running = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self.peers = 0
        """How many others are in the session."""

    def start(self) -> None:
        """Join the session, or begin one; raises LinkError."""
        self._desk.clock.listen(self._heard)
        self._thread.start()
        if not self._running.wait(START_SECONDS):
            self._closing.set()
            raise LinkError("Ableton Link does not start: the network does not answer")

    def close(self) -> None:
        """Leave the session; a second time does nothing."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _heard(self, beat: Beat, source: str) -> None:
        """Called by whoever moved the clock, in his thread: his change is to go out."""
        if source != SOURCE:
            with self._lock:
                self._changed = beat

    def _run(self) -> None:
        asyncio.run(self._share())

    async def _share(self) -> None:
        """aalink wants a loop of its own, and all calls from one thread."""
        link = self._make(self._desk.clock.tempo_bpm)
        link.quantum = QUANTUM
        self._give(link, self._desk.clock.now)
        link.enabled = True
        self._running.set()
        while not self._closing.is_set():
            with self._lock:
                changed, self._changed = self._changed, None
            if changed is not None:
                self._give(link, changed)
            elif leads(self._desk):  # a drummer: the session goes with him
                self._give(link, self._desk.clock.now)
            else:
                self._take(link)
            self._count(int(link.num_peers))
            await asyncio.sleep(EVERY_SECONDS)
        link.enabled = False

    def _give(self, link: Any, beat: Beat) -> None:
        """Let the session be where ``beat`` says; only a change of tempo moves nobody's beat."""
        if not same_tempo(link.tempo, beat.tempo_bpm):
            link.tempo = beat.tempo_bpm
        if abs(self._apart(link, beat)[0]) > APART_MS * beat.tempo_bpm / 60e3:
            link.force_beat(beat.at(time.monotonic_ns()))

    def _take(self, link: Any) -> None:
        """Let the clock be where the session is, counting bars as it did."""
        clock = self._desk.clock
        tempo_bpm = clock.tempo_bpm
        if not same_tempo(link.tempo, tempo_bpm):
            tempo_bpm = as_set(link.tempo)
        apart, stamp_ns = self._apart(link, clock.now)
        if tempo_bpm != clock.tempo_bpm or abs(apart) > APART_MS * tempo_bpm / 60e3:
            try:
                clock.set(tempo_bpm, clock.beat(stamp_ns) - apart, stamp_ns, SOURCE)
            except ValueError:
                return  # a session may go on at 900 bpm; the engine does not, or is down just now

    def _apart(self, link: Any, beat: Beat) -> tuple[float, int]:
        """How many beats ``beat`` is ahead of the session in its bar, and when that was."""
        for _ in range(8):
            before = time.monotonic_ns()
            found = float(link.beat)
            after = time.monotonic_ns()
            if after - before < READ_NS:
                break
        stamp_ns = (before + after) // 2
        apart = beat.at(stamp_ns) - found
        return apart - QUANTUM * round(apart / QUANTUM), stamp_ns

    def _count(self, peers: int) -> None:
        if peers != self.peers:
            self.peers = peers
            text = f"Ableton Link: {peers} other{'' if peers == 1 else 's'} in the session"
            self._desk.tell("message", SOURCE, text=text)


def same_tempo(one_bpm: float, other_bpm: float) -> bool:
    """Whether Link tells two tempos apart: it counts whole microseconds a beat."""
    return round(60e6 / one_bpm) == round(60e6 / other_bpm)


def as_set(tempo_bpm: float) -> float:
    """The tempo that somebody set when Link says ``tempo_bpm``: 133 where it says 132.99995."""
    short = round(tempo_bpm, 2)
    return short if same_tempo(short, tempo_bpm) else tempo_bpm


__all__ = ["Link", "LinkError"]
