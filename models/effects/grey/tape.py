"""Tape machines: a delay that wanders without a period, found from the pair, and what stays.

The delay is a smooth curve with a knot every KNOT_SECONDS. Its errors show in the sound as the
slope of the delayed sound times the error, so they are found by linear least squares, again and
again (Gauss-Newton). What the tape does beside is a filter over the delayed sound and over
memoryless powers of it: a Hammerstein model, also least squares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, make_interp_spline
from scipy.linalg import solveh_banded
from scipy.signal import butter, fftconvolve, sosfiltfilt

from models.effects.grey.descent import Basis

Vector = NDArray[np.float64]

KNOT_SECONDS = 0.05
STIFF = 3e-4  # of the mean curvature: what a bend between knots costs
ROUNDS = 12
LOW_HZ = 1500.0  # the delay is found below this, where a sample of error is a small angle
SMOOTHING = Basis(24, (15.0, 60.0, 250.0))
AFTER = Basis(64, (15.0, 40.0, 100.0, 250.0, 600.0))
POWERS = (1, 2, 3, 5)
EARLY = 20  # frames the delayed sound is read too early, so that the filter may look back


@dataclass(frozen=True)
class Wander:
    """The delay in frames at every frame of a pair, and that at the knots."""

    frames: Vector
    knots: Vector


def wander(dry: NDArray[np.float32], wet: NDArray[np.float32], sample_rate: int) -> Wander:
    """The delay from ``dry`` to ``wet``, from these sounds alone."""
    x, y = dry.astype(np.float64), wet.astype(np.float64)
    sections = butter(4, [60.0, LOW_HZ], "bandpass", fs=sample_rate, output="sos")
    low, aim = sosfiltfilt(sections, x), sosfiltfilt(sections, y)
    hop = KNOT_SECONDS * sample_rate
    places = np.arange(0.0, len(x) + 2.0 * hop, hop)
    knots = np.full(len(places), float(_still_delay(low, aim)))
    for _ in range(ROUNDS):
        delay = _curve(knots, hop, len(x))
        heard = read(low, delay)
        columns = SMOOTHING.columns(np.roll(heard, -8))
        gram = columns.T @ columns
        gains = np.linalg.solve(gram + np.diag(1e-8 * np.diag(gram)), columns.T @ aim)
        made = columns @ gains
        slope = -np.gradient(made)
        change = _knot_steps(slope, aim - made, hop, len(knots))
        knots = knots + np.clip(change, -4.0, 4.0)
        if np.max(np.abs(change)) < 1e-3:
            break
    return Wander(_curve(knots, hop, len(x)), knots)


def _still_delay(dry: Vector, wet: Vector) -> int:
    size = 2 * len(dry)
    cross = np.fft.irfft(np.fft.rfft(wet, size) * np.conj(np.fft.rfft(dry, size)))
    return int(np.argmax(cross[: len(dry)]))


def _curve(knots: Vector, hop: float, frames: int) -> Vector:
    curve: Vector = make_interp_spline(np.arange(len(knots)) * hop, knots, 3)(np.arange(frames))
    return curve


def _knot_steps(slope: Vector, left: Vector, hop: float, count: int) -> Vector:
    """How far each knot must move, with hats between knots and a price on bends."""
    at = np.arange(len(slope)) / hop
    k = np.minimum(at.astype(np.int64), count - 2)
    part = at - k
    a, b = slope * (1.0 - part), slope * part
    diagonal = np.bincount(k, a * a, count) + np.bincount(k + 1, b * b, count)
    beside = np.bincount(k, a * b, count)
    pull = np.bincount(k, a * left, count) + np.bincount(k + 1, b * left, count)
    bands = np.zeros((3, count))
    bands[2], bands[1, 1:] = diagonal, beside[:-1]
    price = STIFF * np.mean(diagonal)
    for row in range(1, count - 1):  # (1, -2, 1) squared
        bands[2, row - 1 : row + 2] += price * np.array([1.0, 4.0, 1.0])
        bands[1, row : row + 2] += price * np.array([-2.0, -2.0])
        bands[0, row + 1] += price
    bands[2] += 1e-9 * np.mean(diagonal)
    steps: Vector = solveh_banded(bands, pull)
    return steps


def read(sound: Vector, delay: Vector) -> Vector:
    """The sound ``delay`` frames before each frame, by splines; nothing before its beginning."""
    at = np.arange(len(sound)) - delay
    heard: Vector = CubicSpline(np.arange(len(sound)), sound)(np.clip(at, 0, len(sound) - 1))
    heard[at < 0.0] = 0.0
    return heard


@dataclass(frozen=True)
class Tape:
    """A filter for each power of the delayed sound."""

    gains: Vector
    level: float

    def play(self, dry: NDArray[np.float32], delay: Vector) -> Vector:
        """What the machine makes of the sound if its delay is known."""
        heard = read(dry.astype(np.float64) / self.level, delay - EARLY)
        made = np.zeros(len(dry))
        for power, gains in zip(POWERS, self.gains.reshape(len(POWERS), -1), strict=True):
            made += fftconvolve(heard**power, AFTER.response(gains))[: len(dry)]
        return made


def tape(dry: NDArray[np.float32], wet: NDArray[np.float32], delay: Vector, fitted: slice) -> Tape:
    """Fit the machine to the frames in ``fitted``."""
    level = float(np.max(np.abs(dry))) + 1e-9
    columns = _columns(dry, delay, level)[fitted]
    gram = columns.T @ columns
    gram += np.diag(1e-7 * np.diag(gram) + 1e-9)
    gains = np.linalg.solve(gram, columns.T @ wet[fitted].astype(np.float64))
    return Tape(gains.astype(np.float64), level)


def _columns(dry: NDArray[np.float32], delay: Vector, level: float) -> NDArray[np.float64]:
    heard = read(dry.astype(np.float64) / level, delay - EARLY)
    return np.concatenate([AFTER.columns(heard**power) for power in POWERS], axis=1)
