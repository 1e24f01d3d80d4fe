"""Resampling: what passes stays, what cannot pass is gone, and time does not move."""

from __future__ import annotations

import numpy as np
import pytest

from engine.dsp.resample import resample

PAIRS = [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (48_000, 96_000), (8000, 48_000)]


def tone(hz: float, rate: int, frames: int) -> np.ndarray:
    return np.sin(2.0 * np.pi * hz / rate * np.arange(frames))[:, None]


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.44])
def test_a_tone_below_the_band_edge_is_the_same_tone(
    from_rate: int, to_rate: int, share: float
) -> None:
    hz = share * min(from_rate, to_rate)
    made = resample(tone(hz, from_rate, from_rate // 5), from_rate, to_rate)
    wanted = tone(hz, to_rate, len(made))
    edge = len(made) // 8
    assert np.abs(made - wanted)[edge:-edge].max() < 10.0 ** (-95.0 / 20.0)


@pytest.mark.parametrize(("from_rate", "to_rate"), [(48_000, 44_100), (96_000, 48_000)])
def test_a_tone_above_the_new_nyquist_is_90_db_down(from_rate: int, to_rate: int) -> None:
    for hz in (0.502 * to_rate, 0.49 * from_rate):
        made = resample(tone(hz, from_rate, from_rate // 5), from_rate, to_rate)
        edge = len(made) // 8
        assert np.abs(made)[edge:-edge].max() < 10.0 ** (-90.0 / 20.0)


def test_the_length_in_seconds_stays() -> None:
    assert resample(np.zeros((441, 2)), 44_100, 48_000).shape == (480, 2)
    assert resample(np.zeros((1, 1)), 96_000, 48_000).shape == (1, 1)
    assert resample(np.zeros((7, 1)), 48_000, 96_000).shape == (14, 1)


def test_the_same_rate_is_a_copy() -> None:
    sound = np.random.default_rng(0).standard_normal((100, 2))
    made = resample(sound, 48_000, 48_000)
    np.testing.assert_array_equal(made, sound)
    assert made is not sound


def test_rates_without_a_common_factor_work() -> None:
    made = resample(tone(300.0, 8000, 800), 8000, 7993)
    np.testing.assert_allclose(made[200:600], tone(300.0, 7993, len(made))[200:600], atol=1e-4)
