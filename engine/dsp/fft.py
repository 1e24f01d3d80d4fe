"""Fast Fourier transforms for kernels: tables made in Python, passes that run in place of a call.

A transform of N = N1 * N2 points is N2 column transforms of N1 points, a twist, a transpose and
N1 column transforms of N2 points (Bailey, FFTs in external or hierarchical memory, 1990). Columns
are transformed side by side by Stockham passes of radix 4 and 2, so that every inner loop runs
along memory and vectorises. Real and imaginary parts are separate rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

TRANSPOSE = 1
"""The kind of a pass that is not a radix."""


def passes(size: int, kind: npt.DTypeLike = np.float32) -> tuple[Ints, npt.NDArray[Any]]:
    """Passes and twiddles (2, ...) of a complex transform of numbers of ``kind``.

    A pass is a row: kind, groups, stride, first twiddle.
    ``size`` is a power of two, 8 to 8192. The number of passes is odd, so the result of a
    transform from ``x`` to ``y`` that goes to and fro ends in ``y``.
    """
    bits = size.bit_length() - 1
    if not 8 <= size <= 8192 or size != 1 << bits:
        raise ValueError(f"{size} points is not a power of two from 8 to 8192")
    rows, columns = 1 << bits // 2, 1 << (bits - bits // 2)
    first, second = _radices(rows), _radices(columns)
    if (len(first) + len(second)) % 2:
        part = first if 4 in first else second
        part[part.index(4) : part.index(4) + 1] = [2, 2]
    steps: list[tuple[int, int, int, int]] = []
    twiddles: list[npt.NDArray[np.complex128]] = []
    _columns(rows, columns, first, steps, twiddles)
    turn = np.exp(-2j * np.pi / size * np.outer(np.arange(rows), np.arange(columns)))
    steps.append((TRANSPOSE, rows, columns, sum(map(len, twiddles))))
    twiddles.append(turn.ravel())
    _columns(columns, rows, second, steps, twiddles)
    flat = np.concatenate(twiddles)
    return np.array(steps, np.int64), np.array([flat.real, flat.imag], kind)


def column_passes(points: int, stride: int) -> tuple[Ints, Floats]:
    """Passes and twiddles (2, ...) of ``stride`` transforms side by side: rows of ``points``.

    ``points`` is a power of two from 8. Each pass goes from one (points, stride) to another, by
    ``fft_pass``; the last one's rows are in order.
    """
    steps: list[tuple[int, int, int, int]] = []
    twiddles: list[npt.NDArray[np.complex128]] = []
    _columns(points, stride, _radices(points), steps, twiddles)
    flat = np.concatenate(twiddles)
    return np.array(steps, np.int64), np.array([flat.real, flat.imag], np.float32)


def _radices(points: int) -> list[int]:
    bits = points.bit_length() - 1
    return [4] * (bits // 2) + [2] * (bits % 2)


def _columns(points: int, stride: int, radices: list[int], steps: Any, twiddles: Any) -> None:
    """Append the passes over ``stride`` columns of ``points`` rows each."""
    for radix in radices:
        groups = points // radix
        steps.append((radix, groups, stride, sum(map(len, twiddles))))
        powers = np.outer(np.arange(groups), np.arange(1, radix))
        twiddles.append(np.exp(-2j * np.pi / points * powers).ravel())
        points, stride = groups, stride * radix


def real_tables(
    size: int, prefix: str = "", kind: npt.DTypeLike = np.float32
) -> dict[str, npt.NDArray[Any]]:
    """State arrays for ``rfft`` and ``irfft`` of ``size`` real points of ``kind``, 128 to 8192."""
    if not 128 <= size <= 8192:
        raise ValueError(f"{size} points is outside 128 to 8192")
    half = size // 2
    steps, twiddle = passes(half, kind)
    turn = np.exp(-2j * np.pi / size * np.arange(half + 1))
    return {
        f"{prefix}steps": steps,
        f"{prefix}twiddle": twiddle,
        f"{prefix}turn": np.array([turn.real, turn.imag], kind),
        f"{prefix}work": np.zeros((4, half), kind),
    }


@kernel
def radix4(step: Any, twiddle: Any, xr: Any, xi: Any, yr: Any, yi: Any) -> None:
    """One pass of radix 4, from ``x`` to ``y``.

    Rows are cut out before they are walked, or LLVM moves its check that they do not overlap
    out of the loop over groups, where it always fails: five times slower.
    """
    m, s, at = step[1], step[2], step[3]
    for p in range(m):
        k, a, y = at + 3 * p, s * p, 4 * s * p
        b, c, d = a + s * m, a + 2 * s * m, a + 3 * s * m
        ar, br, cr, dr = xr[a : a + s], xr[b : b + s], xr[c : c + s], xr[d : d + s]
        ai, bi, ci, di = xi[a : a + s], xi[b : b + s], xi[c : c + s], xi[d : d + s]
        y0r, y1r, y2r, y3r = yr[y:], yr[y + s :], yr[y + 2 * s :], yr[y + 3 * s :]
        y0i, y1i, y2i, y3i = yi[y:], yi[y + s :], yi[y + 2 * s :], yi[y + 3 * s :]
        w1r, w2r, w3r = twiddle[0, k], twiddle[0, k + 1], twiddle[0, k + 2]
        w1i, w2i, w3i = twiddle[1, k], twiddle[1, k + 1], twiddle[1, k + 2]
        for q in range(s):
            sr, si, tr, ti = ar[q] + cr[q], ai[q] + ci[q], br[q] + dr[q], bi[q] + di[q]
            er, ei, fr, fi = ar[q] - cr[q], ai[q] - ci[q], bi[q] - di[q], dr[q] - br[q]
            ur, ui, vr, vi, zr, zi = er + fr, ei + fi, sr - tr, si - ti, er - fr, ei - fi
            y0r[q], y0i[q] = sr + tr, si + ti
            y1r[q], y1i[q] = ur * w1r - ui * w1i, ur * w1i + ui * w1r
            y2r[q], y2i[q] = vr * w2r - vi * w2i, vr * w2i + vi * w2r
            y3r[q], y3i[q] = zr * w3r - zi * w3i, zr * w3i + zi * w3r


@kernel
def radix2(step: Any, twiddle: Any, xr: Any, xi: Any, yr: Any, yi: Any) -> None:
    """One pass of radix 2, from ``x`` to ``y``."""
    m, s, at = step[1], step[2], step[3]
    for p in range(m):
        a, b, y = s * p, s * (p + m), 2 * s * p
        ar, br, ai, bi = xr[a : a + s], xr[b : b + s], xi[a : a + s], xi[b : b + s]
        y0r, y1r, y0i, y1i = yr[y:], yr[y + s :], yi[y:], yi[y + s :]
        wr, wi = twiddle[0, at + p], twiddle[1, at + p]
        for q in range(s):
            dr, di = ar[q] - br[q], ai[q] - bi[q]
            y0r[q], y0i[q] = ar[q] + br[q], ai[q] + bi[q]
            y1r[q], y1i[q] = dr * wr - di * wi, dr * wi + di * wr


@kernel
def transpose(step: Any, twiddle: Any, xr: Any, xi: Any, yr: Any, yi: Any) -> None:
    """Twist, then transpose rows and columns, from ``x`` to ``y``; ``x`` is lost."""
    rows, columns, at = step[1], step[2], step[3]
    wr, wi = twiddle[0, at : at + rows * columns], twiddle[1, at : at + rows * columns]
    for k in range(rows * columns):
        re, im = xr[k] * wr[k] - xi[k] * wi[k], xr[k] * wi[k] + xi[k] * wr[k]
        xr[k], xi[k] = re, im
    flip(rows, columns, xr, yr)
    flip(rows, columns, xi, yi)


@kernel
def flip(rows: int, columns: int, x: Any, y: Any) -> None:
    """Transpose ``x`` into ``y``."""
    for q in range(columns):
        for p in range(rows):
            y[q * rows + p] = x[p * columns + q]


@kernel
def fft_pass(steps: Any, k: int, twiddle: Any, xr: Any, xi: Any, yr: Any, yi: Any) -> None:
    """Pass ``k`` of a transform, from ``x`` to ``y``."""
    step = steps[k]
    if step[0] == 4:
        radix4(step, twiddle, xr, xi, yr, yi)
    elif step[0] == 2:
        radix2(step, twiddle, xr, xi, yr, yi)
    else:
        transpose(step, twiddle, xr, xi, yr, yi)


@kernel
def fft(steps: Any, twiddle: Any, xr: Any, xi: Any, yr: Any, yi: Any) -> None:
    """Complex transform of ``x`` into ``y``, in order and not scaled; ``x`` is lost.

    The inverse, not scaled, is the same call with real and imaginary parts exchanged in both.
    """
    for k in range(steps.shape[0]):
        if k % 2 == 0:
            fft_pass(steps, k, twiddle, xr, xi, yr, yi)
        else:
            fft_pass(steps, k, twiddle, yr, yi, xr, xi)


@kernel
def rfft(sound: Any, spectrum: Any, steps: Any, twiddle: Any, turn: Any, work: Any) -> None:
    """Spectrum (2, size / 2 + 1) of ``sound`` (size,), real and imaginary rows."""
    half = work.shape[1]
    for i in range(half):
        work[0, i], work[1, i] = sound[2 * i], sound[2 * i + 1]
    fft(steps, twiddle, work[0], work[1], work[2], work[3])
    zr, zi = work[2], work[3]
    half_of = np.float32(0.5)
    for k in range(1, half):
        er, ei = half_of * (zr[k] + zr[half - k]), half_of * (zi[k] - zi[half - k])
        dr, di = half_of * (zi[k] + zi[half - k]), half_of * (zr[half - k] - zr[k])
        spectrum[0, k] = er + dr * turn[0, k] - di * turn[1, k]
        spectrum[1, k] = ei + dr * turn[1, k] + di * turn[0, k]
    spectrum[0, 0], spectrum[1, 0] = zr[0] + zi[0], np.float32(0.0)
    spectrum[0, half], spectrum[1, half] = zr[0] - zi[0], np.float32(0.0)


@kernel
def irfft(spectrum: Any, sound: Any, steps: Any, twiddle: Any, turn: Any, work: Any) -> None:
    """The ``sound`` (size,) whose ``rfft`` is ``spectrum``, scaled."""
    half = work.shape[1]
    scale = np.float32(0.5) / np.float32(half)
    sr, si = spectrum[0], spectrum[1]
    for k in range(half):
        er, ei = sr[k] + sr[half - k], si[k] - si[half - k]
        dr, di = sr[k] - sr[half - k], si[k] + si[half - k]
        ur, ui = dr * turn[0, k] + di * turn[1, k], di * turn[0, k] - dr * turn[1, k]
        work[0, k], work[1, k] = scale * (er - ui), scale * (ei + ur)
    fft(steps, twiddle, work[1], work[0], work[3], work[2])
    for i in range(half):
        sound[2 * i], sound[2 * i + 1] = work[2, i], work[3, i]
