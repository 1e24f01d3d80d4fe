"""MIDI clock out: 24 ticks a beat, each at the time that the musical clock says."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.control.clock import Beat, MusicalClock
from engine.control.midi.clock_in import TICKS
from engine.control.midi.port import Port
from engine.priority import urgent

BAR = 4 * TICKS  # where no plugin says what a bar is
FASTEST, SLOWEST = 0.8, 1.25
"""A step of the clock is caught up by ticks that are at most so much shorter or longer."""
GENTLE, GENTLY = 0.1, 0.15
"""What a follower of a drummer moves is caught up by this part of a tick at most, and by so much
of what is left with each: what follows the ticks hears a tempo, not corrections."""
CLOSE = 1.0
"""Ticks that catch up with a plugin that leads must be so close to its beat for a start."""
LATE_NS = 2_000_000
SLICE_SECONDS = 0.02  # how long a change of tempo may wait to be seen
URGENT = 6  # above what only computes, far below the audio threads
CLOCK, START, STOP = b"\xf8", b"\xfa", b"\xfc"


@dataclass
class Schedule:
    """When the next tick is due. Ticks are numbered from beat 0 of the musical clock.

    They follow the clock itself, so nothing adds up. If the clock steps, ticks go the shorter
    way round the bar to it, a little faster or slower; who follows them hears no jump.
    """

    index: int | None = None  # of the last tick
    due_ns: float = 0.0  # when it was due
    skipped: int = 0
    off: float = 0.0  # how far the clock was from steady ticks when it was asked last, in ticks
    _shift: int = 0  # whole bars, or beats, between our ticks' numbers and the clock's

    def next(self, beat: Beat, now_ns: int, gently: bool = False) -> float:
        """When the tick after the last one is due; what a stall has made too late is left out.

        ``gently``: small steps come often. They are spread over the ticks to come, and a step
        by whole beats is none: MIDI clock counts no bars.
        """
        period = 60e9 / beat.tempo_bpm / TICKS
        if self.index is None:
            self._begin(beat, now_ns, period)
        assert self.index is not None
        behind = math.floor((now_ns - self.due_ns) / period) - 1
        if behind > 0:
            self.skipped += behind
            self.index += behind
            self.due_ns += behind * period
        wanted = self._at(self.index + 1, beat, period)
        steady = self.due_ns + period
        unit = TICKS if gently else BAR
        whole = round((wanted - steady) / period / unit)
        if whole:
            self._shift += whole * unit
            wanted -= whole * unit * period
        self.off = (wanted - steady) / period
        if gently:
            return steady + min(max(GENTLY * (wanted - steady), -GENTLE * period), GENTLE * period)
        return min(max(wanted, self.due_ns + FASTEST * period), self.due_ns + SLOWEST * period)

    def sent(self, due_ns: float) -> int:
        """The tick that was due is sent; returns which of the clock's ticks the next one is."""
        assert self.index is not None
        self.index += 1
        self.due_ns = due_ns
        return self.index + 1 - self._shift

    def _begin(self, beat: Beat, now_ns: int, period: float) -> None:
        self.index = math.floor(beat.at(now_ns) * TICKS)
        self.due_ns = self._at(self.index, beat, period)

    def _at(self, index: int, beat: Beat, period: float) -> float:
        return beat.stamp_ns + (index - self._shift - beat.beat * TICKS) * period


class ClockOut:
    """Sends the musical clock to ``ports``, which is asked for them at each tick.

    A port is told to start before the first beat of a bar, and to stop at the end. ``led`` says
    how many beats a bar has that a plugin leads: 0 while one is to and does not yet, which is
    waited for, None where there is none. If the first of its bar is not where a port counts it,
    that port is told to stop and to start anew.
    """

    def __init__(
        self,
        clock: MusicalClock,
        ports: Callable[[], Sequence[Port]],
        led: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._clock, self._ports, self._led = clock, ports, led
        self.schedule = Schedule()
        self.sent = self.late = 0
        self.priority = ""
        self._lateness: deque[float] = deque(maxlen=10_000)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="midi clock", daemon=True)

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and say so to who follows; a second time does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for port in self._ports():
            if port.started is not None:
                port.send(STOP)

    def _run(self) -> None:
        self.priority = urgent(URGENT)
        while not self._stopping.is_set():
            now = time.monotonic_ns()
            due = self.schedule.next(self._clock.now, now, self._clock.source == "pulse")
            if due > now:
                wait = (due - now) / 1e9
                self._stopping.wait(min(wait, SLICE_SECONDS))
                if wait > SLICE_SECONDS:
                    continue
            self._tick(due)

    def _tick(self, due: float) -> None:
        ports = self._ports()
        for port in ports:
            port.send(CLOCK)
        late = time.monotonic_ns() - due
        coming = self.schedule.sent(due)
        self.sent += 1
        self.late += late > LATE_NS
        self._lateness.append(late / 1e6)
        if coming % TICKS == 0:
            self._begin(ports, coming)

    def _begin(self, ports: Sequence[Port], coming: int) -> None:
        """The clock's tick ``coming`` is the next: start who has not, if it is a bar's first."""
        led = self._led()
        bar = BAR if led is None else led * TICKS
        if not bar or coming % bar or (led and abs(self.schedule.off) > CLOSE):
            return
        for port in ports:
            moved = led and port.started is not None and (self.sent - port.started) % bar
            if moved:
                port.send(STOP)
            if (moved or port.started is None) and port.send(START):
                port.started = self.sent

    def statistics(self) -> dict[str, float]:
        """Ticks sent, later than 2 ms, left out after a stall; lateness in ms (p50, p99)."""
        found = np.percentile(list(self._lateness) or [0.0], (50, 99))
        p50, p99 = (round(float(one), 3) for one in found)
        return {
            "sent": self.sent,
            "late": self.late,
            "skipped": self.schedule.skipped,
            "late_p50_ms": p50,
            "late_p99_ms": p99,
        }
