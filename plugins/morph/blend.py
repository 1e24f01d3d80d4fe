"""Where a voice is in its sounds: latents and gain of the next frame, from up to eight paths.

Each of four ends gives the notes below and above what is played; the ends are at the corners of a
square. A path's place follows from the voice's clocks alone, so ends may change at any time. In
aligned time all attacks last as long as the ends' attacks do in the mean, weighted as the ends are,
and are over at the same moment; after that each sound goes round its own loop.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from plugins.morph.material import (
    ATTACK,
    BEGIN,
    CROSS,
    FRAMES,
    LAST,
    LOOP,
    LOOP_END,
    PITCH,
    RELEASE,
    ROW,
    VELOCITY,
)
from plugins.morph.state import (
    A_NOTE,
    ALIGNED,
    ATTACKS,
    DYNAMICS,
    ENDS,
    FORCE,
    GONE,
    HOLD,
    KEY,
    RELEASED,
    RELEASES,
    RISE,
    STAGE,
    TIME,
)

ENDS_DB_S = 200.0
"""What lies beyond a path's end falls as fast,"""
HELD_DB_S = 30.0
"""and a key that is held for longer than the recording's was, as fast,"""
LET_GO_DB_S = 240.0
"""and a sound of which no end was recorded, when its key is let go."""
SOFTEST_DB = -110.0


@kernel
def choose(state: Any, v: int) -> None:
    """The notes of the ends as they are now, around a voice's pitch."""
    key, force = state.voice[v, KEY], state.clock[v, FORCE]
    for corner in range(4):
        sound = state.turn[ENDS + corner]
        state.own_ends[v, corner] = sound
        rows, below, above = state.sound_notes[sound], np.int64(-1), np.int64(-1)
        for k in range(rows.shape[0]):
            n = rows[k]
            if n < 0:
                break
            pitch = state.note_places[n, PITCH]
            if pitch <= key and nearer(state, n, below, key, force):
                below = n
            if pitch >= key and nearer(state, n, above, key, force):
                above = n
        below = above if below < 0 else below
        above = below if above < 0 else above
        low, high = state.note_places[below, PITCH], state.note_places[above, PITCH]
        share = np.float32((key - low) / (high - low)) if high > low else np.float32(0.0)
        state.strand[v, 2 * corner], state.strand[v, 2 * corner + 1] = below, above
        state.share[v, 2 * corner] = np.float32(1.0) - share
        state.share[v, 2 * corner + 1] = share


@kernel
def nearer(state: Any, n: int, other: int, key: int, force: float) -> bool:
    """Whether a note is nearer to what is played than another, by pitch, then by velocity."""
    if other < 0:
        return True
    a, b = state.note_places[n], state.note_places[other]
    far, further = abs(a[PITCH] - key), abs(b[PITCH] - key)
    if far != further:
        return bool(far < further)
    return bool(abs(a[VELOCITY] - force) < abs(b[VELOCITY] - force))


@kernel
def corners(state: Any, x: float, y: float) -> None:
    """How much there is of each end."""
    corner = state.corner
    corner[0], corner[1] = np.float32((1.0 - x) * (1.0 - y)), np.float32(x * (1.0 - y))
    corner[2], corner[3] = np.float32((1.0 - x) * y), np.float32(x * y)


@kernel
def blend(state: Any, v: int) -> None:
    """``state.blend`` (latents + 1): latents and gain of a voice's next frame, by ``corner``."""
    made, last = state.blend, state.blend.shape[0] - 1
    for k in range(last + 1):
        made[k] = np.float32(0.0)
    for s in range(A_NOTE):
        weight = state.corner[s // 2] * state.share[v, s]
        if weight > np.float32(0.0):
            note = state.note_places[state.strand[v, s]]
            place, other, cross, fall = place_of(state, v, note)
            add(state.paths, note, place, weight * np.float32(1.0 - cross), made)
            if cross > 0.0:
                add(state.paths, note, other, weight * np.float32(cross), made)
            louder = state.wanted[DYNAMICS] * (state.clock[v, FORCE] - note[VELOCITY]) / 127.0
            made[last] += weight * np.float32(louder - fall)


@kernel
def add(paths: Any, note: Any, place: float, weight: Any, made: Any) -> None:
    """Add what a path is at ``place``, between two of its frames on a line."""
    low = min(max(int(place), 0), note[FRAMES] - 1)
    high = min(low + 1, note[FRAMES] - 1)
    part = weight * np.float32(min(max(place - low, 0.0), 1.0))
    a, b, rest = paths[note[ROW] + low], paths[note[ROW] + high], weight - part
    for k in range(made.shape[0]):
        made[k] += rest * a[k] + part * b[k]


@kernel
def place_of(state: Any, v: int, note: Any) -> tuple[float, float, float, float]:
    """Where a voice is in a note: a frame, another one, how much of that, and dB to be softer."""
    clock, wanted = state.clock[v], state.wanted
    if state.voice[v, STAGE] == RELEASED and note[RELEASE] < note[FRAMES]:
        place = note[RELEASE] + clock[GONE] / wanted[RELEASES]
        over = place - (note[FRAMES] - 1)
        return place, place, 0.0, fading(state, over, ENDS_DB_S)
    gone = clock[GONE] * LET_GO_DB_S / (state.second * wanted[RELEASES])
    rises = float(note[ATTACK] - note[BEGIN])
    if wanted[ALIGNED] != 0.0:
        if clock[RISE] < 1.0:
            return note[BEGIN] + clock[RISE] * rises, 0.0, 0.0, gone
        place, other, cross, fall = held(state, note, clock[HOLD])
        return place, other, cross, fall + gone
    if clock[TIME] < rises * wanted[ATTACKS]:
        return note[BEGIN] + clock[TIME] / wanted[ATTACKS], 0.0, 0.0, gone
    place, other, cross, fall = held(state, note, clock[TIME] - rises * wanted[ATTACKS])
    return place, other, cross, fall + gone


@kernel
def held(state: Any, note: Any, since: float) -> tuple[float, float, float, float]:
    """The same for ``since`` frames after the attack's end, while nothing lets it go."""
    place = note[ATTACK] + since
    length = note[LOOP_END] - note[LOOP]
    if length <= 0:
        over, slow = place - note[LAST], note[RELEASE] < note[FRAMES]
        return (
            min(place, float(note[LAST])),
            0.0,
            0.0,
            fading(state, over, HELD_DB_S if slow else ENDS_DB_S),
        )
    if place >= note[LOOP_END]:
        place = note[LOOP] + (place - note[LOOP]) % length
    over = place - (note[LOOP_END] - note[CROSS])
    if over <= 0.0 or note[CROSS] == 0:
        return place, 0.0, 0.0, 0.0
    return place, place - length, over / note[CROSS], 0.0


@kernel
def fading(state: Any, frames: float, db_s: float) -> float:
    """dB to be softer ``frames`` after the end."""
    return min(max(frames, 0.0) * db_s / state.second, -SOFTEST_DB)


@kernel
def step(state: Any, v: int) -> None:
    """A frame has passed: the clocks go on."""
    clock = state.clock[v]
    clock[TIME] += 1.0
    if state.voice[v, STAGE] == RELEASED:
        clock[GONE] += 1.0
    if clock[RISE] >= 1.0:
        clock[HOLD] += 1.0
        return
    frames = 0.0
    for s in range(A_NOTE):
        note = state.note_places[state.strand[v, s]]
        frames += state.corner[s // 2] * state.share[v, s] * (note[ATTACK] - note[BEGIN])
    frames *= state.wanted[ATTACKS]
    left = (1.0 - clock[RISE]) * frames
    if left <= 1.0:
        clock[RISE], clock[HOLD] = 1.0, 1.0 - left
    else:
        clock[RISE] += 1.0 / frames


@kernel
def follow(made: Any, last: Any, old: Any) -> None:
    """``made`` keeps a share ``old`` of ``last``, and becomes it."""
    for k in range(made.shape[0]):
        if old > np.float32(0.0):
            made[k] += old * (last[k] - made[k])
        last[k] = made[k]


@kernel
def decibels(level: float) -> float:
    """Of a controller from 0 to 1: 12 dB for each half, silent at 0."""
    return 40.0 * math.log10(max(level, 1e-3))


__all__ = ["blend", "choose", "corners", "decibels", "follow", "step"]
