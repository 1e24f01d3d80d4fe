"""The impulse response of a linear effect by regularised least squares over many pairs.

With A the matrix that convolves all dry sounds and keeps as many frames as were recorded, the
response h minimises abs(A h - wet)^2 + abs(h)^2 / weight: the normal equations (A'A + ridge) h =
A' wet. A'A is the Toeplitz matrix of the autocorrelation less what fell behind the ends of the
sounds. Both are applied by FFT, and conjugate gradients solve the equations with the optimal
circulant matrix as preconditioner (T. Chan, An optimal circulant preconditioner for Toeplitz
systems, SIAM J. Sci. Stat. Comput. 9(4), 1988).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from models.effects.grey.fitting import Audio, Heard, Vector

SILENT = 1e-5  # of the root mean square: an end this soft has no tail worth a correction
FLOOR_RIDGE = 1e-9  # of the dry energy: bands that were never heard stay silent


@dataclass(frozen=True)
class Response:
    """An impulse response, what it leaves of the training sound, and how exactly it is known."""

    taps: Vector
    left: float
    """Error-to-signal ratio on the sound it was found from."""
    noise: float
    """Variance that noise gives to each tap."""


class Normal:
    """The normal equations for responses of up to ``length`` taps."""

    def __init__(self, sounds: Sequence[Heard], length: int) -> None:
        self.length, self.size = length, fft.next_fast_len(2 * length, real=True)
        self.auto, self.cross = np.zeros(length), np.zeros(length)
        self.wet_energy, self.frames = 0.0, 0
        ends: list[Audio] = []
        for heard in sounds:
            self._add(heard)
            end = heard.dry[max(0, len(heard.dry) - length + 1) :]
            loud = SILENT * float(np.sqrt(np.mean(np.square(heard.dry)) + 1e-30))
            if len(end) and float(np.abs(end).max()) > loud:
                ends.append(np.pad(end, (length - 1 - len(end), 0)))
        ring = np.zeros(self.size)
        ring[:length] = self.auto
        ring[self.size - length + 1 :] = self.auto[:0:-1]
        self._spectrum = fft.rfft(ring)
        self._ends = fft.rfft(np.asarray(ends, np.float32), self.size) if ends else None

    def _add(self, heard: Heard) -> None:
        dry, wet = heard.dry.astype(np.float64), heard.wet.astype(np.float64)
        size = fft.next_fast_len(len(dry) + self.length, real=True)
        x, y = fft.rfft(dry, size), fft.rfft(wet, size)
        self.auto += fft.irfft(np.square(x.real) + np.square(x.imag), size)[: self.length]
        self.cross += fft.irfft(np.conj(x) * y, size)[: self.length]
        self.wet_energy += float(np.dot(wet, wet))
        self.frames += len(wet)

    def apply(self, taps: Vector) -> Vector:
        """A'A times ``taps`` (up to length,); as many come back."""
        count = len(taps)
        made = fft.irfft(fft.rfft(taps, self.size) * self._spectrum, self.size)[:count]
        if self._ends is None:
            return np.asarray(made)
        beyond = fft.irfft(self._ends * fft.rfft(taps.astype(np.float32), self.size), self.size)
        beyond[:, : self.length - 1] = 0.0
        beyond[:, 2 * self.length - 2 :] = 0.0
        back = np.sum(np.conj(self._ends) * fft.rfft(beyond, axis=1), axis=0)
        return np.asarray(made - fft.irfft(back, self.size)[:count])

    def left(self, taps: Vector) -> float:
        """Error-to-signal ratio of ``taps`` on the sound of the equations."""
        cross = self.cross[: len(taps)]
        energy = self.wet_energy - 2.0 * np.dot(cross, taps) + np.dot(taps, self.apply(taps))
        return float(max(energy, 0.0) / max(self.wet_energy, 1e-30))

    def solve(self, start: Vector, ridge: float, rounds: int, enough: float = 1e-7) -> Vector:
        """Preconditioned conjugate gradients from ``start``, until what is left is ``enough``."""
        count = len(start)
        place = np.arange(count)
        circle = (count - place) * self.auto[:count]
        circle[1:] += place[1:] * self.auto[count - 1 : 0 : -1]
        weights = np.maximum(fft.rfft(circle / count).real, 0.0) + ridge

        def smooth(given: Vector) -> Vector:
            return np.asarray(fft.irfft(fft.rfft(given) / weights, count))

        taps = start.copy()
        target = self.cross[:count]
        rest = target - self.apply(taps) - ridge * taps
        way = near = smooth(rest)
        force, begin = float(np.dot(rest, near)), float(np.dot(target, smooth(target)))
        for _ in range(rounds):
            if force <= enough * enough * begin:
                break
            pushed = self.apply(way) + ridge * way
            step = force / float(np.dot(way, pushed))
            taps += step * way
            rest = rest - step * pushed
            near = smooth(rest)
            force, before = float(np.dot(rest, near)), force
            way = near + force / before * way
        return taps


def identify(sounds: Sequence[Heard], length: int, rounds: int = 40) -> Response | None:
    """The response of ``length`` taps or fewer; None where a sound is silent.

    The ridge is what noise asks for: variance of what is left over mean square of the taps.
    Taps behind the last that stands out of the noise are dropped.
    """
    equations = Normal(sounds, length)
    if equations.auto[0] <= 0.0 or equations.wet_energy <= 0.0:
        return None
    floor = FLOOR_RIDGE * equations.auto[0]
    taps = equations.solve(np.zeros(length), floor, rounds)
    ridge = max(floor, _ridge(equations, taps))
    if ridge > 2.0 * floor:
        taps = equations.solve(taps, ridge, rounds)
    left = equations.left(taps)
    noise = left * equations.wet_energy / equations.frames / equations.auto[0]
    kept = taps[: audible(taps, noise)]
    if len(kept) < 0.9 * len(taps):
        kept = equations.solve(kept, ridge, rounds)
    return Response(kept, equations.left(kept), noise)


def _ridge(equations: Normal, taps: Vector) -> float:
    """Noise variance over tap variance, the ridge of Bayes for white taps."""
    noise = equations.left(taps) * equations.wet_energy / equations.frames
    return noise * len(taps) / max(float(np.dot(taps, taps)), 1e-30)


def audible(taps: Vector, noise: float, dropped: float = 1e-9) -> int:
    """How many taps to keep: those behind are noise, or less than ``dropped`` of the energy.

    The floor is ``noise``, or the level of the last tenth where that no longer falls.
    """
    energy = np.square(taps)
    short = max(1, min(480, len(taps) // 50))
    level = _mean_over(energy, short)
    tenth = max(1, len(taps) // 10)
    last, before = np.median(energy[-tenth:]), np.median(energy[-2 * tenth : -tenth])
    flat = last > 0.7 * before
    floor = max(noise, float(last) / 0.455 if flat else 0.0)  # the median of a squared normal
    rest = np.cumsum(energy[::-1])[::-1]
    needed = int(np.count_nonzero(rest > dropped * rest[0]))
    loud = np.flatnonzero(level > 4.0 * floor)
    if len(loud) == 0 or floor * len(taps) < dropped * rest[0]:
        return max(1, needed)
    return max(1, min(needed, int(loud[-1]) + short))


def _mean_over(energy: Vector, width: int) -> NDArray[np.float64]:
    """Running mean of what follows each place."""
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    ends = np.minimum(np.arange(len(energy)) + width, len(energy))
    return np.asarray((sums[ends] - sums[: len(energy)]) / width)
