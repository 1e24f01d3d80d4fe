"""What goes out: changes fifty times a second at most, meters, load and beats when due."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from engine.control import follower
from engine.control.osc import facts
from engine.control.osc.places import Address

if TYPE_CHECKING:
    from engine.control.desk import Desk

CHANGES_SECONDS = 0.02
METERS_SECONDS = 0.05
LOAD_SECONDS = 0.5
BEATS_IN_BAR = 4  # where no plugin says what a bar is
AT_ONCE = 40
"""Changes in one go, three messages each: more would overflow a receiver's socket."""

Send = Callable[[facts.Fact, Iterable[Address]], None]
NOBODY: frozenset[Address] = frozenset()


class Outbox:
    """Sends what changed to ``targets()``. ``start`` and ``close`` its thread.

    Of each address the last value goes out, and not to those it came from.
    """

    def __init__(self, desk: Desk, send: Send, targets: Callable[[], list[Address]]) -> None:
        self._desk, self._send, self._targets = desk, send, targets
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[facts.Fact | None, frozenset[Address]]] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="osc out", daemon=True)
        self._clock = desk.clock.now  # as it was at the last look
        self._beat = math.floor(desk.clock.beat())
        self._busy = (0, 0)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self) -> None:
        """Send no more; a second time does nothing."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def changed(self, name: str, skip: frozenset[Address] = NOBODY) -> None:
        """A knob ("lane.plugin.param") or a state ("/tempo") has another value."""
        with self._lock:
            self._waiting.pop(name, None)
            self._waiting[name] = None, skip

    def everything(self) -> None:
        """Another rack sounds, and every knob may stand elsewhere."""
        for name in (*facts.STATES, *facts.PULSE, *self._desk.params()):
            self.changed(name)

    def say(self, text: str) -> None:
        """Something for the player to read."""
        with self._lock:
            self._waiting["/message"] = ("/message", (text,)), NOBODY

    def _run(self) -> None:
        due = {
            self._changes: (CHANGES_SECONDS, 0.0),
            self._meters: (METERS_SECONDS, 0.0),
            self._load: (LOAD_SECONDS, 0.0),
        }
        while True:
            now = time.monotonic()
            for work, (every, at) in due.items():
                if at <= now:
                    work()
                    due[work] = every, at + every if at + every > now else now + every
            self._count_beats()
            wake = min(at for _, at in due.values()) - time.monotonic()
            if self._closing.wait(max(min(wake, self._to_next_beat()), 0.0005)):
                return

    def _changes(self) -> None:
        with self._lock:
            names = list(self._waiting)[:AT_ONCE]
            ready = {name: self._waiting.pop(name) for name in names}
        targets = self._targets() if ready else []
        for name, (fact, skip) in ready.items():
            others = [target for target in targets if target not in skip]
            for one in [fact] if fact else self._facts(name):
                self._send(one, others)

    def _facts(self, name: str) -> list[facts.Fact]:
        if name in facts.PULSE:
            return facts.pulse(self._desk, name)
        if name in facts.STATES:
            return [facts.state(self._desk, name)]
        try:
            return facts.knob(name, self._desk.param(name), self._desk.value(name))
        except (ValueError, IndexError):  # the preset that has it has gone
            return []

    def _meters(self) -> None:
        targets = self._targets()
        if targets:
            for fact in facts.meters(self._desk.host.shared.control[0]):
                self._send(fact, targets)

    def _load(self) -> None:
        targets = self._targets()
        if targets:
            control = self._desk.host.shared.control[0]
            self._send(("/load", (self._load_percent(control),)), targets)
            self._send(("/late", (int(control["late"]),)), targets)

    def _load_percent(self, control: Any) -> float:
        """The share of the time that the audio thread needed, since it was asked last."""
        now = int(control["busy_ns"]), int(control["last_ns"])
        busy, passed = now[0] - self._busy[0], now[1] - self._busy[1]
        first, self._busy = self._busy == (0, 0), now
        return 0.0 if first or passed <= 0 or busy < 0 else 100.0 * busy / passed

    def _to_next_beat(self) -> float:
        now = self._desk.clock.now
        left = self._beat + 1 - now.at(time.monotonic_ns())
        return left * 60.0 / now.tempo_bpm

    def _count_beats(self) -> None:
        now, at = self._desk.clock.now, time.monotonic_ns()
        beat = now.at(at)
        if follower.leads(self._desk):  # whole beats: its bar begins elsewhere, and no beat is new
            self._beat += round(beat - self._clock.at(at))
        self._clock = now
        last, self._beat = self._beat, math.floor(beat)
        if -0.5 < beat - last < 0.0:  # the clock was put back by a little: not twice the same
            self._beat = last
        if self._beat != last:
            bar = follower.led(self._desk) or BEATS_IN_BAR
            self._send(facts.beat(self._beat, bar, now.tempo_bpm), self._targets())
