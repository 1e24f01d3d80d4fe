"""Chorus, flanger and vibrato: copies of the sound whose pitch sways."""

from typing import Any

import numpy as np

from engine.dsp.lines import NEAREST, line_frames, nearest, put, sine, take, turns
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, along
from engine.plugin import Plugin, Setup, State, zeros

LONGEST_MS = 40.0
FARTHEST_MS = 4.5  # how far a head sways at most
NEAREST_MS = 0.5  # and how near it comes: it may read 24 frames of its own feedback at a time
BEND = 0.06  # and how fast, in frames a frame: a semitone, so that a fast rate stays a vibrato
SECOND = 0.37  # turns from the first voice to the second: no third, no quarter, never in step
SECOND_DELAY = 1.23


class Chorus(Plugin):
    """Thicken the sound with two swaying copies a side; with feedback it is a flanger."""

    rate_hz = Param(0.6, 0.05, 8.0, "Hz", taper="log", help="Sways a second")
    depth = Param(0.45, 0.0, 1.0, help="How far the copies sway")
    delay_ms = Param(
        9.0, 1.0, LONGEST_MS, "ms", taper="log", smooth_ms=100.0, help="How late the copies are"
    )
    feedback = Param(0.0, -0.95, 0.95, help="What the copies give back to their own input")
    voices = Param(2.0, 1.0, 2.0, help="1 is one copy a side (flanger), 2 is two")
    spread = Param(1.0, 0.0, 1.0, help="How differently the two sides sway")
    mix = Param(0.5, 0.0, 1.0, help="0 is dry, 1 is only the copies")

    def width(self, channels: int) -> int:
        return 2

    def prepare(self, setup: Setup) -> State:
        rate = setup.sample_rate
        longest = (LONGEST_MS * SECOND_DELAY + FARTHEST_MS) * rate / 1000.0
        return {
            "per_ms": rate / 1000.0,
            "per_hz": 2.0**32 / rate,
            "line": zeros(2, line_frames(longest)),
            "clock": zeros(2, dtype=np.int64),  # now, and the phase of the sway
            "turn": zeros(CELL),
            "reach": zeros(CELL),
            "heads": zeros(2, 2, CELL),
            "wholes": zeros(CELL, dtype=np.int32),
            "parts": zeros(CELL),
            "wet": zeros(CELL),
            "back": zeros(CELL),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames = audio.shape[1]
        aim_heads(frames, knobs, state)
        voices = 2
        if knobs.voices.step == np.float32(0.0) and knobs.voices.start == np.float32(1.0):
            voices = 1
        alone = knobs.feedback.step == np.float32(0.0) and knobs.feedback.start == np.float32(0.0)
        now = state.clock[0]
        for c in range(2):
            most = frames
            if not alone:  # no further at a time than the nearest head looks back
                for v in range(voices):
                    most = min(most, max(1, nearest(state.heads[c, v], frames) - 1))
            done = 0
            while done < frames:
                count = min(most, frames - done)
                sway(audio[c], c, now + done, done, count, voices, alone, knobs, state)
                done += count
        state.clock[0] = now + frames


@kernel
def aim_heads(frames: int, knobs: Any, state: Any) -> None:
    """Put each frame's delay, of each side and voice, in ``heads``."""
    per_hz, per_ms = np.float32(state.per_hz), np.float32(state.per_ms)
    rate, turn, reach = knobs.rate_hz, state.turn, state.reach
    state.clock[1] = turns(
        state.clock[1], rate.start * per_hz, rate.step * per_hz, rate.at, turn, frames
    )
    bend = np.float32(1000.0 * BEND / (2.0 * np.pi))
    for i in range(frames):
        most = min(along(knobs.delay_ms, i) - np.float32(NEAREST_MS), np.float32(FARTHEST_MS))
        reach[i] = along(knobs.depth, i) * min(most, bend / along(rate, i)) * per_ms
    for c in range(2):
        for v in range(2):
            heads = state.heads[c, v]
            side = np.float32(0.25 * c)
            ahead = np.float32(SECOND * v)
            late = per_ms * np.float32(SECOND_DELAY if v == 1 else 1.0)
            for i in range(frames):
                wave = sine(turn[i] + ahead + side * along(knobs.spread, i))
                middle = late * along(knobs.delay_ms, i)
                heads[i] = max(np.float32(NEAREST), middle + reach[i] * wave)


@kernel
def sway(
    audio: Any,
    c: int,
    now: int,
    done: int,
    count: int,
    voices: int,
    alone: bool,
    knobs: Any,
    state: Any,
) -> None:
    """Run side ``c`` over ``count`` frames from ``done`` on; ``alone`` if nothing is fed back."""
    wet, back, line = state.wet, state.back, state.line[c]
    x = audio[done : done + count]
    if alone:
        put(line, now, x, count)
    take(line, now, state.heads[c, 0, done:], wet, count, state.wholes, state.parts)
    if voices == 2:
        take(line, now, state.heads[c, 1, done:], back, count, state.wholes, state.parts)
        one, less = np.float32(1.0), np.float32(np.sqrt(0.5) - 1.0)
        for i in range(count):
            second = along(knobs.voices, done + i) - one
            both = wet[i] + second * back[i]
            back[i] = both / (one + second)  # their mean: a loop of 0.95 stays one of 0.95
            wet[i] = both * (one + less * second)  # equal power: they sway apart
    else:
        for i in range(count):
            back[i] = wet[i]
    if not alone:
        for i in range(count):
            back[i] = x[i] + along(knobs.feedback, done + i) * back[i]
        put(line, now, back, count)
    for i in range(count):
        x[i] += along(knobs.mix, done + i) * (wet[i] - x[i])
