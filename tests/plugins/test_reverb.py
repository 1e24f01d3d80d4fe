"""The reverb: its decay, its density, its colour and its width, measured on its response."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from conftest import noise
from scipy.signal import butter, sosfiltfilt

from engine.rack import Lane, Link, Rack
from engine.render import Move, play

RATE = 48_000


def reverb(source: str = "left", **knobs: float) -> Rack:
    return Rack("test", lanes=(Lane("a", source, (Link("reverb", "reverb", knobs),)),))


@cache
def response(seconds: float, **knobs: float) -> np.ndarray:
    sound = np.zeros((int(seconds * RATE), 1), np.float32)
    sound[0] = 1.0
    chosen = {"mix": 1.0, "pre_delay_ms": 0.0, "low_cut_hz": 20.0, **knobs}
    return play(reverb(**chosen), sound, RATE).astype(np.float64)


def rt60(made: np.ndarray, hz: float) -> float:
    """Seconds to -60 dB in the octave around ``hz``: Schroeder's integral from -5 to -35 dB."""
    band = butter(3, [hz / 2**0.5, hz * 2**0.5], "bandpass", fs=RATE, output="sos")
    energy = (sosfiltfilt(band, made, axis=0) ** 2).sum(axis=1)
    left = np.cumsum(energy[::-1])[::-1]
    db = 10.0 * np.log10(left / left[0] + 1e-30)
    first, last = int(np.argmax(db < -5.0)), int(np.argmax(db < -35.0))
    slope = np.polyfit(np.arange(first, last) / RATE, db[first:last], 1)[0]
    return float(-60.0 / slope)


@pytest.mark.parametrize(("decay_s", "size"), [(0.5, 0.2), (1.0, 0.0), (2.0, 0.5), (6.0, 1.0)])
def test_it_is_60_db_down_after_the_decay(decay_s: float, size: float) -> None:
    made = response(1.2 * decay_s, decay_s=decay_s, size=size)
    for hz in (250.0, 500.0, 1000.0):
        assert rt60(made, hz) == pytest.approx(decay_s, rel=0.1)


def test_twenty_seconds_are_twenty_seconds() -> None:
    assert rt60(response(16.0, decay_s=20.0, size=1.0), 500.0) == pytest.approx(20.0, rel=0.1)


def test_damping_shortens_the_highs_and_leaves_the_middle() -> None:
    bright, dark = response(2.4, decay_s=2.0, damping=0.0), response(2.4, decay_s=2.0, damping=1.0)
    assert rt60(bright, 4000.0) == pytest.approx(2.0, rel=0.1)
    assert rt60(dark, 4000.0) < 0.5 * rt60(bright, 4000.0)
    assert rt60(dark, 500.0) == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("size", [0.0, 0.5, 1.0])
def test_the_tail_is_as_dense_as_noise(size: float) -> None:
    """Samples beyond one deviation, as a share of what Gaussian noise has (Abel, Huang 2006)."""
    made = response(1.0, decay_s=2.0, size=size)[:, 0]
    for middle_s, least in ((0.1, 0.7), (0.2, 0.85), (0.5, 0.85)):
        part = made[int((middle_s - 0.015) * RATE) : int((middle_s + 0.015) * RATE)]
        assert np.mean(np.abs(part) > part.std()) / 0.3173 > least


@pytest.mark.parametrize("size", [0.0, 0.5, 1.0])
def test_no_mode_stands_out_and_no_echo_comes_back(size: float) -> None:
    made = response(2.0, decay_s=2.0, size=size)[RATE // 2 : 3 * RATE // 2, 0]
    flat = made * 10.0 ** (3.0 * np.arange(RATE) / RATE / 2.0) * np.hanning(RATE)
    power = np.abs(np.fft.rfft(flat)) ** 2
    middle = power[200:4000]
    around = np.convolve(middle, np.ones(400) / 400.0, "same")
    assert 10.0 * np.log10(middle / around).max() < 18.0  # Gaussian noise: 10
    echo = np.fft.irfft(np.abs(np.fft.rfft(flat, 2 * RATE)) ** 2)
    assert np.abs(echo[RATE // 200 : RATE // 2]).max() < 0.3 * echo[0]


def test_the_sides_have_little_in_common_but_the_level() -> None:
    made = response(1.5)
    assert abs(np.corrcoef(made[RATE // 20 :].T)[0, 1]) < 0.15
    left, right = np.sqrt(np.mean(made**2, axis=0))
    assert 20.0 * np.log10(left / right) == pytest.approx(0.0, abs=1.0)


def test_at_the_default_it_is_as_loud_as_what_comes_in() -> None:
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(6 * RATE))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[: 6 * 150] = 0.0
    pink = np.fft.irfft(spectrum)
    pink = (0.1 * pink / pink.std()).astype(np.float32)[:, None]
    made = play(reverb(mix=1.0), pink, RATE)[3 * RATE :]
    assert 20.0 * np.log10(made.std() / 0.1) == pytest.approx(0.0, abs=1.5)


@pytest.mark.parametrize("pre_delay_ms", [0.0, 40.0, 250.0])
def test_nothing_is_heard_before_the_pre_delay(pre_delay_ms: float) -> None:
    made = response(1.0, pre_delay_ms=pre_delay_ms)
    first = int(np.argmax(np.abs(made).max(axis=1) > 1e-4))
    assert first == pytest.approx(pre_delay_ms * RATE / 1000.0, abs=3)


def test_the_low_cut_keeps_the_lows_out() -> None:
    open_, cut = response(1.0, decay_s=0.8), response(1.0, decay_s=0.8, low_cut_hz=1000.0)
    power = [np.abs(np.fft.rfft(made[:, 0]))[80:120].mean() for made in (open_, cut)]
    assert 20.0 * np.log10(power[1] / power[0]) == pytest.approx(-20.0, abs=2.0)


def test_it_dies_away_to_silence() -> None:
    made = play(reverb(decay_s=0.3, mix=1.0), noise(), RATE, tail=2 * RATE)
    assert np.abs(made[-RATE // 4 :]).max() < 1e-7


def test_dry_is_exact() -> None:
    sound = noise(4800, 2)
    np.testing.assert_array_equal(play(reverb("stereo", mix=0.0), sound, RATE), sound)


def test_chunks_do_not_matter_while_every_knob_moves() -> None:
    turned = {
        "decay_s": 20.0,
        "size": 0.0,
        "damping": 1.0,
        "low_cut_hz": 1000.0,
        "pre_delay_ms": 250.0,
        "modulation": 1.0,
        "mix": 1.0,
    }
    moves = [Move(700 * k, f"a.reverb.{n}", v) for k, (n, v) in enumerate(turned.items())]
    moves += [Move(15_000, "a.reverb.modulation", 0.0), Move(16_000, "a.reverb.size", 1.0)]
    sound = noise(24_000, 2)
    whole = play(reverb("stereo"), sound, RATE, 64, moves)
    for block in (1, 32, 333, 4096):
        np.testing.assert_array_equal(play(reverb("stereo"), sound, RATE, block, moves), whole)
