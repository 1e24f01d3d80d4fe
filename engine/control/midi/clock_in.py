"""MIDI clock in: tempo and phase from 24 ticks a quarter note that arrive a little unevenly."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.control.clock import TEMPO, MusicalClock
from engine.control.midi.messages import Message

TICKS = 24
"""A quarter note, by the specification."""
WINDOW = 4 * TICKS
ENOUGH = 12
"""Ticks before a tempo is believed."""
STRANGE = 0.25
"""A tick this part of a period from where it should be is no jitter."""
ASIDE = 6
"""So many strange ticks in a row are a new tempo, or ticks that were lost."""
DRIFT_NS = 2e6
"""If the last 8 ticks lie on one side by this much, the tempo has changed."""
PAUSE = 2.0
"""Periods without a tick: the mean of what came before and after it is no tempo."""
ROUGH_NS = 1e6
"""Ticks within this of the line are never thrown out: JACK's period alone is 1.3 ms."""
GONE_NS = 5e9
EVERY_NS = 100_000_000
"""The musical clock is set ten times a second at most: everybody who listens has work with it."""


@dataclass(frozen=True)
class Line:
    """Ticks as a straight line through time: tick ``index`` is at ``stamp_ns``."""

    period_ns: float
    index: int
    stamp_ns: float

    def off(self, index: int, stamp_ns: int) -> float:
        """How much later than it should tick ``index`` is, in periods."""
        return (stamp_ns - self.stamp_ns) / self.period_ns - (index - self.index)


class Follower:
    """Least squares over the last four beats; ticks that lie off the line are left out.

    A stray tick is forgotten. After some in a row it is clear what they are: off by a whole
    number of ticks, then that many were lost (or doubled) and are counted; else the tempo is
    another, and the line begins anew with them.

    Where a drummer leads who sends them, lines are short: ticks that catch up with him stray.
    Of them the line knows where a tick is, and the mean of four beats how fast they come.
    """

    def __init__(self) -> None:
        self.index = -1  # of the latest tick
        self.line: Line | None = None
        self.lost = self.restarts = 0
        self._ticks: deque[tuple[int, int]] = deque(maxlen=WINDOW)
        self._aside: list[tuple[int, int]] = []
        self._late: deque[float] = deque(maxlen=8)
        self._past: deque[tuple[int, int]] = deque(maxlen=WINDOW + 1)

    @property
    def steady(self) -> bool:
        """Whether the line can be believed."""
        return self.line is not None and len(self._ticks) >= ENOUGH

    @property
    def period_ns(self) -> float:
        """From tick to tick: the line's, if it has held for a beat."""
        assert self.line is not None
        if len(self._ticks) >= TICKS or len(self._past) <= TICKS:
            return self.line.period_ns
        (first, begin), (last, end) = self._past[0], self._past[-1]
        known = last > first and end > begin
        return (end - begin) / (last - first) if known else self.line.period_ns

    def tick(self, stamp_ns: int) -> None:
        """A tick has come."""
        self.index += 1
        if self.line is None:
            self._take(stamp_ns)
            return
        if stamp_ns - (self._aside or self._ticks)[-1][1] > GONE_NS:
            self.index += max(0, round(self.line.off(self.index, stamp_ns)))
            self._past.clear()
            self._restart([(self.index, stamp_ns)])
            return
        off = self.line.off(self.index, stamp_ns)
        if abs(off) < STRANGE:
            self._aside = []
            self._late.append(off * self.line.period_ns)
            self._take(stamp_ns)
            self._drifted()
            return
        self._aside.append((self.index, stamp_ns))
        if len(self._aside) == ASIDE:
            self._settle()

    def begin(self) -> None:
        """The latest tick begins anew: if it is off the line, those before it count no more."""
        if self._aside:
            self._past.clear()
            self._restart(self._aside[-1:])

    def _take(self, stamp_ns: int) -> None:
        self._ticks.append((self.index, stamp_ns))
        self._past.append((self.index, stamp_ns))
        if len(self._ticks) >= ASIDE:
            self.line = fitted(list(self._ticks))

    def _drifted(self) -> None:
        full = len(self._late) == self._late.maxlen
        if full and abs(statistics.median(self._late)) > DRIFT_NS:
            self._restart(list(self._ticks)[-len(self._late) :])

    def _settle(self) -> None:
        assert self.line is not None
        offs = [self.line.off(*tick) for tick in self._aside]
        by = round(statistics.median(offs))
        if all(abs(off - by) < STRANGE for off in offs):
            self.index += by
            self.lost += by
            caught = [(index + by, stamp) for index, stamp in self._aside]
            self._ticks.extend(caught)
            self._past.extend(caught)
            self._aside = []
            self.line = fitted(list(self._ticks))
        else:
            if self._aside[0][1] - self._past[-1][1] > PAUSE * self.line.period_ns:
                self._past.clear()
            self._past.extend(self._aside)
            self._restart(self._aside)

    def _restart(self, ticks: Sequence[tuple[int, int]]) -> None:
        self.restarts += 1
        self._ticks.clear()
        self._ticks.extend(ticks)
        self._aside = []
        self._late.clear()
        self.line = fitted(list(ticks)) if len(ticks) >= ASIDE else None


def fitted(ticks: Sequence[tuple[int, int]]) -> Line | None:
    """The line through (index, stamp): least squares, then again without what lies off it.

    None if it goes nowhere (all at one time). Off it is what is farther than three standard
    deviations, estimated by the median (Rousseeuw and Croux 1993).
    """
    index, stamp = ticks[-1]
    x = np.array([tick[0] - index for tick in ticks], np.float64)
    y = np.array([tick[1] - stamp for tick in ticks], np.float64)
    slope, start = _least_squares(x, y)
    away = np.abs(y - start - slope * x)
    good = away <= max(3.0 * 1.4826 * float(np.median(away)), ROUGH_NS)
    if not good.all() and good.sum() >= ASIDE - 1:
        slope, start = _least_squares(x[good], y[good])
    return Line(slope, index, stamp + start) if slope > 1e5 else None


def _least_squares(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    dx = x - x.mean()
    slope = float(dx @ (y - y.mean()) / (dx @ dx))
    return slope, float(y.mean() - slope * x.mean())


class ClockIn:
    """Sets the musical clock from the MIDI clock of one port; others wait until it is silent.

    While a plugin ``leads`` the beat, it is heard and sets nothing.
    """

    def __init__(self, clock: MusicalClock, leads: Callable[[], bool] = lambda: False) -> None:
        self._clock, self._leads = clock, leads
        self.follower = Follower()
        self.port = ""
        self.running = True  # until it is said that it is not
        self._heard_ns = 0
        self._set_ns = 0
        self._zero: int | None = None  # the index of the tick that is beat 0
        self._from = 0  # the tick of the song that comes next, after start or continue
        self._begins = False

    @property
    def position(self) -> int:
        """Ticks of the song that have passed."""
        return self.follower.index - (self._zero or 0)

    def hear(self, message: Message) -> bool:
        """Follow ``message``; False if it is not about the clock."""
        if message.kind not in ("clock", "start", "continue", "stop", "song"):
            return False
        if message.port != self.port and message.stamp_ns - self._heard_ns > 2e9:
            self.port = message.port
        if message.port != self.port:
            return True
        match message.kind:
            case "clock":
                self._heard_ns = message.stamp_ns
                self._tick(message.stamp_ns)
            case "start":
                self._from, self._begins, self.running = 0, True, True
            case "song":
                self._from = message.value * TICKS // 4
            case "continue":
                self._begins = self.running = True
            case "stop" if self.running:  # many say it twice, or once more after a song's place
                self._from, self.running = self.position + 1, False
        return True

    def _tick(self, stamp_ns: int) -> None:
        follower = self.follower
        follower.tick(stamp_ns)
        if self._begins:
            follower.begin()
            self._zero = follower.index - self._from
        elif self._zero is None:  # no start was heard: the nearest beat is here
            self._zero = follower.index - TICKS * round(self._clock.beat(stamp_ns))
        if follower.steady and (self._begins or stamp_ns - self._set_ns >= EVERY_NS):
            self._set(stamp_ns)
            self._begins = False
        elif self._begins and not follower.steady:
            self._begins = False  # the first line that is steady tells it

    def _set(self, stamp_ns: int) -> None:
        line = self.follower.line
        assert line is not None and self._zero is not None
        tempo = 60e9 / (TICKS * self.follower.period_ns)
        if self._leads() or not TEMPO.minimum <= tempo <= TEMPO.maximum:
            return
        self._set_ns = stamp_ns
        beat = (line.index - self._zero) / TICKS
        self._clock.set(tempo, beat, round(line.stamp_ns), "midi")
