"""Fits the numbers of a box to sound: Gauss-Newton with the linear gains eliminated.

What comes out is modelled as a filter over the dry sound plus a filter over what the box makes of
it. For given numbers of the box both filters are linear least squares, so only those numbers are
searched for: variable projection (Golub and Pereyra, The differentiation of pseudo-inverses and
nonlinear least squares problems whose variables separate, SIAM J. Numer. Anal. 10, 1973), with
Kaufman's shorter Jacobian and the damping of Levenberg and Marquardt. The compiled box itself is
differentiated, by differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from engine.boxes import Box, BoxError, play

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

RIDGE = 1e-8  # of each column's energy: enough to solve, too little to hear
SLOWEST = 6.0  # time constants of the slowest pole that its response is written out for


@dataclass(frozen=True)
class Sound:
    """What went in, row 0 the sound and then the controls (1 + controls, frames), and came out.

    Frames before ``first`` are played but not fitted.
    """

    rows: NDArray[np.float32]
    wet: Vector
    first: int = 0


@dataclass(frozen=True)
class Basis:
    """A filter as ``taps`` free taps, then one-pole decays of ``slow`` frames each.

    The decays are what coupling capacitors add at low frequencies, where free taps would need
    to be a thousand.
    """

    taps: int = 1
    slow: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many gains it has."""
        return self.taps + len(self.slow)

    def columns(self, sound: Vector) -> Matrix:
        """The sound through each part: (frames, size)."""
        made = np.zeros((len(sound), self.size))
        for k in range(self.taps):
            made[k:, k] = sound[: len(sound) - k]
        late = np.zeros(len(sound))
        late[self.taps :] = sound[: len(sound) - self.taps]
        for k, tau in enumerate(self.slow):
            made[:, self.taps + k] = lfilter([1.0 / tau], [1.0, -np.exp(-1.0 / tau)], late)
        return made

    def response(self, gains: Vector) -> NDArray[np.float32]:
        """The whole filter's impulse response."""
        longest = int(SLOWEST * max(self.slow, default=0.0))
        impulse = np.zeros(self.taps + longest)
        impulse[0] = 1.0
        response: NDArray[np.float32] = (self.columns(impulse) @ gains).astype(np.float32)
        return response


@dataclass(frozen=True)
class Model:
    """How a vector of numbers becomes a box whose sound is added to the dry sound.

    ``make`` may raise BoxError where there is no such box. ``steps`` are the differences used
    for derivatives.
    """

    make: Callable[[Vector], Box]
    steps: Vector
    dry: Basis = field(default_factory=Basis)
    wet: Basis = field(default_factory=Basis)


@dataclass(frozen=True)
class Fitted:
    """The numbers that fit best, the gains of the two filters, and the error that is left."""

    numbers: Vector
    dry: Vector
    wet: Vector
    esr: float


@dataclass(frozen=True)
class _Solved:
    heard: list[Vector]  # what the box made of each sound
    columns: list[Matrix]
    gram: Matrix
    gains: Vector
    error: float


def fit(
    model: Model,
    sounds: Sequence[Sound],
    sample_rate: int,
    start: Vector,
    rounds: int = 12,
    enough: float = 2e-3,
) -> Fitted:
    """Walk from ``start`` to the numbers that explain ``sounds`` best.

    Ends after ``rounds``, or when a round takes less than the share ``enough`` off the error.
    """
    numbers = np.array(start, np.float64)
    still = [model.dry.columns(sound.rows[0].astype(np.float64)) for sound in sounds]
    energy = sum(float(np.sum(sound.wet[sound.first :] ** 2)) for sound in sounds)
    now = _solve(model, sounds, still, sample_rate, numbers)
    damping = 1e-2
    for _ in range(rounds):
        curvature, slope = _linearise(model, sounds, sample_rate, numbers, now)
        better = None
        for _ in range(7):
            try:
                step = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), slope)
                tried = _solve(model, sounds, still, sample_rate, numbers + step)
            except (BoxError, np.linalg.LinAlgError):
                damping *= 10.0
                continue
            if tried.error < now.error:
                better = tried
                break
            damping *= 10.0
        if better is None:
            break
        gained = (now.error - better.error) / now.error
        numbers, now, damping = numbers + step, better, max(damping / 5.0, 1e-9)
        if gained < enough:
            break
    size = model.dry.size
    return Fitted(numbers, now.gains[:size], now.gains[size:], now.error / max(energy, 1e-30))


def _solve(
    model: Model, sounds: Sequence[Sound], still: list[Matrix], sample_rate: int, numbers: Vector
) -> _Solved:
    """The gains of both filters by least squares, for given numbers of the box."""
    box = model.make(numbers)
    heard, columns = [], []
    gram = np.zeros((model.dry.size + model.wet.size,) * 2)
    target = np.zeros(len(gram))
    for sound, part in zip(sounds, still, strict=True):
        made = heard_by(box, sound, sample_rate)
        both = np.concatenate([part, model.wet.columns(made)], axis=1)
        counted = both[sound.first :]
        gram = gram + counted.T @ counted
        target = target + counted.T @ sound.wet[sound.first :]
        heard.append(made)
        columns.append(both)
    gram = gram + np.diag(RIDGE * np.diag(gram) + 1e-20)
    gains = np.linalg.solve(gram, target)
    error = 0.0
    for sound, both in zip(sounds, columns, strict=True):
        error += float(np.sum((sound.wet - both @ gains)[sound.first :] ** 2))
    if not np.isfinite(error):
        raise BoxError("a box of these numbers is not finite")
    return _Solved(heard, columns, gram, np.asarray(gains, np.float64), error)


def _linearise(
    model: Model, sounds: Sequence[Sound], sample_rate: int, numbers: Vector, now: _Solved
) -> tuple[Matrix, Vector]:
    """J'J and J'r of what the gains cannot follow."""
    boxes = []
    for k, step in enumerate(model.steps):
        moved = numbers.copy()
        moved[k] += step
        boxes.append(_made(model, moved))
    wet = now.gains[model.dry.size :]
    curvature, slope = np.zeros((len(boxes),) * 2), np.zeros(len(boxes))
    cross = np.zeros((len(now.gains), len(boxes)))
    for sound, heard, columns in zip(sounds, now.heard, now.columns, strict=True):
        slopes = np.zeros((len(heard), len(boxes)))
        for k, box in enumerate(boxes):
            if box is not None:
                change = heard_by(box, sound, sample_rate) - heard
                slopes[:, k] = model.wet.columns(change / model.steps[k]) @ wet
        slopes, counted = slopes[sound.first :], columns[sound.first :]
        left = sound.wet[sound.first :] - counted @ now.gains
        curvature = curvature + slopes.T @ slopes
        cross = cross + counted.T @ slopes
        slope = slope + slopes.T @ left
    curvature = curvature - cross.T @ np.linalg.solve(now.gram, cross)
    return curvature + np.diag(np.full(len(boxes), 1e-15)), slope


def heard_by(box: Box, sound: Sound, sample_rate: int) -> Vector:
    """What a box makes of the sound and of as many controls as it hears."""
    return play(box, sound.rows[: 1 + box.controls], sample_rate).astype(np.float64)


def _made(model: Model, numbers: Vector) -> Box | None:
    try:
        return model.make(numbers)
    except BoxError:
        return None
