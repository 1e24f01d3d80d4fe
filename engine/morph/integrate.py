"""Phases of a frame from those of the one before it and from slopes of the magnitudes.

Phase gradient heap integration (Průša and Søndergaard, Real-time spectrogram inversion using
phase gradient heap integration, DAFx-16) takes bins of the last frame and of this one from a heap,
the loudest first; each gives a phase to the same bin of this frame, or to the bins beside it.
But bins of one frame are a line, and on a line the heap's order needs no heap: a bin is reached
from that side whose path has the loudest softest bin. A walk to the right and one to the left
know that of every bin, ``path`` = min(level, max(last frame's level, path of the bin before it)),
and the phases are those of the heap (tests hold them to it) at a tenth of the cost.

Slopes are those of Hann's window rather than of the Gaussian that resembles it. Beside a sine
between two bins the magnitudes to both sides, l and r, tell its place exactly: with
t = (r - l) / (r + l) it lies 4 t / (3 + sqrt(9 - 8 t^2)) bins away. Of an impulse the window's
fall tells the time: d samples from the middle the phase falls by d / size turns a bin, where
the logarithm's slope is -(2 pi / size) tan(pi d / size).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.morph.turns import angle, wrapped

NONE = np.float32(-1e30)
"""The level of no path at all."""
SEED = np.float32(-1e20)
"""The level of a path that begins in this frame: lower than all, and yet a path."""


@kernel
def rises(sizes: Any, base: Any, cycle: Any, out: Any) -> None:
    """``out`` (bins,): turns that each bin's phase moves on by in a hop.

    ``sizes`` are magnitudes above 0, ``base`` what a sine on the bin moves by, ``cycle`` turns a
    hop from one bin to the next.
    """
    last = sizes.shape[0] - 1
    three, four, eight, nine = np.float32(3.0), np.float32(4.0), np.float32(8.0), np.float32(9.0)
    out[0], out[last] = base[0], base[last]
    for k in range(1, last):
        below, above = sizes[k - 1], sizes[k + 1]
        t = (above - below) / (above + below)
        away = four * t / (three + np.float32(math.sqrt(nine - eight * t * t)))
        out[k] = base[k] + cycle * away


@kernel
def slopes(logs: Any, before: Any, older: Any, steep: Any, out: Any) -> None:
    """``out`` (bins,): turns that the phase moves on by from each bin to the next.

    ``logs`` and those of the last two frames are logarithms of magnitudes; ``steep`` turns what
    they rise by in a hop into the tangent of pi d / size.
    """
    one, minus = np.float32(1.0), np.float32(-2.0)
    a, b, c = np.float32(1.5), np.float32(2.0), np.float32(0.5)
    for k in range(logs.shape[0]):
        out[k] = minus * angle(steep * (a * logs[k] - b * before[k] + c * older[k]), one)


@kernel
def paths(logs: Any, before: Any, silent: Any, loudest: int, left: Any, right: Any) -> None:
    """The best path to each bin's neighbours: from bins to its left, from bins to its right.

    What was at most ``silent`` in the last frame gives no phase; the ``loudest`` bin of this one
    may begin with its own if nobody reaches it.
    """
    path = NONE
    for k in range(logs.shape[0]):
        left[k] = path
        path = min(logs[k], max(path, source(before[k], silent, k == loudest)))
    path = NONE
    for k in range(logs.shape[0] - 1, -1, -1):
        right[k] = path
        path = min(logs[k], max(path, source(before[k], silent, k == loudest)))


@kernel
def source(before: Any, silent: Any, begins: bool) -> Any:
    """The level of the path that comes from the last frame."""
    if before > silent:
        return before
    return SEED if begins else NONE


@kernel
def integrate(
    before: Any, silent: Any, loudest: int, left: Any, right: Any, rise: Any, rose: Any,
    slope: Any, turns: Any,
) -> None:  # fmt: skip
    """``turns`` (bins,) of the last frame become those of this one, by ``paths``' two answers.

    ``rise`` and ``slope`` are this frame's, ``rose`` the last one's. Both ends of a step count.
    """
    half, last = np.float32(0.5), turns.shape[0] - 1
    for k in range(last + 1):
        own = source(before[k], silent, k == loudest)
        turns[k] += half * (rise[k] + rose[k])
        left[k] = left[k] if left[k] > own and left[k] >= right[k] else NONE
        right[k] = right[k] if right[k] > own and left[k] == NONE else NONE
    for k in range(1, last + 1):
        if left[k] != NONE:
            turns[k] = turns[k - 1] + half * (slope[k - 1] + slope[k])
    for k in range(last - 1, -1, -1):
        if right[k] != NONE:
            turns[k] = turns[k + 1] - half * (slope[k + 1] + slope[k])
    for k in range(last + 1):
        turns[k] = wrapped(turns[k])


__all__ = ["NONE", "SEED", "integrate", "paths", "rises", "slopes"]
