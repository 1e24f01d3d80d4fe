"""What the bands hear, how loud each loop is, and the loops themselves, in parts of 16 frames."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.dsp.approx import gain_of, gain_or_off
from engine.dsp.filters import set_filter, tune
from engine.kernel import Audio, kernel
from engine.params import along

LOOK = 16
"""Frames between two looks at the levels; 64 is a multiple of it."""
HEARD_MS = 10.0
"""Time constant of a band's power."""
RANGE_DB = 36.0
"""A band so far below the level that makes its loop loudest makes it silent."""
LOUDEST = np.float32(1e4)
NARROWEST, WIDEST = 0.02, 1.0  # octaves
LAST = 0.9
"""At the least density what reaches this share of the loudest loop's level still begins to sound:
so one always does."""
SILENT = 1e-5


@kernel
def set_bands(state: Any, low_hz: float, high_hz: float, tuning: float, width: float) -> None:
    """Tune the filters: spaced evenly in pitch, or each to its own loop.

    ``width`` is in distances to the next band. Where bands are tuned to loops, the distance is
    still that of even spacing.
    """
    voices = state.rows.shape[0]
    apart = math.log2(max(high_hz / low_hz, 1.01)) / max(1, voices - 1)
    octaves = min(max(width * apart, NARROWEST), WIDEST)
    k = 2.0 ** (0.5 * octaves) - 2.0 ** (-0.5 * octaves)  # 1 / Q
    for v in range(voices):
        spaced = math.log2(low_hz) + apart * v
        hz = 2.0 ** (spaced + tuning * (math.log2(state.own_hz[v]) - spaced))
        set_filter(state.rows[v], tune(hz, state.rate, 1.0), k, 0.0, k, 0.0)


@kernel
def hear(audio: Audio, state: Any, done: int, count: int) -> None:
    """Put ``count`` frames from ``done`` on through all bands, twice each; add up their power.

    What is no sound (infinite, not a number) would make the filters deaf for good.
    """
    heard, channels = state.heard, audio.shape[0]
    for i in range(count):
        x = audio[0, done + i]
        if channels == 2:
            x = np.float32(0.5) * (x + audio[1, done + i])
        heard[i] = x if abs(x) < LOUDEST else np.float32(0.0)
    for v in range(state.rows.shape[0]):
        row, memory = state.rows[v], state.memory[v]
        p, q, t, r = row[0], row[1], row[2], row[3]
        m1, m2, d = row[4], row[5], row[6]
        a1, a2, b1, b2 = memory[0], memory[1], memory[2], memory[3]
        total = state.sums[v]
        for i in range(count):
            x = float(heard[i])
            y = (m1 * a1 + m2 * a2) + d * x
            a1, a2 = (p * a1 - q * a2) + q * x, (q * a1 + t * a2) + r * x
            z = (m1 * b1 + m2 * b2) + d * y
            b1, b2 = (p * b1 - q * b2) + q * y, (q * b1 + t * b2) + r * y
            total += z * z
        memory[0], memory[1], memory[2], memory[3] = a1, a2, b1, b2
        state.sums[v] = total


@kernel
def follow(knobs: Any, state: Any, i: int) -> None:
    """After a look's frames: how loud each loop wants to be, and how far it has got."""
    voices, drive = state.rows.shape[0], state.drive
    loudest = 0.0
    for v in range(voices):
        state.power[v] += state.quick * (state.sums[v] / LOOK - state.power[v])
        state.sums[v] = 0.0
        level_db = 3.01 + 10.0 * math.log10(max(state.power[v], 1e-20))
        wanted = 1.0 + (level_db + along(knobs.sensitivity_db, i)) / RANGE_DB
        state.wanted[v] = min(max(wanted, 0.0), 1.0)
        loudest = max(loudest, state.wanted[v])
    if knobs.hold.start > np.float32(0.5):
        return
    floor = (1.0 - along(knobs.density, i)) * LAST * loudest
    rise = share_of(along(knobs.attack_ms, i), state.rate)
    fall = share_of(along(knobs.release_ms, i), state.rate)
    for v in range(voices):
        above = (state.wanted[v] - floor) / max((1.0 - LAST) * loudest, 1e-9)
        wanted = state.wanted[v] * min(max(above, 0.0), 1.0)
        drive[v] += (rise if wanted > drive[v] else fall) * (wanted - drive[v])
        if drive[v] < SILENT:
            drive[v] = 0.0


@kernel
def share_of(ms: float, rate: float) -> float:
    """What a level takes of its way in one look, for a time constant."""
    return -math.expm1(-1000.0 * LOOK / (ms * rate))


@kernel
def aim(knobs: Any, state: Any, i: int) -> None:
    """Let all gains go to where they are wanted at the end of the look that begins at ``i``."""
    spread = along(knobs.spread, i)
    answer = state.scale * gain_of(along(knobs.answer_db, i))
    depth = along(knobs.modulation, i)
    slow, fast = float(along(knobs.slow_hz, i)), float(along(knobs.fast_hz, i))
    sounding, loudest = 0, 0.0
    for v in range(state.rows.shape[0]):
        drive = state.drive[v]
        rate_hz = slow * (fast / slow) ** drive
        state.phase[v] += rate_hz * LOOK / state.rate
        state.phase[v] -= math.floor(state.phase[v])
        sway = 1.0 - depth * (0.5 - 0.5 * math.cos(2.0 * math.pi * state.phase[v]))
        gain = answer * drive * drive * sway
        pan = spread * state.pan[v]
        glide(state.gains[v], gain * min(1.0, 1.0 - pan), gain * min(1.0, 1.0 + pan))
        loudest = max(loudest, drive)
        if drive > 0.1:
            sounding += 1
    dry = gain_or_off(along(knobs.dry_db, i))
    row = state.gains[state.rows.shape[0]]
    if state.count[0] == 0:
        row[4] = row[5] = np.float32(dry)  # the performer does not fade in
    glide(row, dry, dry)
    state.readout[0], state.readout[1] = sounding, loudest


@kernel
def glide(row: Any, left: float, right: float) -> None:
    """Begin where the last look ended; ``row`` is left, right, what they change by, their ends."""
    step = np.float32(1.0 / LOOK)
    row[0], row[1] = row[4], row[5]
    row[4], row[5] = np.float32(left), np.float32(right)
    row[2], row[3] = step * (row[4] - row[0]), step * (row[5] - row[1])


@kernel
def sound(audio: Audio, state: Any, now: int, done: int, count: int) -> None:
    """Mix the loops and the performer into ``count`` frames from ``done`` on."""
    zero, voices, at = np.float32(0.0), state.rows.shape[0], now % LOOK + 1
    left, right = state.mix[0], state.mix[1]
    row = state.gains[voices]
    for i in range(count):
        left[i] = audio[0, done + i] * (row[0] + row[2] * np.float32(at + i))
        right[i] = audio[1, done + i] * (row[1] + row[3] * np.float32(at + i))
    for v in range(voices):
        row = state.gains[v]
        if row[0] == zero and row[1] == zero and row[2] == zero and row[3] == zero:
            continue
        place, first = (now + state.offsets[v]) % state.lengths[v], 0
        while first < count:
            some = min(count - first, state.lengths[v] - place)
            x = state.loops[state.starts[v] + place : state.starts[v] + place + some]
            for i in range(some):
                t = np.float32(at + first + i)
                left[first + i] += x[i] * (row[0] + row[2] * t)
                right[first + i] += x[i] * (row[1] + row[3] * t)
            first += some
            place = 0
    for i in range(count):
        audio[0, done + i], audio[1, done + i] = left[i], right[i]


__all__ = ["LOOK", "RANGE_DB", "aim", "follow", "hear", "set_bands", "sound"]
