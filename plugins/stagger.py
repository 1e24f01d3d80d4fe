"""Stagger: what is heard is heard again, and again, seconds later."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.dsp.approx import gain_or_off
from engine.dsp.lines import line_frames, put, take_whole
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, final
from engine.plugin import Plugin, Setup, State, zeros

COPIES = 6
LONGEST_S = 8.0
MOVE_MS = 250.0
"""A copy whose gap has changed fades from its old place to its new one."""
UNEVEN = np.array([0.31, -0.22, 0.35, -0.28, 0.17, -0.12])
PANS = np.array([0.7, -0.7, 0.35, -1.0, 1.0, -0.35])

HERE, THERE, PLACE = range(3)


class Stagger(Plugin):
    """Play several copies of the sound one after another, seconds later, from different places.

    The last part of Pfalz's piece "What comes is better than what came" (2018): an answer is
    heard as a round. Unlike an echo's repeats the copies are few, as loud as asked, not fed back,
    and, where ``uneven``, come at times that have no common beat.
    """

    gap_s = Param(
        2.5, 0.1, LONGEST_S, "s", taper="log", smooth_ms=0.0, help="From one copy to the next"
    )
    copies = Param(3.0, 0.0, COPIES, "copies", smooth_ms=200.0, help="How many there are")
    uneven = Param(0.5, smooth_ms=0.0, help="0: evenly spaced; 1: up to a third of a gap off")
    fall_db = Param(3.0, 0.0, 18.0, "dB", help="Each copy is so much softer than the one before")
    spread = Param(0.8, help="How far apart the copies are between left and right")
    copies_db = Param(0.0, -60.0, 12.0, "dB", help="Level of all copies")
    dry_db = Param(0.0, -60.0, 12.0, "dB", help="Level of the sound itself; -60 is off")

    tail = LONGEST_S * COPIES

    def width(self, channels: int) -> int:
        return 2

    def prepare(self, setup: Setup) -> State:
        rate = setup.sample_rate
        return {
            "rate": float(rate),
            "step": 1000.0 / (MOVE_MS * rate),
            "line": zeros(line_frames(LONGEST_S * COPIES * rate)),
            "taps": np.zeros((COPIES, 3)),  # frames back, frames back it goes to, how far it is
            "count": np.zeros(1, np.int64),
            "gains": zeros(COPIES, 4),
            "heard": zeros(CELL),
            "there": zeros(CELL),
            "mix": zeros(2, CELL),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        now, line, count = state.count[0], state.line, audio.shape[1]
        state.count[0] = now + count
        left, right, x, y = state.mix[0], state.mix[1], state.heard, state.there
        for i in range(count):
            x[i] = np.float32(0.5) * (audio[0, i] + audio[1, i])
        put(line, now, x, count)
        gain = gain_or_off(knobs.dry_db.start)
        step = (gain_or_off(final(knobs.dry_db)) - gain) / np.float32(CELL)
        at = knobs.dry_db.at + 1
        for i in range(count):
            dry = gain + step * np.float32(at + i)
            left[i], right[i] = dry * audio[0, i], dry * audio[1, i]
        for k in range(COPIES):
            row, tap = state.gains[k], state.taps[k]
            aim(knobs, row, k)
            wanted = place(knobs, k, state.rate)
            if tap[HERE] == 0.0:
                tap[HERE] = tap[THERE] = wanted
            still = tap[HERE] == tap[THERE] and tap[HERE] == wanted
            if still and row[0] == 0.0 and row[1] == 0.0 and row[2] == 0.0 and row[3] == 0.0:
                continue
            take_whole(line, now, int(tap[HERE]), x, count)
            if not still:
                move(line, now, tap, wanted, state.step, x, y, count)
            for i in range(count):
                t = np.float32(at + i)
                left[i] += x[i] * (row[0] + row[2] * t)
                right[i] += x[i] * (row[1] + row[3] * t)
        for i in range(count):
            audio[0, i], audio[1, i] = left[i], right[i]


@kernel
def place(knobs: Any, k: int, rate: float) -> float:
    """How many frames copy ``k`` is to be back."""
    gap, uneven = float(knobs.gap_s.start), float(knobs.uneven.start)
    return math.floor(gap * (k + 1 + uneven * UNEVEN[k]) * rate)


@kernel
def move(
    line: Any, now: int, tap: Any, wanted: float, step: float, x: Any, there: Any, count: int
) -> None:
    """Fade ``x``, what a copy reads, on to its new place; arrived, it sets out for ``wanted``."""
    begin = np.int64(0)
    while begin < count:
        if tap[HERE] == tap[THERE]:
            tap[THERE] = wanted
        end = begin
        take_whole(line, now, int(tap[THERE]), there, count)
        while end < count and tap[PLACE] < 1.0:
            tap[PLACE] = min(1.0, tap[PLACE] + step)
            t = np.float32(tap[PLACE] * tap[PLACE] * (3.0 - 2.0 * tap[PLACE]))
            x[end] += t * (there[end] - x[end])
            end += 1
        if tap[PLACE] >= 1.0:
            tap[HERE], tap[PLACE] = tap[THERE], 0.0
            take_whole(line, now + end, int(tap[HERE]), x[end:count], count - end)
            if tap[HERE] == wanted:
                return
        begin = end


@kernel
def aim(knobs: Any, row: Any, k: int) -> None:
    """The gains of copy ``k``: left and right where this cell begins, and their steps a frame."""
    zero, one, pan = np.float32(0.0), np.float32(1.0), np.float32(PANS[k])
    later, sooner = np.float32(k + 1), np.float32(k)
    there = min(one, max(zero, knobs.copies.start - sooner))
    gain = there * gain_or_off(knobs.copies_db.start - later * knobs.fall_db.start)
    there = min(one, max(zero, final(knobs.copies) - sooner))
    end = there * gain_or_off(final(knobs.copies_db) - later * final(knobs.fall_db))
    side, last = pan * knobs.spread.start, pan * final(knobs.spread)
    row[0], row[1] = gain * min(one, one - side), gain * min(one, one + side)
    row[2] = (end * min(one, one - last) - row[0]) / np.float32(CELL)
    row[3] = (end * min(one, one + last) - row[1]) / np.float32(CELL)


__all__ = ["COPIES", "Stagger"]
