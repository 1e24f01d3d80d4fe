"""Where a note has begun, may be repeated while a key is held, and ends: from its envelope."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.morph.grid import Array, Grid

ARRIVED_DB = 3.0  # under the loudest frame: the attack is over
ATTACK_MOST_S = 0.5
SLOPE_S = 0.1  # a line is as long at least
FALLS_DB_S = 15.0  # so much faster than it did before, a note falls when its key is let go
HELD_S = 0.3  # at least, from the attack to the release
FADES_DB_S = 9.0  # what fades faster while it is held is not repeated
MARGIN_S = 0.06  # between a loop and the release, whose window looks back
SHORTEST_S, LONGEST_S = 0.3, 1.2  # of a loop; longer ones are files twice as large
SETTLED_S = 0.15  # after the attack
SILENT_DB = 70.0  # under the loudest frame there is nothing to keep


@dataclass(frozen=True)
class Places:
    """Frames from the beginning, in order; the loop is empty where a note may not be repeated."""

    attack: int
    loop_start: int
    loop_end: int
    release: int
    frames: int


def envelope_db(magnitudes: Array) -> NDArray[np.float64]:
    """The level of frames (frames, bins) in dB, -200 in silence."""
    power = np.square(magnitudes, dtype=np.float64).sum(1)
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-20)))


def places_of(levels: NDArray[np.float64], path: Array, grid: Grid) -> Places:
    """Of an envelope in dB (frames,), not silent, and the latents (frames, latents) beside it."""
    loudest = float(levels.max())
    frames = int(np.flatnonzero(levels > loudest - SILENT_DB)[-1]) + 1
    levels, second = levels[:frames], grid.rate / grid.hop
    early = levels[: max(1, round(ATTACK_MOST_S * second))]
    attack = int(np.flatnonzero(early > early.max() - ARRIVED_DB)[0])
    release = _release(levels, attack, grid)
    start, end = _loop(levels, path, attack, release, second)
    return Places(attack, start, end, release, frames)


def _release(levels: NDArray[np.float64], attack: int, grid: Grid) -> int:
    """Where two straight lines that fit best from the attack on meet, if the second falls much
    faster; its end if none do. The last frames, which see the sound's end, are left out."""
    second = grid.rate / grid.hop
    span = round(SLOPE_S * second)
    y = levels[attack : len(levels) - grid.overlap]
    if len(y) <= 2 * span:
        return len(levels)
    at = np.arange(min(round(HELD_S * second), len(y) - span - 1), len(y) - span)
    first, missed = _lines(y, at)
    last, more = _lines(y[::-1], len(y) - at)
    turns = (-last - first) * second < -FALLS_DB_S
    if not turns.any():
        return len(levels)
    place = int(np.argmin(np.where(turns, missed + more, np.inf)))
    return attack + int(at[place]) if place else len(levels)  # a strike is no key let go


def _lines(
    y: NDArray[np.float64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes of the lines through the first ``counts`` of ``y``, and what they miss, squared."""
    x = np.arange(len(y), dtype=np.float64)
    sums = [np.cumsum(part)[counts - 1] for part in (x, y, x * x, x * y, y * y)]
    sx, sy, sxx, sxy, syy = sums
    over_x, over_y = sxx - sx * sx / counts, syy - sy * sy / counts
    over = sxy - sx * sy / counts
    slopes = over / over_x
    return slopes, over_y - slopes * over


def _loop(
    levels: NDArray[np.float64], path: Array, attack: int, release: int, second: float
) -> tuple[int, int]:
    """To a frame before the release, from the frame that is most like it."""
    first = attack + round(SETTLED_S * second)
    end = min(release - round(MARGIN_S * second), first + round(LONGEST_S * second))
    last = end - round(SHORTEST_S * second)
    if last <= first:
        return release, release
    held = levels[first : release - round(MARGIN_S * second)]
    slope = float(np.polyfit(np.arange(len(held)) / second, held, 1)[0])
    if slope < -FADES_DB_S:
        return release, release
    likeness = np.square(path[first:last] - path[end]).sum(1)
    return first + int(np.argmin(likeness)), end


__all__ = ["Places", "envelope_db", "places_of"]
