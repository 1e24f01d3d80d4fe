"""Logarithm and exponential in float32: a few multiplications, the same on every processor.

They have no branch and no table, so a loop over frames becomes vector code.
"""

import math

import numpy as np

from engine.kernel import kernel

LOG2_PER_DB = 0.16609640474436813  # log2(10) / 20
DB_PER_LOG2 = 6.020599913279624

_ROUND = np.float32(12582912.0)  # 1.5 * 2**23: adding it rounds to a whole number
_HALF_ROOT = np.int32(0x3F3504F3)  # the bits of sqrt(0.5)


@kernel
def exp2(x: np.float32) -> np.float32:
    """2 to the power ``x``, within 2e-7 of it; exact for whole ``x``; held to 2**+-126.

    A Chebyshev fit of (2**f - 1) / f over half a step on either side of a whole number.
    """
    x = min(np.float32(126.0), max(np.float32(-126.0), x))
    shifted = x + _ROUND
    f = x - (shifted - _ROUND)
    p = np.float32(1.5461447e-4)
    p = p * f + np.float32(1.3390867e-3)
    p = p * f + np.float32(9.6180567e-3)
    p = p * f + np.float32(5.5503571e-2)
    p = p * f + np.float32(2.4022651e-1)
    p = p * f + np.float32(6.9314719e-1)
    p = p * f + np.float32(1.0)
    bits = np.int64(np.float32(p).view(np.int32)) + (
        np.int64(np.float32(shifted).view(np.int32)) << 23
    )
    return np.int32(bits & 0xFFFFFFFF).view(np.float32)


@kernel
def log2(x: np.float32) -> np.float32:
    """Logarithm of ``x`` > 0 to base 2, within 2e-7 of it or of 1; exact for powers of two.

    With s = (m - 1) / (m + 1) the series 2 artanh(s) / ln 2 needs four terms for m within
    a factor sqrt(2) of 1; the first one left out is under 5e-8.
    """
    bits = np.float32(x).view(np.int32)
    exponent = np.int32(bits - _HALF_ROOT) >> np.int32(23)
    m = np.int32(bits - (exponent << np.int32(23))).view(np.float32)
    s = (m - np.float32(1.0)) / (m + np.float32(1.0))
    z = s * s
    p = np.float32(0.41219858)
    p = p * z + np.float32(0.57707802)
    p = p * z + np.float32(0.96179669)
    p = p * z + np.float32(2.8853901)
    return np.float32(exponent) + p * s


@kernel
def gain_of(db: np.float32) -> np.float32:
    """The factor that changes a level by ``db`` decibels; exactly 1 at 0."""
    return exp2(db * np.float32(LOG2_PER_DB))


@kernel
def gain_or_off(db: np.float32) -> np.float32:
    """As ``gain_of``, for a knob whose lowest place, -60 dB, is silence."""
    if db <= np.float32(-59.99):
        return np.float32(0.0)
    return gain_of(db)


@kernel
def db_of(level: np.float32) -> np.float32:
    """``level`` in decibels; -120 for anything softer than that."""
    return log2(max(level, np.float32(1e-6))) * np.float32(DB_PER_LOG2)


@kernel
def step_of(frames: float) -> float:
    """How far a one-pole follower goes in one frame, if ``frames`` is its time constant."""
    return -math.expm1(-1.0 / frames)
