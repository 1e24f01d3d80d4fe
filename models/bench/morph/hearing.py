"""What a recording tells: when half of a controller's change is heard, a key's first sound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.morph.grid import Array

Wide = npt.NDArray[np.float64]

PARTIALS = 12
PERIODS = 2
"""Of the note's own, that a partial's size is measured over: Hann's window of two has zeros at the
other partials, and is as long before a moment as after it."""
STILL_S = 0.05
"""Before a step, and at its end: what is between has changed."""
SETTLED_S = 0.12
QUIET_S = 0.02
LEAST = 1e-7


def partials(sound: Array, rate: int, hertz: float) -> Wide:
    """Sizes of a note's partials around each sample: (PARTIALS, samples)."""
    from scipy.signal import fftconvolve

    width = round(PERIODS * rate / hertz)
    window = np.hanning(width + 2)[1:-1]
    turns = np.arange(len(sound)) * hertz / rate
    rows = []
    for number in range(1, PARTIALS + 1):
        if number * hertz > 7000.0:
            break
        carried = sound * np.exp(-2j * np.pi * number * turns)
        rows.append(np.abs(fftconvolve(carried, window / window.sum(), mode="same")))
    return np.array(rows)


def before_and_after(sizes: Wide, begin: int, rate: int) -> tuple[Wide, Wide]:
    """Mean sizes (PARTIALS,) just before ``begin`` and when what came of it has settled."""
    still, settled = round(STILL_S * rate), begin + round(SETTLED_S * rate)
    return sizes[:, begin - still : begin].mean(1), sizes[:, settled : settled + still].mean(1)


def half_way(sizes: Wide, begin: int, rate: int, before: Wide, after: Wide) -> float:
    """Seconds from ``begin`` until partials are half way from what they were to what they become.

    ``sizes`` (PARTIALS, samples) are projected on the way from ``before`` to ``after``; nan where
    hardly anything changes.
    """
    way = after - before
    square = float(way @ way)
    if not square > 1e-4 * float(before @ before):
        return float("nan")
    part = sizes[:, begin : begin + round(SETTLED_S * rate)]
    past = np.flatnonzero(way @ (part - before[:, None]) / square >= 0.5)
    return float(past[0]) / rate if len(past) else float("nan")


def first_sound(sound: Array, begin: int, rate: int, within_s: float) -> tuple[float, float]:
    """Seconds from ``begin`` to a note's first sample, and to its first at -40 dB of its peak.

    A sample is the note's if it is louder than all in the 20 ms before; nan if there is none.
    """
    rest = sound[max(0, begin - round(QUIET_S * rate)) : begin]
    part = np.abs(sound[begin : begin + round(within_s * rate)])
    least = max(LEAST, 2.0 * float(np.abs(rest).max(initial=0.0)))
    there = np.flatnonzero(part > least)
    heard = np.flatnonzero(part > max(least, 0.01 * float(part.max(initial=0.0))))
    if not len(there):
        return float("nan"), float("nan")
    return float(there[0]) / rate, float(heard[0]) / rate


def largest_step(sound: Array) -> float:
    """From one sample to the next."""
    return float(np.abs(np.diff(sound)).max(initial=0.0))


__all__ = ["before_and_after", "first_sound", "half_way", "largest_step", "partials"]
