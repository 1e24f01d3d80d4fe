"""Sines and angles in float32, in turns: a few multiplications each, so that loops become vectors.

A turn is 2 pi; phases in turns lose nothing when they are wrapped.
"""

from __future__ import annotations

import math

import numpy as np

from engine.kernel import kernel

_ROUND = np.float32(12582912.0)  # 1.5 * 2**23: adding it rounds to a whole number
_HALF, _QUARTER = np.float32(0.5), np.float32(0.25)
_TINY = np.float32(1e-30)


@kernel
def wrapped(x: np.float32) -> np.float32:
    """``x`` turns less whole ones: -0.5 to 0.5."""
    return x - ((x + _ROUND) - _ROUND)


@kernel
def sine(x: np.float32) -> np.float32:
    """Sine of ``x`` turns, -0.5 to 0.5, within 3e-7: Taylor's series over a quarter."""
    side = abs(x)
    y = min(side, _HALF - side)
    z = y * y
    p = np.float32(-15.0946426)
    p = p * z + np.float32(42.0586939)
    p = p * z + np.float32(-76.7058598)
    p = p * z + np.float32(81.6052493)
    p = p * z + np.float32(-41.3417022)
    p = p * z + np.float32(6.28318531)
    return math.copysign(p * y, x)


@kernel
def cosine(x: np.float32) -> np.float32:
    """Cosine of ``x`` turns, -0.5 to 0.5, within 3e-7."""
    return sine(_QUARTER - abs(x))


@kernel
def angle(y: np.float32, x: np.float32) -> np.float32:
    """The direction of (x, y) in turns, -0.5 to 0.5, within 2e-6; 0 for (0, 0).

    Abramowitz and Stegun, Handbook of Mathematical Functions, 4.4.49.
    """
    a, b = abs(x), abs(y)
    t = min(a, b) / max(max(a, b), _TINY)
    z = t * t
    p = np.float32(0.0208351 / (2.0 * math.pi))
    p = p * z + np.float32(-0.0851330 / (2.0 * math.pi))
    p = p * z + np.float32(0.1801410 / (2.0 * math.pi))
    p = p * z + np.float32(-0.3302995 / (2.0 * math.pi))
    p = p * z + np.float32(0.9998660 / (2.0 * math.pi))
    r = p * t
    r = _QUARTER - r if b > a else r
    r = _HALF - r if x < np.float32(0.0) else r
    return math.copysign(r, y)


__all__ = ["angle", "cosine", "sine", "wrapped"]
