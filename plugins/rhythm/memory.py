"""What the drummer remembers: its last 64 steps and the performer's, and each place of the bar.

Layout and order of ``seen`` are those of engine.rhythm.model; lags and rates as in
models.pulse.rhythm.features.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from engine.kernel import kernel

DRUMS, FAMILIES = 9, 4
RING, MOST_STEPS = 64, 32
LEAST_RATE = 0.3
HIT, VELOCITY, OFFSET = range(3)
OWN = 126  # numbers of ``seen`` about its own part
PRESENT, FOLLOW, STYLE, DENSITY, TEMPO = range(5)  # places in ``told``

Memory = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Memory", "played other places usual other_usual visits tallies told seen"
)


def memories() -> dict[str, Any]:
    """State of ``see`` and ``remember``: nothing was played yet."""
    return {
        "played": np.zeros((RING, 3, DRUMS), np.float32),
        "other": np.zeros((RING, FAMILIES), np.float32),
        "places": np.zeros(RING, np.int64),
        "usual": np.zeros((MOST_STEPS, 3, DRUMS), np.float32),
        "other_usual": np.zeros((MOST_STEPS, FAMILIES), np.float32),
        "visits": np.zeros(MOST_STEPS, np.float32),
        "tallies": np.zeros((MOST_STEPS, DRUMS), np.float32),
        "told": np.zeros(5, np.float32),  # PRESENT ..; a style or density below 0 is any
    }


@kernel
def forget_places(memory: Any) -> None:
    """The bar has another length: what was usual at its places no longer is."""
    for p in range(MOST_STEPS):
        memory.visits[p] = np.float32(0.0)
        for d in range(DRUMS):
            memory.tallies[p, d] = np.float32(0.0)
            for part in range(3):
                memory.usual[p, part, d] = np.float32(0.0)
        for f in range(FAMILIES):
            memory.other_usual[p, f] = np.float32(0.0)


@kernel
def open_row(memory: Any, row: int, place: int) -> None:
    """Begin the row of a new step, over the oldest."""
    at = row % RING
    memory.places[at] = place
    for part in range(3):
        for d in range(DRUMS):
            memory.played[at, part, d] = np.float32(0.0)
    for f in range(FAMILIES):
        memory.other[at, f] = np.float32(0.0)


@kernel
def remember(memory: Any, row: int) -> None:
    """Count a step that is over into what is usual at its place of the bar."""
    at = row % RING
    place = memory.places[at]
    one, least = np.float32(1.0), np.float32(LEAST_RATE)
    memory.visits[place] += one
    rate = max(one / memory.visits[place], least)
    usual, played = memory.usual[place], memory.played[at]
    for d in range(DRUMS):
        hit = played[HIT, d]
        usual[HIT, d] += rate * (hit - usual[HIT, d])
        if hit > np.float32(0.0):
            memory.tallies[place, d] += hit
            each = hit * max(one / max(memory.tallies[place, d], one), least)
            usual[VELOCITY, d] += each * (played[VELOCITY, d] - usual[VELOCITY, d])
            usual[OFFSET, d] += each * (played[OFFSET, d] - usual[OFFSET, d])
    for f in range(FAMILIES):
        old = memory.other_usual[place, f]
        memory.other_usual[place, f] = old + rate * (memory.other[at, f] - old)


@kernel
def see(memory: Any, row: int, step: int, bar: int) -> None:
    """Fill ``seen`` (X,) with what the network is to know at a step, before its row is open."""
    seen, place = memory.seen, step % bar
    at = see_own(memory, row, place, bar)
    present, follow = memory.told[PRESENT], memory.told[FOLLOW]
    own = np.float32(1.0) - present * follow
    for i in range(at):
        seen[i] *= own
    seen[at], seen[at + 1] = present, present * follow
    at += 2
    for f in range(FAMILIES):
        seen[at + f] = present * memory.other[(row - 1) % RING, f]
        seen[at + FAMILIES + f] = present * memory.other[(row - bar) % RING, f]
        seen[at + 2 * FAMILIES + f] = present * memory.other_usual[place, f]
    at += 3 * FAMILIES
    for i in range(at, seen.shape[0]):
        seen[i] = np.float32(0.0)
    see_place(seen, at, step, bar)
    at += 21
    last = seen.shape[0] - 3
    if memory.told[STYLE] >= np.float32(0.0):
        seen[at + int(memory.told[STYLE])] = np.float32(1.0)
    if memory.told[DENSITY] >= np.float32(0.0):
        seen[last] = np.float32(1.0)
        seen[last + 1] = memory.told[DENSITY] * np.float32(0.25)
    seen[last + 2] = memory.told[TEMPO]


@kernel
def see_own(memory: Any, row: int, place: int, bar: int) -> int:
    """Blocks 1 to 4: its own part; returns how many numbers they are."""
    at = 0
    for part in range(3):
        at = copy(memory, row - 1, part, at)
    for lag in (2, 4, 8, bar, 2 * bar):
        at = copy(memory, row - lag, HIT, at)
    at = copy(memory, row - bar, VELOCITY, at)
    at = copy(memory, row - bar, OFFSET, at)
    at = copy(memory, row - 4, OFFSET, at)
    for part in range(3):
        for d in range(DRUMS):
            memory.seen[at + d] = memory.usual[place, part, d]
        at += DRUMS
    return at


@kernel
def copy(memory: Any, row: int, part: int, at: int) -> int:
    """One part of a remembered row; rows before the first are zeros."""
    played = memory.played[row % RING]
    for d in range(DRUMS):
        memory.seen[at + d] = played[part, d]
    return at + DRUMS


@kernel
def see_place(seen: Any, at: int, step: int, bar: int) -> None:
    """Block 6: where the step is in its bar, and in phrases of four and of two bars."""
    seen[at + step % bar % 16] = np.float32(1.0)
    seen[at + 16] = np.float32(bar / 16.0)
    for k in range(2):
        bars = 4 if k == 0 else 2
        angle = 2.0 * math.pi * (step % (bars * bar)) / (bars * bar)
        seen[at + 17 + 2 * k] = np.float32(math.sin(angle))
        seen[at + 18 + 2 * k] = np.float32(math.cos(angle))


__all__ = ["forget_places", "memories", "open_row", "remember", "see"]
