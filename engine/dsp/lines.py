"""Delay lines and what moves their heads.

A line is a row of 2**n + 3 samples: a ring and, so that four samples in a row are never cut, its
first three samples again at its end. ``now`` is where the current frame belongs in the ring.
"""

from typing import Any

import numpy as np

from engine.dsp.approx import exp2
from engine.kernel import kernel

GUARD = 3
NEAREST = 2
"""Frames: the shortest delay that reads only what was written before this frame."""


def line_frames(longest: float) -> int:
    """Samples of a line that can be read ``longest`` frames back, in chunks of 64."""
    return (1 << int(longest + 64 + 2 * GUARD).bit_length()) + GUARD


@kernel
def put(line: Any, now: int, sound: Any, count: int) -> None:
    """Write ``count`` frames of ``sound`` from ``now`` on."""
    size = line.shape[0] - GUARD
    first = now & (size - 1)
    whole = min(count, size - first)
    head = line[first : first + whole]
    for i in range(whole):
        head[i] = sound[i]
    rest = sound[whole:count]
    for i in range(count - whole):
        line[i] = rest[i]
    if first < GUARD or whole < count:
        for i in range(GUARD):
            line[size + i] = line[i]


@kernel
def take_whole(line: Any, now: int, delay: int, out: Any, count: int) -> None:
    """Read ``count`` frames of ``out``, all ``delay`` whole frames back."""
    size = line.shape[0] - GUARD
    first = (now - delay) & (size - 1)
    part = min(count, size - first)
    x = line[first : first + part]
    for i in range(part):
        out[i] = x[i]
    rest = out[part:count]
    for i in range(count - part):
        rest[i] = line[i]


@kernel
def cubic(a: float, b: float, c: float, d: float, f: float) -> float:
    """Lagrange's cubic through ``a`` to ``d``, at ``f`` in [0, 1) between ``b`` and ``c``.

    Never louder than what it reads, at any frequency: loops around it stay stable.
    """
    one, two, third = np.float32(1.0), np.float32(2.0), np.float32(1.0 / 3.0)
    half = np.float32(0.5)
    up, down, far = f + one, f - one, f - two
    middle = half * down * far * up * b - half * up * f * far * c
    return middle + half * third * (up * f * down * d - f * down * far * a)


@kernel
def take_still(line: Any, now: int, delay: float, out: Any, count: int) -> None:
    """Read ``count`` frames of ``out``, all ``delay`` frames back."""
    size = line.shape[0] - GUARD
    whole = int(delay)
    f = np.float32(delay - whole)
    first = (now - whole - 2) & (size - 1)
    part = min(count, size - first)
    x = line[first : first + part + GUARD]
    for i in range(part):
        out[i] = cubic(x[i + 3], x[i + 2], x[i + 1], x[i], f)
    rest = out[part:count]
    for i in range(count - part):
        rest[i] = cubic(line[i + 3], line[i + 2], line[i + 1], line[i], f)


@kernel
def take(line: Any, now: int, delay: Any, out: Any, count: int, wholes: Any, parts: Any) -> None:
    """Read ``count`` frames of ``out``, frame i ``delay[i]`` frames back.

    ``wholes`` (int32) and ``parts`` (float32) are 64 to work in. A head moves slowly against the
    sound, so frames come in runs with one whole delay, and a run is read along memory: at a
    hundredth of a frame a frame in two thirds of the time of reading each on its own.
    """
    size = line.shape[0] - GUARD
    one, unequal = np.int32(delay[0]), np.int32(0)
    for i in range(count):
        whole = np.int32(delay[i])
        wholes[i], parts[i] = whole, np.float32(delay[i] - whole)
        unequal |= whole ^ one
    begin = 0
    if abs(wholes[count - 1] - one) > count // 4:  # runs of a few frames: rather one by one
        while begin < count:
            k = np.uint32((now + begin - wholes[begin] - 2) & (size - 1))
            a, b = line[k + np.uint32(3)], line[k + np.uint32(2)]
            c, d = line[k + np.uint32(1)], line[k]
            out[begin] = cubic(a, b, c, d, parts[begin])
            begin += 1
    while begin < count:
        whole = wholes[begin]
        end = begin + 1
        if unequal == 0:
            end = count
        while end < count and wholes[end] == whole:
            end += 1
        first = (now + begin - whole - 2) & (size - 1)
        run = min(end - begin, size - first)
        x, y = line[first : first + run + GUARD], out[begin : begin + run]
        f = parts[begin : begin + run]
        for i in range(run):
            y[i] = cubic(x[i + 3], x[i + 2], x[i + 1], x[i], f[i])
        begin += run


@kernel
def nearest(delay: Any, count: int) -> int:
    """The whole frames of the shortest of ``count`` delays, or 65."""
    least = np.int32(65)
    for i in range(count):
        least = min(least, np.int32(delay[i]))
    return least


@kernel
def sine(turn: float) -> float:
    """sin(2 pi ``turn``) within 0.001, for ``turn`` above -1000: two parabolas, sharpened."""
    two = np.float32(2.0)
    one = np.float32(1.0)
    t = two * (turn - np.float32(np.floor(turn))) - one
    y = np.float32(-4.0) * t * (one - abs(t))
    return y * (np.float32(0.775) + np.float32(0.225) * abs(y))


@kernel
def turns(phase: int, rate: float, step: float, at: int, out: Any, count: int) -> int:
    """Fill ``out`` with an oscillator's turns in [0, 1); returns its phase after ``count``.

    ``rate`` and ``step`` are a ramp in turns a frame, times 2**32; phases are whole numbers, so
    it does not matter where a chunk ends.
    """
    unit = np.float32(1.0 / 16777216.0)
    if step == np.float32(0.0):
        pace = int(rate)
        for i in range(count):
            out[i] = np.float32(np.int32((phase + pace * i) >> 8 & 0xFFFFFF)) * unit
        return (phase + pace * count) & 0xFFFFFFFF
    for i in range(count):
        out[i] = np.float32(np.int32(phase >> 8 & 0xFFFFFF)) * unit
        phase += int(rate + step * np.float32(at + i + 1))
    return phase & 0xFFFFFFFF


@kernel
def share(hz: float, per_hz: float) -> float:
    """What a one-pole filter takes of each sample, for ``hz``; ``per_hz`` is ``share_per``."""
    return np.float32(1.0) - exp2(np.float32(-hz * per_hz))


def share_per(rate: float) -> float:
    """The second argument of ``share``."""
    return float(2.0 * np.pi / rate / np.log(2.0))
