"""Stagger: what is heard is heard again, and again, seconds later."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.dsp.approx import gain_of
from engine.dsp.lines import GUARD, line_frames, put
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, along
from engine.plugin import Plugin, Setup, State, zeros

COPIES = 6
LONGEST_S = 8.0
LATEST = 1.35
"""Of its even place, where a copy may come at the latest."""
MOVE_MS = 250.0
"""A copy whose gap has changed fades from its old place to its new one."""
LOOK = 64
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

    tail = LATEST * LONGEST_S * COPIES

    def width(self, channels: int) -> int:
        return 2

    def prepare(self, setup: Setup) -> State:
        rate = setup.sample_rate
        return {
            "rate": float(rate),
            "step": 1000.0 / (MOVE_MS * rate),
            "line": zeros(line_frames((LONGEST_S * (COPIES + LATEST)) * rate)),
            "taps": np.zeros((COPIES, 3)),  # frames back, frames back it goes to, how far it is
            "count": np.zeros(1, np.int64),
            "heard": zeros(CELL),
            "mix": zeros(2, CELL),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames, done = audio.shape[1], np.int64(0)
        while done < frames:
            now = state.count[0]
            if now % LOOK == 0:
                aim(knobs, state, done)
            count = min(frames - done, LOOK - now % LOOK)
            for i in range(count):
                state.heard[i] = np.float32(0.5) * (audio[0, done + i] + audio[1, done + i])
            put(state.line, now, state.heard, count)
            repeat(audio, knobs, state, done, count)
            state.count[0] = now + count
            done += count


@kernel
def aim(knobs: Any, state: Any, i: int) -> None:
    """Send copies whose gap has changed to their new places, once they have arrived at the old."""
    gap, uneven = float(along(knobs.gap_s, i)), float(along(knobs.uneven, i))
    for k in range(COPIES):
        tap = state.taps[k]
        wanted = math.floor(gap * (k + 1 + uneven * UNEVEN[k]) * state.rate)
        if tap[HERE] == 0.0:
            tap[HERE] = tap[THERE] = wanted
        if tap[PLACE] >= 1.0:
            tap[HERE], tap[PLACE] = tap[THERE], 0.0
        if tap[PLACE] == 0.0:
            tap[THERE] = wanted


@kernel
def repeat(audio: Audio, knobs: Any, state: Any, done: int, count: int) -> None:
    """Mix the sound and its copies into ``count`` frames from ``done`` on."""
    now, line = state.count[0], state.line
    mask = line.shape[0] - GUARD - 1
    left, right, one = state.mix[0], state.mix[1], np.float32(1.0)
    for i in range(count):
        dry = level(along(knobs.dry_db, done + i))
        left[i], right[i] = dry * audio[0, done + i], dry * audio[1, done + i]
    for k in range(COPIES):
        tap, pan = state.taps[k], np.float32(PANS[k])
        here, there = int(tap[HERE]), int(tap[THERE])
        for i in range(count):
            there_is = min(one, max(np.float32(0.0), along(knobs.copies, done + i) - np.float32(k)))
            x = line[(now + i - here) & mask]
            if here != there:
                tap[PLACE] = min(1.0, tap[PLACE] + state.step)
                t = np.float32(tap[PLACE] * tap[PLACE] * (3.0 - 2.0 * tap[PLACE]))
                x += t * (line[(now + i - there) & mask] - x)
            fall = along(knobs.copies_db, done + i)
            fall -= np.float32(k + 1) * along(knobs.fall_db, done + i)
            x *= there_is * level(fall)
            side = pan * along(knobs.spread, done + i)
            left[i] += x * min(one, one - side)
            right[i] += x * min(one, one + side)
    for i in range(count):
        audio[0, done + i], audio[1, done + i] = left[i], right[i]


@kernel
def level(db: float) -> float:
    """Amplitude of a level; what is 60 dB down or more is silence."""
    if db <= np.float32(-59.99):
        return np.float32(0.0)
    return gain_of(db)


__all__ = ["COPIES", "Stagger"]
