"""Echo."""

import math
from typing import Any

import numpy as np

from engine.dsp.beats import Sync, beats_of
from engine.dsp.lines import (
    NEAREST,
    line_frames,
    nearest,
    put,
    share,
    share_per,
    sine,
    take,
    take_still,
    turns,
)
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, Toggle, along, final
from engine.plugin import Plugin, Setup, State, zeros

LONGEST_MS = 2000.0
ROOMY = 0.45  # of that: a gap of less goes up an octave, one of a little more than half does not
GLIDE_MS = 60.0
DRIFT_HZ = 0.7
DRIFT_MS = 1.2  # 9 cents at the most
OPEN_HZ = 19_999.0  # the tone knob's upper end takes nothing away


class Delay(Plugin):
    """Echoes that darken as they go, from doubling to two seconds; they bend when time moves."""

    time_ms = Param(
        350.0, 1.0, LONGEST_MS, "ms", taper="log", smooth_ms=300.0, help="Gap between repeats"
    )
    sync = Sync("Gap between repeats, as a note of the musical clock; over time_ms")
    feedback = Param(0.35, 0.0, 0.98, help="What is left of a repeat in the next one")
    tone_hz = Param(6000.0, 500.0, 20_000.0, "Hz", taper="log", help="Each repeat is cut above")
    low_cut_hz = Param(80.0, 20.0, 1000.0, "Hz", taper="log", help="Each repeat is cut below")
    modulation = Param(0.0, 0.0, 1.0, help="How far the tape drifts")
    ping_pong = Toggle(smooth_ms=30.0, help="Repeats go from side to side (stereo)")
    mix = Param(0.3, 0.0, 1.0, help="0 is dry, 1 is only echoes")

    tail = 1.2 * LONGEST_MS / 1000.0
    follows_beat = True

    def prepare(self, setup: Setup) -> State:
        rate = setup.sample_rate
        return {
            "synced": np.zeros(1),  # the gap that follows the clock, in ms
            "octave": np.array([0.0, 1.0]),  # a note in beats, and the part of it that is the gap
            "share": 1.0 - math.exp(-1000.0 / (GLIDE_MS * rate)),
            "per_ms": rate / 1000.0,
            "per_hz": share_per(rate),
            "drift": DRIFT_HZ / rate * 2.0**32,
            "line": zeros(setup.channels, line_frames((LONGEST_MS + DRIFT_MS) * rate / 1000.0)),
            "clock": zeros(2, dtype=np.int64),  # now, and the drift's phase
            "filters": zeros(setup.channels, 2),
            "turn": zeros(CELL),
            "heads": zeros(setup.channels, CELL, dtype=np.float64),
            "wholes": zeros(CELL, dtype=np.int32),
            "parts": zeros(CELL),
            "wet": zeros(setup.channels, CELL),
            "feed": zeros(setup.channels, CELL),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames = audio.shape[1]
        moving = aim_heads(frames, knobs, state)
        most = frames  # at a time: no further than the nearest head looks back
        for c in range(audio.shape[0]):
            most = min(most, max(1, nearest(state.heads[c], frames if moving else 1) - 1))
        done = 0
        while done < frames:
            count = min(most, frames - done)
            repeat(audio, done, count, moving, knobs, state)
            done += count


@kernel
def aim_heads(frames: int, knobs: Any, state: Any) -> bool:
    """Put each frame's delay in ``heads``; only the first of them if it returns false."""
    time, depth = knobs.time_ms, knobs.modulation
    zero, unit = np.float32(0.0), np.float32(state.per_ms)
    if knobs.sync.start != zero or state.synced[0] != 0.0:
        follow(frames, knobs, state)
        return True
    if time.step == zero and depth.step == zero and depth.start == zero:
        state.clock[1] = 0
        for c in range(state.heads.shape[0]):
            state.heads[c, 0] = max(float(NEAREST), float(time.start) * state.per_ms)
        return False
    drift = np.float32(state.drift)
    state.clock[1] = turns(state.clock[1], drift, zero, 0, state.turn, frames)
    for c in range(state.heads.shape[0]):
        heads, turn = state.heads[c], state.turn
        side = np.float32(0.25 * c)
        for i in range(frames):
            ms = along(time, i)
            reach = along(depth, i) * min(np.float32(DRIFT_MS), np.float32(0.3) * ms) * unit
            wave = reach * sine(turn[i] + side)
            heads[i] = max(float(NEAREST), float(ms) * state.per_ms + float(wave))
    return True


@kernel
def follow(frames: int, knobs: Any, state: Any) -> None:
    """Put each frame's delay in ``heads``: a note of the clock, in an octave that fits the line.

    When the tempo moves the gap glides after it, and the repeats bend as a tape does; so they do
    when the clock is let go of, back to ``time_ms``.
    """
    beats = beats_of(knobs.sync.start)
    wanted = fitted(60_000.0 / max(state.beat[0], 1.0) * beats, beats, state.octave)
    if state.synced[0] == 0.0:
        state.synced[0] = float(knobs.time_ms.start) if state.clock[0] > 0 else wanted
    zero, depth = np.float32(0.0), knobs.modulation
    state.clock[1] = turns(state.clock[1], np.float32(state.drift), zero, 0, state.turn, frames)
    for i in range(frames):
        if beats == 0.0:
            wanted = float(along(knobs.time_ms, i))
        state.synced[0] += state.share * (wanted - state.synced[0])
        ms = np.float32(state.synced[0])
        reach = along(depth, i) * min(np.float32(DRIFT_MS), np.float32(0.3) * ms)
        for c in range(state.heads.shape[0]):
            wave = reach * sine(state.turn[i] + np.float32(0.25 * c))
            state.heads[c, i] = max(float(NEAREST), float(ms + wave) * state.per_ms)


@kernel
def fitted(ms: float, beats: float, octave: Any) -> float:
    """A note's length, halved until the line holds it: no more and no less where it only sways."""
    if octave[0] != beats or not ROOMY * LONGEST_MS < octave[1] * ms <= LONGEST_MS:
        octave[0], octave[1] = beats, 1.0
        while octave[1] * ms > LONGEST_MS:
            octave[1] *= 0.5
    return octave[1] * ms


@kernel
def repeat(audio: Audio, done: int, count: int, moving: bool, knobs: Any, state: Any) -> None:
    """Read the heads, darken, feed back, and mix ``count`` frames from ``done`` on."""
    now = state.clock[0]
    for c in range(audio.shape[0]):
        wet = state.wet[c]
        if moving:
            heads = state.heads[c, done:]
            take(state.line[c], now, heads, wet, count, state.wholes, state.parts)
        else:
            take_still(state.line[c], now, state.heads[c, 0], wet, count)
    darken(done, count, knobs, state)
    feed_back(audio, done, count, knobs, state)
    for c in range(audio.shape[0]):
        put(state.line[c], now, state.feed[c], count)
        dry, wet = audio[c, done : done + count], state.wet[c]
        for i in range(count):
            dry[i] += along(knobs.mix, done + i) * (wet[i] - dry[i])
    state.clock[0] = now + count


@kernel
def darken(done: int, count: int, knobs: Any, state: Any) -> None:
    """Low-cut and low-pass ``wet``, one pole each."""
    one, cell = np.float32(1.0), np.float32(1.0 / CELL)
    top, low, per_hz = knobs.tone_hz, knobs.low_cut_hz, state.per_hz
    a = one if top.start > np.float32(OPEN_HZ) else share(top.start, per_hz)
    b = share(low.start, per_hz)
    da, db = np.float32(0.0), np.float32(0.0)
    if top.step != np.float32(0.0):
        da = (one if final(top) > np.float32(OPEN_HZ) else share(final(top), per_hz)) - a
    if low.step != np.float32(0.0):
        db = share(final(low), per_hz) - b
    for c in range(state.wet.shape[0]):
        wet = state.wet[c]
        under, y = state.filters[c, 0], state.filters[c, 1]
        for i in range(count):
            t = np.float32(top.at + done + i + 1) * cell
            ai, bi = a + da * t, b + db * t
            x = wet[i]
            under = (one - bi) * under + bi * x
            y = (one - ai) * y + ai * (x - under)
            wet[i] = y
        state.filters[c, 0], state.filters[c, 1] = under, y


@kernel
def feed_back(audio: Audio, done: int, count: int, knobs: Any, state: Any) -> None:
    """What enters the lines: the input and what is left of the repeats."""
    if audio.shape[0] == 1:
        x, wet, feed = audio[0, done : done + count], state.wet[0], state.feed[0]
        for i in range(count):
            feed[i] = x[i] + along(knobs.feedback, done + i) * wet[i]
        return
    half, one = np.float32(0.5), np.float32(1.0)
    left, right = audio[0, done : done + count], audio[1, done : done + count]
    u, v = state.wet[0], state.wet[1]
    to_left, to_right = state.feed[0], state.feed[1]
    for i in range(count):
        keep, cross = along(knobs.feedback, done + i), along(knobs.ping_pong, done + i)
        to_left[i] = (
            left[i] + cross * (half * (right[i] - left[i])) + keep * (u[i] + cross * (v[i] - u[i]))
        )
        to_right[i] = (one - cross) * right[i] + keep * (v[i] + cross * (u[i] - v[i]))
