"""LFOs in pairs of sound: how fast, in which phase, and how to bring a model in step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.boxes import play
from engine.boxes.lfo import Swept, advanced

Vector = NDArray[np.float64]
Moving = TypeVar("Moving", bound=Swept)

SLOWEST_HZ = 0.05
FASTEST_HZ = 12.0
LEAST_PERIODS = 1.3  # that must be heard: of less, any movement could be a part
STILL = 1e-12  # of the energy: what moves less is rounding
NEARLY = 0.97  # of the best: a faster rate that explains this much is the rate, not its half


@dataclass(frozen=True)
class Track:
    """Something seen to sway: at ``seconds`` (m,), ``values`` and ``weights`` (m, features)."""

    seconds: Vector
    values: NDArray[np.float64]
    weights: NDArray[np.float64]

    def joined(self, other: Track) -> Track:
        """Both; seconds count from each file's beginning, where the LFO is at its reset."""
        return Track(
            np.concatenate([self.seconds, other.seconds]),
            np.concatenate([self.values, other.values]),
            np.concatenate([self.weights, other.weights]),
        )


@dataclass(frozen=True)
class Sway:
    """A rate, the Fourier coefficients at it (1 + 2 harmonics, features), and what they explain.

    Row 0 is the mean, then sine and cosine of each harmonic.
    """

    rate_hz: float
    coefficients: NDArray[np.float64]
    explained: float

    def phase(self, feature: int = 0) -> float:
        """The phase in turns, at second 0, of the first harmonic as a sine."""
        sine, cosine = self.coefficients[1, feature], self.coefficients[2, feature]
        return float(np.arctan2(cosine, sine) / (2.0 * np.pi)) % 1.0

    def depth(self, feature: int = 0) -> float:
        """The amplitude of the first harmonic."""
        return float(np.hypot(self.coefficients[1, feature], self.coefficients[2, feature]))

    def points(self, count: int, feature: int = 0) -> Vector:
        """One period from second 0 on, at ``count`` evenly spaced turns."""
        waves = _waves(np.arange(count) / count, 1.0, (len(self.coefficients) - 1) // 2)
        points: Vector = waves @ self.coefficients[:, feature]
        return points


def find_sway(track: Track, harmonics: int = 2, slowest_hz: float = SLOWEST_HZ) -> Sway:
    """The rate whose Fourier series explains most of what sways: a weighted periodogram.

    Half the true rate explains as much with twice the harmonics, so the fastest rate of those
    that explain nearly the most is taken. Of a track that is too short it explains nothing.
    """
    longest = float(np.ptp(track.seconds)) if len(track.seconds) else 0.0
    slowest = max(slowest_hz, LEAST_PERIODS / max(longest, 1e-9))
    if slowest >= FASTEST_HZ:  # too short to see anything sway
        return Sway(FASTEST_HZ, np.zeros((1 + 2 * harmonics, track.values.shape[1])), 0.0)
    rates = np.arange(slowest, FASTEST_HZ, 0.2 / longest)
    found = [sway_at(track, rate, harmonics) for rate in rates]
    explained = np.array([sway.explained for sway in found])
    most = float(explained.max())  # below 0 where nothing sways
    good = np.flatnonzero(explained >= most - (1.0 - NEARLY) * abs(most))
    last = good[-1]
    near = [k for k in good if abs(rates[k] - rates[last]) <= 1.0 / longest]
    at = max(near, key=lambda k: explained[k])
    fine = np.linspace(rates[at] - 0.25 / longest, rates[at] + 0.25 / longest, 21)
    return max((sway_at(track, max(r, 1e-3), harmonics) for r in fine), key=lambda s: s.explained)


def sway_at(track: Track, rate: float, harmonics: int) -> Sway:
    """The Fourier series of a track at one rate, by weighted least squares."""
    waves = _waves(track.seconds, rate, harmonics)
    weighted = track.weights[:, :, None] * waves[:, None, :]  # (m, features, basis)
    gram = np.einsum("mfi,mj->fij", weighted, waves)
    gram += np.eye(waves.shape[1]) * (1e-6 * np.einsum("fii->f", gram)[:, None, None] + 1e-12)
    target = np.einsum("mfi,mf->fi", weighted, track.values)
    coefficients = np.linalg.solve(gram, target[:, :, None])[:, :, 0].T
    left = np.sum(track.weights * (track.values - waves @ coefficients) ** 2)
    mean = np.sum(track.weights * track.values, 0) / np.maximum(np.sum(track.weights, 0), 1e-12)
    whole = np.sum(track.weights * (track.values - mean) ** 2)
    moves = whole > STILL * np.sum(track.weights * track.values**2)
    return Sway(float(rate), coefficients, float(1.0 - left / whole) if moves else 0.0)


def _waves(seconds: Vector, rate: float, harmonics: int) -> NDArray[np.float64]:
    rows = [np.ones(len(seconds))]
    for k in range(1, harmonics + 1):
        angle = 2.0 * np.pi * rate * k * seconds
        rows += [np.sin(angle), np.cos(angle)]
    return np.stack(rows, axis=1)


def synchronise(
    box: Moving,
    dry: NDArray[np.float32],
    wet: NDArray[np.float32],
    sample_rate: int,
    seconds: float = 2.0,
    begin: int = 0,
) -> Moving:
    """``box`` with the phase at which it imitates a pair best whose LFO began anywhere.

    Listens to ``seconds`` of the pair from frame ``begin`` on; the phase found is that at the
    pair's first frame.
    """
    stop = min(len(dry), begin + round(seconds * sample_rate))
    heard, aim = dry[:stop], wet[begin:stop].astype(np.float64)

    def apart(phase: float) -> float:
        made = play(replace(box, phase=phase % 1.0), heard, sample_rate)[begin:]
        return float(np.sum((aim - made) ** 2))

    grid = np.arange(64) / 64.0
    best, step = float(min(grid, key=apart)), 1.0 / 64.0
    for _ in range(18):  # a parabola or, where it has none, the better side: 64 * 3**18
        sides = [best - step, best, best + step]
        errors = [apart(phase) for phase in sides]
        bend = errors[0] - 2.0 * errors[1] + errors[2]
        top = best + 0.5 * step * (errors[0] - errors[2]) / bend if bend > 0.0 else best
        tried = [*sides, min(max(top, best - step), best + step)]
        best = min(tried, key=apart)
        step /= 3.0
        if step < 1e-8:
            break
    return replace(box, phase=best % 1.0)


__all__ = ["Sway", "Track", "advanced", "find_sway", "synchronise"]
