"""The musical clock: one tempo and one beat that taps, MIDI clock and Link agree on.

Time is monotonic nanoseconds (``time.monotonic_ns``), the clock the audio thread also reads.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.params import Param, ParamError

TEMPO = Param(120.0, 20.0, 400.0, "bpm", help="Beats a minute")
LED = Param(120.0, 10.0, 700.0, "bpm", help="Beats a minute of a plugin that leads")
"""Wider: it may tell half or double the beats that it hears."""
FORGET_SECONDS = 2.5
"""A tap this long after the last one begins anew; it is longer than a beat at 24 bpm."""
TAPS_KEPT = 8


@dataclass(frozen=True)
class Beat:
    """``beat`` at ``stamp_ns``, and how fast it goes on; beat 0 is the first of a bar."""

    tempo_bpm: float
    beat: float
    stamp_ns: int

    def at(self, stamp_ns: int) -> float:
        """The beat at another time."""
        return self.beat + (stamp_ns - self.stamp_ns) * self.tempo_bpm / 60e9


class MusicalClock:
    """Tempo and beat; whoever sets them is named, and everybody else is told.

    ``listen`` is called with the new beat and the name of its source, in the caller's thread.
    """

    def __init__(self, tempo_bpm: float = 120.0) -> None:
        self._lock = threading.Lock()
        self._now = Beat(tempo_bpm, 0.0, time.monotonic_ns())
        self._taps: list[int] = []
        self._listeners: list[Callable[[Beat, str], None]] = []
        self.source = "preset"

    @property
    def tempo_bpm(self) -> float:
        """Beats a minute."""
        return self._now.tempo_bpm

    @property
    def now(self) -> Beat:
        """The latest tempo and a beat it can be counted from."""
        return self._now

    def beat(self, stamp_ns: int | None = None) -> float:
        """Where the music is, now or at ``stamp_ns``."""
        return self._now.at(time.monotonic_ns() if stamp_ns is None else stamp_ns)

    def listen(self, call: Callable[[Beat, str], None]) -> None:
        """Be told of every change: the beat, and who made it."""
        self._listeners.append(call)

    def set(
        self, tempo_bpm: float, beat: float | None = None, stamp_ns: int | None = None,
        source: str = "",
    ) -> None:  # fmt: skip
        """Go on at ``tempo_bpm``; from ``beat`` at ``stamp_ns``, or without a jump if left out.

        Raises ParamError for a tempo that is outside 20 to 400 bpm.
        """
        self._set(TEMPO.check(tempo_bpm), beat, stamp_ns, source)

    def follow(
        self, tempo_bpm: float, beat: float | None = None, stamp_ns: int | None = None,
        source: str = "",
    ) -> None:  # fmt: skip
        """The same for what a plugin that leads says; raises ParamError outside 10 to 700 bpm."""
        self._set(LED.check(tempo_bpm), beat, stamp_ns, source)

    def _set(self, tempo_bpm: float, beat: float | None, stamp_ns: int | None, source: str) -> None:
        with self._lock:
            at = time.monotonic_ns() if stamp_ns is None else stamp_ns
            now = Beat(tempo_bpm, self._now.at(at) if beat is None else beat, at)
            self._now, self.source = now, source
        for call in list(self._listeners):
            call(now, source)  # not what another thread has set meanwhile

    def tap(self, stamp_ns: int | None = None) -> None:
        """A beat is here; from the second tap on the tempo is the median of the gaps."""
        at = time.monotonic_ns() if stamp_ns is None else stamp_ns
        with self._lock:
            if self._taps and at - self._taps[-1] > FORGET_SECONDS * 1e9:
                self._taps = []
            self._taps = [*self._taps[-TAPS_KEPT + 1 :], at]
            gaps = [b - a for a, b in zip(self._taps, self._taps[1:], strict=False)]
        tempo = self.tempo_bpm
        try:
            if gaps:
                tempo = TEMPO.check(60e9 / max(statistics.median(gaps), 1.0))
        except ParamError:
            with self._lock:
                self._taps = [at]
        else:
            self._set(tempo, float(round(self.beat(at))), at, "tap")
