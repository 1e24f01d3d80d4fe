"""Finds compressors: effects that only turn the sound up and down, by its level.

The gain, wet over dry in short blocks, shows the static curve; then the box itself is fitted to
the wet sound from several starts and in all its structures, on the stretches where the gain
moves most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from engine.boxes.compressor import DETECTORS, Compressor
from models.effects.grey import Found
from models.effects.grey.fitting import (
    Heard,
    Vector,
    box_error,
    box_network,
    fit,
    hear_through,
    held_out,
    training,
)
from models.effects.grey.linear import heart
from models.pairs import Pairs

BLOCK = 64
HEARD_DB = -60.0  # below this the dry sound tells nothing of the gain
MOVES_DB = 0.3  # standard deviation of a gain that is called moving
NOT_A_GAIN = 0.03  # share of energy that no gain per block explains, of another kind
LINEAR = 1e-4  # what one impulse response leaves of a linear effect
SLOW_MS = 1.0  # what follows faster, both ways, bends waves: a distortion
GOOD = 0.05
WINDOW_S, WARM_S = 3.0, 0.5
TRAINING_S = 120.0
ATTACKS_MS, RELEASES_MS = (0.3, 3.0, 20.0), (15.0, 60.0, 250.0)
LOW = (-80.0, 0.0, 0.0, -40.0, math.log(1e-3), math.log(0.1))
HIGH = (10.0, 1.0, 30.0, 40.0, math.log(500.0), math.log(5000.0))
"""Of threshold, slope, knee, make-up, and the logarithms of attack and release in ms."""


@dataclass(frozen=True)
class Curve:
    """The static curve as it is seen in block gains."""

    threshold_db: float
    slope: float
    makeup_db: float


def find(pairs: Pairs) -> Found | None:
    """The effect as a compressor; None where it is no gain that moves with the level."""
    if pairs.knobs:
        return None
    rate = pairs.sample_rate
    sounds = training(pairs, TRAINING_S)
    seen = [gains(heard) for heard in sounds]
    unexplained = _unexplained(sounds)
    gain = np.concatenate([np.zeros(0), *(row for _, row in seen)])
    if len(gain) < 100 or unexplained > NOT_A_GAIN or float(np.std(gain)) < MOVES_DB:
        return None
    known = heart(pairs)
    if known is not None and known.response.left < LINEAR:
        return None
    windows = moving(sounds, rate, 3)
    if not windows:
        return None
    curve = static_curve(sounds, rate)
    tried = [_fitted(name, curve, windows, rate) for name in DETECTORS]
    best = min(tried, key=lambda pair: pair[1])[0]
    if max(best.attack_ms, best.release_ms) < SLOW_MS:
        return None
    best = _refined(best, moving(sounds, rate, 4), rate)
    esr = box_error(best, held_out(pairs), rate)
    if not esr <= GOOD:
        return None
    order = sorted(zip(DETECTORS, tried, strict=True), key=lambda item: item[1][1])
    ranking = ", ".join(f"{name} {math.sqrt(item[1]):.2g}" for name, item in order)
    why = (
        f"A gain per millisecond explains all but {unexplained:.2g} of the sound, and it moves by "
        f"{float(np.std(gain)):.1f} dB.",
        f"The static curve bends at {best.threshold_db:.1f} dB, ratio {best.ratio:.3g}, knee "
        f"{best.knee_db:.2g} dB, make-up {best.makeup_db:.2g} dB.",
        f"The gain follows in {best.attack_ms:.3g} ms and comes back in {best.release_ms:.3g} ms; "
        f"relative errors by detector: {ranking}.",
        f"On held-out sound it leaves an error-to-signal ratio of {esr:.2g}.",
    )
    return Found("compressor", box_network(best, rate), why, esr)


def _blocks(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    return sound[: len(sound) // BLOCK * BLOCK].astype(np.float64).reshape(-1, BLOCK)


def gains(heard: Heard) -> tuple[Vector, Vector]:
    """Level of the dry sound and gain, in dB, of the blocks that are loud enough."""
    dry, wet = _blocks(heard.dry), _blocks(heard.wet)
    power = np.mean(np.square(dry), axis=1)
    gain = np.sum(dry * wet, axis=1) / np.maximum(np.sum(np.square(dry), axis=1), 1e-20)
    loud = (power > 10.0 ** (HEARD_DB / 10.0)) & (gain > 1e-4)
    return 10.0 * np.log10(power[loud]), 20.0 * np.log10(gain[loud])


def _unexplained(sounds: Sequence[Heard]) -> float:
    """The share of wet energy that is left when each block has its best gain and slope of it."""
    left, whole = 0.0, 1e-20
    ramp = np.linspace(-1.0, 1.0, BLOCK)
    for heard in sounds:
        dry, wet = _blocks(heard.dry), _blocks(heard.wet)
        a, b = dry, dry * ramp
        aa, ab, bb = (np.sum(p * q, axis=1) for p, q in ((a, a), (a, b), (b, b)))
        aw, bw = np.sum(a * wet, axis=1), np.sum(b * wet, axis=1)
        det = aa * bb - ab * ab + 1e-20
        first, second = (bb * aw - ab * bw) / det, (aa * bw - ab * aw) / det
        rest = wet - first[:, None] * a - second[:, None] * b
        left, whole = left + float(np.sum(np.square(rest))), whole + float(np.sum(np.square(wet)))
    return left / whole


def static_curve(sounds: Sequence[Heard], sample_rate: int) -> Curve:
    """Threshold, slope and make-up that fit block gains best, for the best smoothing of levels."""
    best, answer = math.inf, Curve(-20.0, 0.5, 0.0)
    for smooth_ms in (5.0, 20.0, 80.0):
        keep = math.exp(-1000.0 * BLOCK / (smooth_ms * sample_rate))
        levels, found = [], []
        for heard in sounds:
            dry, wet = _blocks(heard.dry), _blocks(heard.wet)
            power = np.mean(np.square(dry), axis=1)
            gain = np.sum(dry * wet, axis=1) / np.maximum(np.sum(np.square(dry), axis=1), 1e-20)
            loud = (power > 10.0 ** (HEARD_DB / 10.0)) & (gain > 1e-4)
            slow = lfilter([1.0 - keep], [1.0, -keep], power)
            levels.append(10.0 * np.log10(slow[loud] + 1e-20))
            found.append(20.0 * np.log10(gain[loud]))
        level, gain_db = np.concatenate(levels), np.concatenate(found)
        for threshold in np.arange(-70.0, 0.0, 2.0):
            over = np.maximum(level - threshold, 0.0)
            spread = float(np.var(over))
            if spread < 1e-6:
                continue
            slope = -float(np.cov(over, gain_db)[0, 1]) / spread
            makeup = float(np.mean(gain_db) + slope * np.mean(over))
            error = float(np.mean(np.square(gain_db - makeup + slope * over)))
            if error < best and slope > 0.0:
                best, answer = error, Curve(float(threshold), min(slope, 1.0), makeup)
    return answer


def moving(sounds: Sequence[Heard], sample_rate: int, count: int) -> list[Heard]:
    """The ``count`` stretches in which the gain moves most; each begins with a warm-up."""
    size, warm = round(WINDOW_S * sample_rate), round(WARM_S * sample_rate)
    scored: list[tuple[float, Heard]] = []
    for heard in sounds:
        for first in range(0, max(1, len(heard.dry) - size // 2), size):
            dry, wet = heard.dry[first : first + size], heard.wet[first : first + size]
            if first and len(dry) <= 2 * warm:
                continue
            part = Heard(dry, wet, 0 if first == 0 else warm)
            _, gain = gains(part)
            if len(gain) > 20:
                scored.append((float(np.std(gain)) * math.sqrt(len(gain)), part))
    scored.sort(key=lambda item: -item[0])
    return [part for _, part in scored[:count]]


def _box(detector: str, numbers: Vector) -> Compressor:
    threshold, slope, knee, makeup, attack, release = (float(number) for number in numbers)
    return Compressor(detector, threshold, slope, knee, makeup, math.exp(attack), math.exp(release))


def _residual(box: Compressor, windows: Sequence[Heard], sample_rate: int) -> Vector:
    """What a box leaves, each stretch over the root of its energy."""
    rest = []
    for heard in windows:
        made = hear_through(box, heard.dry, sample_rate)[heard.first :]
        apart = (made - heard.counted).astype(np.float64)
        rest.append(apart / math.sqrt(float(np.sum(np.square(heard.counted))) + 1e-12))
    return np.concatenate(rest) / math.sqrt(len(rest))


def _fitted(
    detector: str, curve: Curve, windows: Sequence[Heard], sample_rate: int
) -> tuple[Compressor, float]:
    """The best box of one structure, and the mean error-to-signal ratio it leaves."""

    def forward(numbers: Vector) -> Vector:
        return _residual(_box(detector, numbers), windows, sample_rate)

    starts = [
        np.array(
            [curve.threshold_db + up, curve.slope, 2.0, curve.makeup_db, *map(math.log, times)]
        )
        for up in (0.0, 5.0)
        for times in ((a, r) for a in ATTACKS_MS for r in RELEASES_MS)
    ]
    few = windows[:1]
    starts.sort(
        key=lambda start: float(
            np.sum(np.square(_residual(_box(detector, start), few, sample_rate)))
        )
    )
    numbers, error = fit(forward, starts[0], LOW, HIGH, 8)
    return _box(detector, numbers), error


def _refined(box: Compressor, windows: Sequence[Heard], sample_rate: int) -> Compressor:
    """The same structure, fitted to more sound."""
    start = [box.threshold_db, box.slope, box.knee_db, box.makeup_db]
    start += [math.log(box.attack_ms), math.log(box.release_ms)]

    def forward(numbers: Vector) -> Vector:
        return _residual(_box(box.detector, numbers), windows, sample_rate)

    return _box(box.detector, fit(forward, start, LOW, HIGH, 12)[0])
