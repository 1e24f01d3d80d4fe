"""Fourier transforms by address: compiled once for all kernels here that need one.

The passes are engine.dsp.fft's. Written into every kernel that transforms, their loops would be
compiled a dozen times over, and a first start would take a minute.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import native
from engine.dsp.fft import column_passes, fft_pass, passes
from engine.kernel import kernel
from engine.native_calls import run_network

TO_SPECTRUM, TO_SOUND, PLAIN, BACK = range(4)
"""Real to spectrum, spectrum to real, complex, and the inverse of complex columns, not scaled."""
CODE, POINTS, STEPS, STEPS_AT, TWIDDLE_AT, TWIDDLES, TURN_AT, WORK_AT = range(8)
Arrays = dict[str, npt.NDArray[Any]]


def real_transform(points: int, prefix: str) -> Arrays:
    """State arrays for ``to_spectrum`` and ``to_sound`` of ``points`` real numbers, 128 to 8192."""
    half = points // 2
    turn = np.exp(-2j * np.pi / points * np.arange(half + 1))
    return {
        **_arrays(prefix, half, *passes(half)),
        f"{prefix}turn": np.array([turn.real, turn.imag], np.float32),
        f"{prefix}work": np.zeros((4, half), np.float32),
    }


def complex_transform(points: int, prefix: str) -> Arrays:
    """State arrays for ``plain``."""
    return _arrays(prefix, points, *passes(points))


def column_transform(points: int, columns: int, prefix: str) -> Arrays:
    """State arrays for ``back``: ``columns`` transforms of ``points`` side by side."""
    return _arrays(prefix, points * columns, *column_passes(points, columns))


def _arrays(prefix: str, points: int, steps: Any, twiddle: Any) -> Arrays:
    order = np.zeros(8, np.int64)
    order[[CODE, POINTS, STEPS, TWIDDLES]] = address(), points, len(steps), twiddle.shape[1]
    return {f"{prefix}order": order, f"{prefix}steps": steps, f"{prefix}twiddle": twiddle}


@kernel
def to_spectrum(order: Any, steps: Any, twiddle: Any, turn: Any, work: Any, x: Any, y: Any) -> None:
    """Spectrum ``y`` (2, points / 2 + 1), real and imaginary rows, of ``x`` (points,)."""
    order[TURN_AT], order[WORK_AT] = turn.ctypes.data, work.ctypes.data
    call(order, steps, twiddle, x.ctypes.data, y.ctypes.data, TO_SPECTRUM)


@kernel
def to_sound(order: Any, steps: Any, twiddle: Any, turn: Any, work: Any, x: Any, y: Any) -> None:
    """The sound ``y`` (points,) whose spectrum is ``x``, scaled."""
    order[TURN_AT], order[WORK_AT] = turn.ctypes.data, work.ctypes.data
    call(order, steps, twiddle, x.ctypes.data, y.ctypes.data, TO_SOUND)


@kernel
def plain(order: Any, steps: Any, twiddle: Any, x: Any, y: Any) -> None:
    """Transform of ``x`` (2, points) into ``y``; ``x`` is lost."""
    call(order, steps, twiddle, x.ctypes.data, y.ctypes.data, PLAIN)


@kernel
def back(order: Any, steps: Any, twiddle: Any, work: Any) -> int:
    """Inverse of ``work[:2]``, columns; not scaled. Returns the row that it begins in: 0 or 2."""
    call(order, steps, twiddle, work.ctypes.data, work[2].ctypes.data, BACK)
    return 2 if steps.shape[0] % 2 == 1 else 0


@kernel
def call(order: Any, steps: Any, twiddle: Any, x: int, y: int, mode: int) -> None:
    """Tell the code where all lies, and run it."""
    order[STEPS_AT], order[TWIDDLE_AT] = steps.ctypes.data, twiddle.ctypes.data
    run_network(order[CODE], order.ctypes.data, x, y, mode)


@kernel
def run(
    order: Any, steps: Any, twiddle: Any, turn: Any, work: Any, x: Any, y: Any, mode: int
) -> None:
    """All modes, with one place where passes are made."""
    points = order[POINTS]
    ar, ai, br, bi = work[0], work[1], work[2], work[3]
    if mode == TO_SPECTRUM:
        for i in range(points):
            ar[i], ai[i] = x[2 * i], x[2 * i + 1]
    elif mode == TO_SOUND:
        fold(x, turn, ar, ai, points)
        ar, ai, br, bi = ai, ar, bi, br
    elif mode == PLAIN:
        ar, ai, br, bi = x[:points], x[points : 2 * points], y[:points], y[points : 2 * points]
    else:
        ai, ar, bi, br = x[:points], x[points : 2 * points], y[:points], y[points : 2 * points]
    for k in range(order[STEPS]):
        fft_pass(steps, k, twiddle, ar, ai, br, bi)
        ar, ai, br, bi = br, bi, ar, ai
    if mode == TO_SPECTRUM:
        unfold(work[2], work[3], turn, y, points)
    elif mode == TO_SOUND:
        for i in range(points):
            y[2 * i], y[2 * i + 1] = work[2, i], work[3, i]


@kernel
def unfold(zr: Any, zi: Any, turn: Any, y: Any, half: int) -> None:
    """The spectrum of real numbers from that of pairs of them; as engine.dsp.fft.rfft."""
    half_of = np.float32(0.5)
    re, im = y[: half + 1], y[half + 1 : 2 * half + 2]
    for k in range(1, half):
        er, ei = half_of * (zr[k] + zr[half - k]), half_of * (zi[k] - zi[half - k])
        dr, di = half_of * (zi[k] + zi[half - k]), half_of * (zr[half - k] - zr[k])
        re[k] = er + dr * turn[0, k] - di * turn[1, k]
        im[k] = ei + dr * turn[1, k] + di * turn[0, k]
    re[0], im[0] = zr[0] + zi[0], np.float32(0.0)
    re[half], im[half] = zr[0] - zi[0], np.float32(0.0)


@kernel
def fold(x: Any, turn: Any, ar: Any, ai: Any, half: int) -> None:
    """The other way, scaled; as engine.dsp.fft.irfft."""
    scale = np.float32(0.5) / np.float32(half)
    sr, si = x[: half + 1], x[half + 1 : 2 * half + 2]
    for k in range(half):
        er, ei = sr[k] + sr[half - k], si[k] - si[half - k]
        dr, di = sr[k] - sr[half - k], si[k] + si[half - k]
        ur, ui = dr * turn[0, k] + di * turn[1, k], di * turn[0, k] - dr * turn[1, k]
        ar[k], ai[k] = scale * (er - ui), scale * (ei + ur)


@cache
def address() -> int:
    """Address of the code: (order, x, y, mode)."""
    key = f"{run.fingerprint()} {native.digest(Path(__file__))}"
    return native.load("sampler-fourier", key, _build, tell=False)


def _build() -> bytes:
    from numba import carray, types

    from engine.compiler import compile_function, dispatcher, pointer

    whole, f4, i8 = dispatcher(run), np.float32, np.int64

    def entry(order: Any, x: Any, y: Any, mode: Any) -> None:
        o = carray(pointer(order), 8, i8)
        points, columns = o[POINTS], o[TWIDDLES]
        steps = carray(pointer(o[STEPS_AT]), (o[STEPS], 4), i8)
        twiddle = carray(pointer(o[TWIDDLE_AT]), (2, columns), f4)
        real = mode in (TO_SPECTRUM, TO_SOUND)
        turn = carray(pointer(o[TURN_AT] if real else x), (2, points + 1 if real else 1), f4)
        work = carray(pointer(o[WORK_AT] if real else x), (4, points if real else 1), f4)
        a = carray(pointer(x), 2 * points + 2, f4)
        b = carray(pointer(y), 2 * points + 2, f4)
        whole(o, steps, twiddle, turn, work, a, b, mode)

    return compile_function(entry, *[types.intp] * 4)


__all__ = ["back", "column_transform", "complex_transform", "plain", "real_transform", "to_sound",
           "to_spectrum"]  # fmt: skip
