"""Feel: where onsets lie beside the pulse, as the paper's future work asks, and back again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from models.pulse.errors import PulseError

Array = NDArray[np.float64]
ON_THE_BEAT = 0.125  # of a beat: nearer than the sixteenths beside it
SWUNG = (0.55, 0.75)  # of a beat: an off-beat between straight and dotted
AROUND = 4  # beats before and after that a smooth pulse is fitted through


@dataclass(frozen=True)
class Feel:
    """Onsets told by the pulse: the beat (n,) each is nearest to and how far from it.

    ``fraction`` is of the beat that it lies in, -0.5 to 0.5, below 0 before the beat; ``ms`` is
    the same in milliseconds. Beat numbers below 0 and past the last go on in even steps.
    """

    beat: NDArray[np.int64]
    fraction: Array
    ms: Array


def deviations(onsets: npt.ArrayLike, beats: npt.ArrayLike) -> Feel:
    """The feel of ``onsets`` (n,) on ``beats`` (m,), both in seconds; raises PulseError.

    Two beats or more, each later than the one before, are needed.
    """
    pulse = _pulse(beats)
    times = np.asarray(onsets, np.float64)
    place = _places(times, pulse)
    beat = np.floor(place + 0.5).astype(np.int64)
    return Feel(beat, place - beat, 1000.0 * (times - _times(beat.astype(np.float64), pulse)))


def onsets(feel: Feel, beats: npt.ArrayLike) -> Array:
    """The onsets (n,) in seconds that ``feel`` gives on ``beats``: of its own pulse or another."""
    return _times(feel.beat + feel.fraction, _pulse(beats))


def smoothed(beats: npt.ArrayLike) -> Array:
    """``beats`` (m,) on straight lines through the eight intervals around each; PulseError.

    A pulse that is found lies on onsets: beside it no stroke is early or late. The ends of a line
    weigh half, so that of beats that are late by turns each moves it as much as the other. A tempo
    that changes by 1 % a beat moves it by 3 % of a beat.
    """
    pulse = _pulse(beats)
    count, width = len(pulse), min(len(pulse), 2 * AROUND + 1)
    first = np.clip(np.arange(count) - AROUND, 0, count - width)
    number, weight = np.arange(width) - 0.5 * (width - 1), np.ones(width)
    weight[[0, -1]] = 0.5
    near = pulse[first[:, None] + np.arange(width)]
    slope = near @ (weight * number) / (weight @ np.square(number))
    return np.asarray(near @ weight / weight.sum() + slope * (np.arange(count) - first + number[0]))


def settled(beats: npt.ArrayLike, onsets: npt.ArrayLike) -> Array:
    """``beats`` (m,) moved to where the ``onsets`` (n,) near them lie, and smoothed; PulseError.

    Onsets are then early or late beside each other: how they are as a whole, only a click knows.
    """
    pulse = smoothed(beats)
    feel = deviations(onsets, pulse)
    near = (np.abs(feel.fraction) < ON_THE_BEAT) & (feel.beat >= 0) & (feel.beat < len(pulse))
    if not near.any():
        return pulse
    count = np.bincount(feel.beat[near], minlength=len(pulse))
    late = np.bincount(feel.beat[near], feel.ms[near], len(pulse)) / np.maximum(count, 1)
    known = np.flatnonzero(count)
    return smoothed(pulse + 1e-3 * np.interp(np.arange(len(pulse)), known, late[known]))


def figures(feel: Feel) -> dict[str, Any]:
    """What a distribution comes to: near the beat its middle and spread, off it where it swings."""
    near = np.abs(feel.fraction) < ON_THE_BEAT
    within = np.mod(feel.fraction, 1.0)
    off = within[(within >= 0.4) & (within < 0.8)]
    late = feel.ms[near]
    return {
        "onsets": len(feel.beat),
        "on_the_beat": float(near.mean()) if len(near) else 0.0,
        "median_ms": float(np.median(late)) if len(late) else 0.0,
        "spread_ms": float(late.std()) if len(late) else 0.0,
        "off_beat": float(np.median(off)) if len(off) else 0.0,
        "swung": float(((off >= SWUNG[0]) & (off < SWUNG[1])).mean()) if len(off) else 0.0,
    }


def together(feels: list[Feel]) -> Feel:
    """The onsets of several recordings as one distribution; beat numbers are those of each."""
    if not feels:
        return Feel(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    beat = np.concatenate([each.beat for each in feels])
    fraction = np.concatenate([each.fraction for each in feels])
    return Feel(beat, fraction, np.concatenate([each.ms for each in feels]))


def _pulse(beats: npt.ArrayLike) -> Array:
    pulse = np.asarray(beats, np.float64)
    if pulse.ndim != 1 or len(pulse) < 2:
        raise PulseError(f"a pulse of {pulse.size} beats: two or more are needed")
    if not np.all(np.diff(pulse) > 0.0):
        raise PulseError("a pulse whose beats are not in order: each must be later than the last")
    return pulse


def _places(times: Array, pulse: Array) -> Array:
    """Times in beats: 2.25 is a quarter of the way from beat 2 to beat 3."""
    left = np.clip(np.searchsorted(pulse, times, "right") - 1, 0, len(pulse) - 2)
    return np.asarray(left + (times - pulse[left]) / (pulse[left + 1] - pulse[left]))


def _times(places: Array, pulse: Array) -> Array:
    """The inverse of ``_places``."""
    left = np.clip(np.floor(places).astype(np.int64), 0, len(pulse) - 2)
    return np.asarray(pulse[left] + (places - left) * (pulse[left + 1] - pulse[left]))


__all__ = ["Feel", "deviations", "figures", "onsets", "settled", "smoothed", "together"]
