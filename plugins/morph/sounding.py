"""Voices become sound: a frame of each when it is due, then the host's rate and the bend."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.morph.decode import run_dense
from engine.morph.phase import CORRECTIONS, leap, silence, sing
from engine.morph.way import INAUDIBLE_DB
from plugins.morph.blend import SOFTEST_DB, blend, choose, corners, decibels, follow, step
from plugins.morph.looking import look
from plugins.morph.spaced import ALL, LOWER, PLACES, TILT, find_tables, read
from plugins.morph.state import (
    AT,
    BEGUN,
    BEND,
    BENDS,
    CHANNEL,
    END,
    ENDS,
    EVEN,
    EXPRESSION,
    FALL,
    FILLED,
    FORCE,
    FRACTION,
    FRESH,
    GONE,
    HELD,
    HOLD,
    IDLE,
    KEY,
    KNOBS,
    LATENT,
    LEAPS,
    LEVEL,
    OFFSET,
    PEDAL,
    PRESSURE,
    PRESSURE_X,
    RELEASED,
    RINGING,
    RISE,
    SOUNDING,
    STAGE,
    TABLE,
    TIME,
    TOLD,
    WAITING,
    WHEEL,
    WHEEL_X,
    X,
    Y,
)
from plugins.morph.varispeed import ONE, weighed
from plugins.morph.voices import let_go, pitch_told, rest, ring_out, room

STARTS = 2
"""Notes that begin in one cell of 64 frames: each is made as many frames at once as see its first
hop, and eight at a time might be late."""
SKIPPED = 4
"""One in so many of those frames, the first ones, is left out: that hop has 4 % of them."""
BLENDS = 3
"""Frames in which a release, or another end, takes over: the windows of frames do the rest."""
LEAP = np.float32(0.03)
"""A corner's share that changes by more in a frame leaps: that frame takes over at once, unless
there was a leap just before, and half a window's frames are not corrected, because corrections hold
on to what was."""
USUAL = 2
"""Corrections of other frames."""
MOST_DB = 24.0
OFFSETS_DB = -40.0, 40.0


@kernel
def speed_of(state: Any, v: int) -> int:
    """Inputs an output, as a whole number of ONE-ths."""
    voice = state.voice[v]
    bend = state.channel[voice[CHANNEL], BEND] * state.wanted[BENDS] + (voice[KEY] - voice[TOLD])
    speed = state.speed if bend == 0.0 else state.speed * 2.0 ** (bend / 12.0)
    return int(speed * ONE + 0.5)


@kernel
def begin_note(state: Any, v: int) -> None:
    """A voice that waited begins: frames that see what is before its first hop, unheard."""
    voice, clock = state.voice[v], state.clock[v]
    silence(state.phase_table, v)
    choose(state, v)
    voice[TOLD] = pitch_told(voice[KEY], state.reach)
    given, told = state.dense_given[v], state.pitches[voice[TOLD]]
    latents = state.blend.shape[0] - 1
    for k in range(told.shape[0]):
        given[latents + k] = told[k]
    given[given.shape[0] - 1] = np.float32(clock[FORCE] / 127.0)
    state.phase_pitch[v] = state.tuned[voice[TOLD]]
    clock[TIME], clock[RISE], clock[HOLD], clock[GONE] = 0.0, 0.0, 0.0, 0.0
    clock[OFFSET], clock[FALL] = 0.0, 0.0
    voice[STAGE], voice[FRESH], voice[LEAPS] = SOUNDING, 0, 0
    room(state, v)
    voice[END] = voice[AT] + state.half
    locate(state, v)
    skipped = state.overlap // SKIPPED
    for _ in range(skipped):
        step(state, v)
    for _ in range(state.overlap - 1 - skipped):
        frame(state, v)


@kernel
def frame(state: Any, v: int) -> None:
    """A voice's next frame and the hop that it completes."""
    voice, clock = state.voice[v], state.clock[v]
    ends = voice[HELD] == 0 and state.channel[voice[CHANNEL], PEDAL] == 0.0
    if ends and voice[STAGE] == SOUNDING and clock[TIME] >= state.overlap:
        let_go(state, v)
    changed = locate(state, v)
    released = voice[STAGE] == RELEASED and clock[GONE] == 0.0
    if changed or released:
        voice[FRESH] = BLENDS
    calm = voice[LEAPS] == 0
    leaps = has_leapt(state, v)
    blend(state, v)
    mix(state, v)
    levels(state, v)
    state.phase_plan[CORRECTIONS] = USUAL if voice[LEAPS] == 0 else 0
    voice[LEAPS] = max(0, voice[LEAPS] - 1)
    if leaps:
        leap(state.phase_table, v, int(calm))
    else:
        sing(state.phase_table, v)
    step(state, v)


@kernel
def locate(state: Any, v: int) -> bool:
    """Where a voice is between its ends now; whether these, or the table it goes by, are others."""
    voice, changed = state.voice[v], False
    for corner in range(4):
        changed = changed or state.own_ends[v, corner] != state.turn[ENDS + corner]
    if changed:
        choose(state, v)
    table = -1
    if state.wanted[EVEN] != 0.0:
        edges = ALL if state.wanted[Y] > 0.0 else LOWER
        table = find_tables(state, state.turn[ENDS:], voice[TOLD], edges)
    changed = changed or table != voice[TABLE]
    voice[TABLE] = table
    place(state, v)
    return bool(changed)


@kernel
def place(state: Any, v: int) -> None:
    """How much there is of each end for a voice, whose channel has a wheel and pressure."""
    wanted, own = state.wanted, state.channel[state.voice[v, CHANNEL]]
    x = wanted[X] + wanted[WHEEL_X] * own[WHEEL] + wanted[PRESSURE_X] * own[PRESSURE]
    x, y = min(max(float(x), 0.0), 1.0), min(max(float(wanted[Y]), 0.0), 1.0)
    state.seen[0], state.seen[1] = x, y
    table, leaning = state.voice[v, TABLE], state.leaning
    leaning[0], leaning[1] = np.float32(0.0), np.float32(0.0)
    if table >= 0:
        rows = state.tables[table, state.voice[v, TOLD]]
        for k in range(2):
            part = across(rows, TILT + k, x, y) + upward(rows, TILT + k, x, y)
            leaning[k] = np.float32(part)
        x, y = across(rows, PLACES, x, y), upward(rows, PLACES, x, y)
    corners(state, x, y)


@kernel
def across(rows: Any, table: int, x: float, y: float) -> float:
    """What tables of a to b and of c to d tell of ``x``."""
    return (1.0 - y) * read(rows[0, table], x) + y * read(rows[1, table], x)


@kernel
def upward(rows: Any, table: int, x: float, y: float) -> float:
    """What tables of a to c and of b to d tell of ``y``."""
    return (1.0 - x) * read(rows[2, table], y) + x * read(rows[3, table], y)


@kernel
def has_leapt(state: Any, v: int) -> bool:
    """Whether the place between the ends has leapt since the last frame."""
    corner, own, most = state.corner, state.own_corner[v], np.float32(0.0)
    for k in range(4):
        most = max(most, abs(corner[k] - own[k]))
        own[k] = corner[k]
    if most < LEAP or state.clock[v, TIME] < state.overlap:
        return False
    state.voice[v, LEAPS] = state.overlap // 2
    return True


@kernel
def mix(state: Any, v: int) -> None:
    """What is new blends with what was; the last blend is kept."""
    fresh = state.voice[v, FRESH]
    old = np.float32(fresh / (BLENDS + 1.0))
    follow(state.blend, state.last[v], old)
    follow(state.leaning, state.leant[v], old)
    state.voice[v, FRESH] = max(0, fresh - 1)


@kernel
def levels(state: Any, v: int) -> None:
    """``phase_levels`` of a voice, by its blend; a release goes on as loud as the voice was, and
    stays so until it blends with that no more."""
    voice, clock, made, given = state.voice[v], state.clock[v], state.blend, state.dense_given[v]
    last, wanted = made.shape[0] - 1, state.wanted
    zero, one = np.float32(0.0), np.float32(1.0)
    for k in range(last):
        moved = wanted[LATENT + k] if LATENT + k < KNOBS else zero
        given[k] = min(max(made[k] + moved, zero), one)
    run_dense(state.dense_table, v)
    frame_db, out = state.dense_made[v], state.phase_levels[v]
    loudest = frame_db[0]
    for k in range(frame_db.shape[0]):
        loudest = max(loudest, frame_db[k])
    plain = float(made[last])
    if voice[STAGE] == RELEASED and clock[GONE] <= BLENDS:
        fell = clock[FALL] * max(clock[GONE] - 1.0, 0.0)
        missing = clock[LEVEL] + fell - (loudest + plain)
        clock[OFFSET] = min(max(missing, OFFSETS_DB[0]), OFFSETS_DB[1])
    gain = plain + clock[OFFSET] - clock[FALL] * clock[GONE]
    gain = min(gain, MOST_DB) if gain > SOFTEST_DB else SOFTEST_DB
    clock[LEVEL] = loudest + gain
    express = decibels(state.channel[voice[CHANNEL], EXPRESSION])
    tilt, octave = state.leaning[0], state.octave
    add = np.float32(gain + express) + state.leaning[1]
    for k in range(frame_db.shape[0]):
        out[k] = frame_db[k] + add + tilt * octave[k]


@kernel
def over(state: Any, v: int) -> bool:
    """Whether a voice is too soft to be heard again."""
    if state.clock[v, LEVEL] > INAUDIBLE_DB:
        return False
    return bool(state.clock[v, RISE] >= 1.0)


@kernel
def sound(state: Any, v: int, first: int, out: Any) -> None:
    """Add the next frames of a voice to ``out`` (frames,), the first of them ``first`` in this
    part."""
    voice, line = state.voice[v], state.line[v]
    if voice[STAGE] == IDLE:
        return
    room(state, v)
    look(state, first)
    if voice[STAGE] == WAITING and state.turn[BEGUN] < STARTS:
        state.turn[BEGUN] += 1
        begin_note(state, v)
    speed, half = speed_of(state, v), state.half
    at, fraction = voice[AT], voice[FRACTION]
    for i in range(out.shape[0]):
        while voice[END] <= at + half and voice[STAGE] in (SOUNDING, RELEASED):
            voice[AT] = at
            look(state, first + i)
            extend(state, v)
            at = voice[AT]
        if at - half <= voice[FILLED]:  # a voice that waits may be beyond its line
            out[i] += weighed(line, at - half + 1, fraction, state.sinc, state.products)
        fraction += speed
        at += fraction >> 32
        fraction &= ONE - 1
    voice[AT], voice[FRACTION] = at, fraction
    if voice[STAGE] == RINGING and at - half > voice[FILLED]:
        rest(state, v)


@kernel
def extend(state: Any, v: int) -> None:
    """Add a voice's next hop to its line, or let it ring out."""
    frame(state, v)
    voice, line, ready = state.voice[v], state.line[v], state.phase_ready[v]
    room(state, v)
    end = voice[END]
    for i in range(ready.shape[0]):
        line[end + i] += ready[i]
    voice[END] = end + ready.shape[0]
    voice[FILLED] = max(voice[FILLED], voice[END])
    if over(state, v):
        ring_out(state, v)


__all__ = ["sound"]
