"""Beats told ahead: each once, in order, and never two of them closer than music has it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.control.clock import Beat

CLOSEST = 0.6
"""Of a beat: what comes sooner after the last is the same beat, which the follower has moved."""
LOOK_NS = 10_000_000  # between two questions
LATE_NS = 50_000_000
"""A beat that turns out to be past by more than this is not told any more."""


@dataclass(frozen=True)
class Told:
    """Beat ``number`` since the beginning is at ``stamp_ns``; ``place`` 1 is the first of a bar."""

    number: int
    place: int
    stamp_ns: int


class Ahead:
    """Says which beat comes next, ``ahead_ns`` before it is due.

    Whoever follows a drummer changes his mind about where a beat is. What was said is said: a
    beat that has been told is not told again when it moves.
    """

    def __init__(self, ahead_ns: int) -> None:
        self._ahead_ns = ahead_ns
        self._number = 0
        self._last_ns: float = -math.inf

    def next(self, beat: Beat, bar: int, now_ns: int) -> Told | None:
        """The beat to tell now, if one is due to be told; asked every few milliseconds."""
        period = 60e9 / beat.tempo_bpm
        count = math.floor(beat.at(now_ns + self._ahead_ns))
        due = beat.stamp_ns + (count - beat.beat) * period
        earliest = now_ns - (LATE_NS if self._number else LOOK_NS)
        if due < max(earliest, self._last_ns + CLOSEST * period):
            return None
        self._number += 1
        self._last_ns = due
        return Told(self._number, count % bar + 1, round(due))

    def until_next(self, beat: Beat, now_ns: int) -> float:
        """Nanoseconds from now until the next beat is due to be told."""
        counted = beat.at(now_ns + self._ahead_ns)
        return (math.floor(counted) + 1.0 - counted) * 60e9 / beat.tempo_bpm
