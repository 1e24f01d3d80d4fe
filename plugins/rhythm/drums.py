"""Nine drums, synthesised: struck at any frame, they ring on, and never click or run out of voices.

A stroke adds to what rings, as on a real drum, so there are no voices to steal: the cost is that
of nine drums at most, and nothing while they are silent. ``plugins.rhythm.kit.drums`` makes the
state. All states advance a frame at a time, so it does not matter where a part ends.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from plugins.rhythm.kit import (
    ATTACK,
    BRIGHT,
    CHOKE,
    CLOSED,
    DROP,
    DROP_FALL,
    DRUMS,
    HARD,
    HIGH,
    HISS,
    HISS_FALL,
    HISS_GOAL,
    HISS_NOW,
    LEVEL,
    LOW,
    LOW_A,
    LOW_B,
    METAL,
    MODES,
    OPEN,
    PAN,
    PHASE,
    PITCH,
    PLACES,
    SKIN,
    SKIN_FALL,
    SKIN_GOAL,
    SKIN_NOW,
    SNAP,
    SNAP_FALL,
    SNAP_NOW,
    SOFT,
    SWELL,
    TURN,
)  # fmt: skip

FAINT = np.float32(1e-5)  # -100 dB: a drum below is silent
CURVE = 1.8  # amplitude is velocity to this power: a ghost note of 0.2 is 25 dB down


@kernel
def strike(kit: Any, drum: int, velocity: float, gain: float) -> None:
    """Hit a drum with a velocity of 0 to 1; the next frame that sounds is its first."""
    row, now = kit.rows[drum], kit.now[drum]
    hard = np.float32(velocity)
    loud = np.float32(gain) * np.float32(math.pow(velocity, CURVE)) * row[LEVEL]
    if now[SKIN_NOW] < np.float32(0.01):
        now[PHASE] = np.float32(0.0)
    now[PITCH] = row[DROP] * (np.float32(0.4) + np.float32(0.6) * hard)
    now[SKIN_GOAL] = max(now[SKIN_GOAL], loud * row[SKIN])
    for k in range(kit.count[drum]):
        tone = np.float32(1.0) - (np.float32(1.0) - hard) * np.float32(0.7 * k / MODES)
        kit.ringing[drum, 0, k] += loud * tone * kit.modes[drum, 2, k]
    snap = row[SNAP] * (np.float32(0.5) + np.float32(0.5) * hard)
    now[SNAP_NOW] = max(now[SNAP_NOW], loud * snap)
    now[HISS_GOAL] = max(now[HISS_GOAL], loud * (np.float32(1.0) - row[SNAP]))
    now[BRIGHT] = row[SOFT] + (row[HARD] - row[SOFT]) * hard
    now[CHOKE] = np.float32(0.0)
    if drum == CLOSED:
        kit.now[OPEN, CHOKE] = np.float32(1.0)
    kit.sounds[drum] = 1


@kernel
def sound(kit: Any, mix: Any, first: int, count: int) -> None:
    """Add up to 64 frames of all that rings to ``mix`` (2, frames), from frame ``first`` on."""
    sounding, metal = False, False
    for d in range(DRUMS):
        if kit.sounds[d] > 0:
            sounding = True
            metal = metal or kit.rows[d, METAL] > np.float32(0.0)
    if not sounding:
        return
    fill_hiss(kit, count)
    if metal:
        fill_metal(kit, count)
    for d in range(DRUMS):
        if kit.sounds[d] > 0:
            sound_drum(kit, d, mix, first, count)


@kernel
def fill_hiss(kit: Any, count: int) -> None:
    """White noise from -1 to 1; Numerical Recipes' quick generator."""
    seed = kit.seed[0]
    for i in range(count):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        kit.hiss[i] = np.float32((seed >> 8) - 8388608) * np.float32(1.0 / 8388608.0)
    kit.seed[0] = seed


@kernel
def fill_metal(kit: Any, count: int) -> None:
    """Six square waves whose frequencies have nothing in common."""
    for i in range(count):
        kit.metal[i] = np.float32(0.0)
    for k in range(kit.pace.shape[0]):
        turn, pace = kit.turns[k], kit.pace[k]
        for i in range(count):
            up = ((turn + pace * i) >> 31) & 1
            kit.metal[i] += np.float32(2 * up - 1) * np.float32(0.3)
        kit.turns[k] = (turn + pace * count) & 0xFFFFFFFF


@kernel
def sound_drum(kit: Any, d: int, mix: Any, first: int, count: int) -> None:
    """Add one drum to the mix; it falls silent, and its state to zeros, when it has rung out."""
    row, now = kit.rows[d], kit.now[d]
    left, right = np.float32(1.0) - row[PAN], np.float32(1.0) + row[PAN]
    fallen = np.float32(kit.choke) if now[CHOKE] == np.float32(1.0) else row[HISS_FALL]
    snap_fall = min(row[SNAP_FALL], fallen)
    a, b, high = now[LOW_A], now[LOW_B], now[HIGH]
    g = row[LOW]
    a1 = np.float32(1.0) / (np.float32(1.0) + g * (g + np.float32(1.4142135)))
    for i in range(count):
        x = np.float32(0.0)
        if row[SKIN] > np.float32(0.0):
            now[SKIN_NOW] += row[ATTACK] * (now[SKIN_GOAL] - now[SKIN_NOW])
            now[SKIN_GOAL] *= row[SKIN_FALL]
            now[PITCH] *= row[DROP_FALL]
            x = now[SKIN_NOW] * wave(now[PHASE])
            phase = now[PHASE] + row[TURN] + now[PITCH]
            now[PHASE] = phase - np.float32(1.0) if phase >= np.float32(1.0) else phase
        now[HISS_NOW] += row[SWELL] * (now[HISS_GOAL] - now[HISS_NOW])
        now[HISS_GOAL] *= fallen
        now[SNAP_NOW] *= snap_fall
        raw = row[HISS] * kit.hiss[i] + row[METAL] * kit.metal[i]
        raw *= now[SNAP_NOW] + now[HISS_NOW]
        v = raw - b - (g + np.float32(1.4142135)) * a  # a high-pass of 12 dB, then a pole
        v *= a1
        step = g * v
        middle = a + step
        a = middle + step
        low = b + g * middle
        b = low + g * middle
        high += now[BRIGHT] * (v - high)
        x += high
        mix[0, first + i] += left * x
        mix[1, first + i] += right * x
    now[LOW_A], now[LOW_B], now[HIGH] = a, b, high
    ring(kit, d, left, right, mix, first, count)


@kernel
def wave(turn: float) -> float:
    """sin(2 pi turn) within 0.001 for 0 to 1: two parabolas, sharpened."""
    t = np.float32(1.0) - np.float32(2.0) * turn
    y = np.float32(4.0) * t * (np.float32(1.0) - abs(t))
    return y * (np.float32(0.775) + np.float32(0.225) * abs(y))


@kernel
def ring(kit: Any, d: int, left: float, right: float, mix: Any, first: int, count: int) -> None:
    """Add the modes: each is a number that turns and shrinks; its imaginary part is heard."""
    for k in range(kit.count[d]):
        c, s = kit.modes[d, 0, k], kit.modes[d, 1, k]
        re, im = kit.ringing[d, 0, k], kit.ringing[d, 1, k]
        for i in range(count):
            turned = re * c - im * s
            im = re * s + im * c
            re = turned
            mix[0, first + i] += left * im
            mix[1, first + i] += right * im
        kit.ringing[d, 0, k], kit.ringing[d, 1, k] = re, im


@kernel
def rest(kit: Any) -> None:
    """Let drums that have rung out be silent, and their state zeros.

    To be called now and then, at frames that do not depend on where parts end.
    """
    for d in range(DRUMS):
        if kit.sounds[d] == 0:
            continue
        now = kit.now[d]
        most = max(now[SKIN_NOW], now[SNAP_NOW], now[HISS_NOW], now[HISS_GOAL], now[SKIN_GOAL])
        for k in range(kit.count[d]):
            most = max(most, abs(kit.ringing[d, 0, k]), abs(kit.ringing[d, 1, k]))
        if most > FAINT:
            continue
        kit.sounds[d] = 0
        for k in range(PLACES):
            now[k] = np.float32(0.0)
        for k in range(MODES):
            kit.ringing[d, 0, k] = kit.ringing[d, 1, k] = np.float32(0.0)


__all__ = ["rest", "sound", "strike"]
