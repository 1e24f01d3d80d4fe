"""A pitch that is known, given to a frame whose magnitudes only nearly have it.

A network's comb is a little off: one dB between two bins of a partial at 130 Hz is 30 cents. Where
partials are apart, each that lies near a multiple of the pitch is moved there as a whole: Hann's
main lobe W around where its bins say it is becomes the lobe around where it should be,

    log M[k] += log W(k - multiple) - log W(k - found),

and the phases follow. What is further away is no partial of this pitch and stays: inharmonic
sounds remain so. Where partials are so near that bins tell them apart no more, every bin moves on
by the multiple that it is nearest to, and the sound repeats with the pitch's period.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.dsp.approx import exp2
from engine.kernel import kernel
from engine.morph.grid import Array
from engine.morph.turns import wrapped

HELD = 4.5
"""Bins: partials that are nearer to each other are held, not moved."""
NEAR, FAR = np.float32(0.25), np.float32(0.5)
"""Bins from a multiple: partials up to NEAR are moved there, beyond FAR not at all."""
NOISE, TONE = np.float32(1.0), np.float32(1.4)
"""A bin over the mean of its neighbours: a tone's peak has 1.67 to 2, noise about 1."""
LOBE = 2
"""Bins to each side that Hann's main lobe has."""
FINE = 64
"""Numbers of the lobe a bin."""
_TINY = np.float32(1e-30)


def main_lobe() -> Array:
    """Logarithms to base 2 of Hann's main lobe 0 to 2 bins from its middle, and one more."""
    away = np.minimum(np.arange(LOBE * FINE + 2) / FINE, LOBE - 0.05)
    away[FINE] = 1.0 + 1e-9
    return np.log2(np.sinc(away) / (1.0 - away**2)).astype(np.float32)


@kernel
def tune(logs: Any, sizes: Any, silent: Any, pitch: Any, lobe: Any) -> None:
    """Move the partials of ``logs`` (log2) and ``sizes`` (bins,) to multiples of ``pitch`` bins."""
    reach = min(np.float32(LOBE), np.float32(0.5) * pitch)
    number, last = 1, logs.shape[0] - 1
    middle = pitch
    while middle < last - LOBE:
        peak = int(middle + np.float32(0.5))
        if peak >= 1:
            found = place(sizes, peak)
            share = weight(sizes, peak, middle - found)
            if share > np.float32(0.0):
                to = found + share * (middle - found)
                for k in range(max(peak - LOBE, 1), peak + LOBE + 1):
                    if abs(k - middle) < reach and logs[k] > silent:
                        logs[k] += at_lobe(lobe, k - to) - at_lobe(lobe, k - found)
                        sizes[k] = exp2(logs[k])
        number += 1
        middle = number * pitch


@kernel
def place(sizes: Any, peak: int) -> Any:
    """Where a partial is, by the bins beside its peak (integrate.py has the formula)."""
    below, above = sizes[peak - 1], sizes[peak + 1]
    t = (above - below) / (above + below + _TINY)
    root = np.float32(math.sqrt(np.float32(9.0) - np.float32(8.0) * t * t))
    return np.float32(peak) + np.float32(4.0) * t / (np.float32(3.0) + root)


@kernel
def weight(sizes: Any, peak: int, away: Any) -> Any:
    """How much of the way a partial goes, 0 to 1: all if it is near and stands out."""
    zero, one = np.float32(0.0), np.float32(1.0)
    near = min(max((FAR - abs(away)) / (FAR - NEAR), zero), one)
    beside = sizes[peak - 1] + sizes[peak + 1] + _TINY
    out = (np.float32(2.0) * sizes[peak] / beside - NOISE) / (TONE - NOISE)
    return near * min(max(out, zero), one)


@kernel
def at_lobe(lobe: Any, away: Any) -> Any:
    """The logarithm of the lobe so many bins from its middle."""
    at = min(abs(away), np.float32(LOBE)) * np.float32(FINE)
    low = int(at)
    share = at - np.float32(low)
    return lobe[low] + share * (lobe[low + 1] - lobe[low])


@kernel
def hold(base: Any, cycle: Any, pitch: Any, rise: Any) -> None:
    """``rise`` (bins,): turns a hop of the multiple of ``pitch`` that each bin is nearest to."""
    for k in range(rise.shape[0]):
        number = math.floor(np.float32(k) / pitch + np.float32(0.5))
        if number >= 1.0:
            rise[k] = base[k] + cycle * (np.float32(number) * pitch - np.float32(k))
        else:
            rise[k] = base[k]


@kernel
def go_on(rise: Any, rose: Any, turns: Any) -> None:
    """``turns`` (bins,) of the last frame become this one's, in every bin on its own."""
    half = np.float32(0.5)
    for k in range(turns.shape[0]):
        turns[k] = wrapped(turns[k] + half * (rise[k] + rose[k]))


__all__ = ["HELD", "go_on", "hold", "main_lobe", "tune"]
