"""Compiled Fourier transforms against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from engine.compiler import callable_kernel
from engine.dsp import fft

CLOSE = 1e-6  # of the largest bin
complex_fft, rfft, irfft = map(callable_kernel, (fft.fft, fft.rfft, fft.irfft))


def off(made: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(made - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize("size", [8, 16, 64, 128, 512, 4096, 8192])
def test_a_complex_transform_is_numpys(size: int) -> None:
    rng = np.random.default_rng(size)
    rows = rng.standard_normal((4, size)).astype(np.float32)
    wanted = np.fft.fft(rows[0].astype(np.float64) + 1j * rows[1])
    complex_fft(*fft.passes(size), *rows)
    assert off(rows[2] + 1j * rows[3], wanted) < CLOSE


@pytest.mark.parametrize("size", [64, 512])
def test_exchanging_real_and_imaginary_parts_is_the_inverse(size: int) -> None:
    rng = np.random.default_rng(size)
    rows = rng.standard_normal((4, size)).astype(np.float32)
    x = rows[:2].copy()
    tables = fft.passes(size)
    complex_fft(*tables, *rows)
    complex_fft(*tables, rows[3], rows[2], rows[1], rows[0])
    assert off(rows[:2] / size, x) < CLOSE


@pytest.mark.parametrize("size", [128, 256, 512, 1024, 2048, 4096, 8192])
def test_a_real_transform_is_numpys_and_comes_back(size: int) -> None:
    rng = np.random.default_rng(size)
    sound = rng.standard_normal(size).astype(np.float32)
    spectrum, back = np.zeros((2, size // 2 + 1), np.float32), np.zeros(size, np.float32)
    tables = fft.real_tables(size).values()
    rfft(sound, spectrum, *tables)
    assert off(spectrum[0] + 1j * spectrum[1], np.fft.rfft(sound.astype(np.float64))) < CLOSE
    irfft(spectrum, back, *tables)
    assert off(back, sound) < CLOSE


@pytest.mark.parametrize("bits", range(3, 14))
def test_the_number_of_passes_is_odd(bits: int) -> None:
    assert len(fft.passes(1 << bits)[0]) % 2 == 1


@pytest.mark.parametrize("size", [0, 4, 100, 16384])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} points"):
        fft.passes(size)


@pytest.mark.parametrize("size", [64, 16384])
def test_other_real_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} points is outside 128 to 8192"):
        fft.real_tables(size)
