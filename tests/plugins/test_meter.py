"""The meter: decibels of known signals, at any sample rate."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Renderer, play
from plugins.meter import k_weighting

RATE = 48_000
RACK = Rack("test", lanes=(Lane("l", "stereo", (Link("meter", "meter"),)),))


def shown(sound, rate=RATE, block=64):
    """peak_db, rms_db and lufs at the end of ``sound``."""
    renderer = Renderer(RACK, rate, sound.shape[1], block)
    renderer.push(sound)
    return renderer.shared.control["readouts"][0, 0, :3].copy()


def sine(hz, level_db, rate=RATE, seconds=1.0, right=1.0):
    t = np.arange(int(seconds * rate)) / rate
    wave = 10.0 ** (level_db / 20.0) * np.sin(2 * np.pi * hz * t)
    return np.stack([wave, right * wave], 1).astype(np.float32)


def weighting_db(hz, rate):
    """The response of both weighting filters, from their equations."""
    z = np.exp(2j * np.pi * hz / rate)
    gain = 1.0
    for p, q, t, r, m1, m2, d in k_weighting(rate):
        step = np.array([[p, -q], [q, t]])
        gain *= d + np.array([m1, m2]) @ np.linalg.solve(z * np.eye(2) - step, [q, r])
    return 20 * np.log10(abs(gain))


def tabled_db(hz):
    """The same from the coefficients that the Recommendation tables for 48 kHz."""
    z = np.exp(-2j * np.pi * hz / 48_000)
    head = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return 20 * np.log10(abs(head * high_pass))


@pytest.mark.parametrize("hz", [20.0, 50.0, 200.0, 1000.0, 2000.0, 5000.0, 20_000.0])
def test_the_weighting_is_that_of_the_recommendation(hz):
    assert weighting_db(hz, 48_000) == pytest.approx(tabled_db(hz), abs=1e-4)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_full_scale_997_hz_sine_in_one_channel_is_minus_3_01_lufs(rate):
    assert shown(sine(997.0, 0.0, rate, right=0.0), rate)[2] == pytest.approx(-3.01, abs=0.02)


def test_two_channels_are_3_db_louder_than_one():
    assert shown(sine(997.0, -23.0))[2] == pytest.approx(-23.0, abs=0.02)


def test_a_full_scale_sine_has_rms_minus_3_01_and_peak_0():
    peak, rms, _ = shown(sine(1000.0, 0.0))
    assert peak == pytest.approx(0.0, abs=0.13)  # it falls 0.12 dB in the 10 ms it may be old
    assert rms == pytest.approx(-3.01, abs=0.01)


def test_the_peak_falls_12_db_a_second():
    sound = np.zeros((RATE, 2), np.float32)
    sound[100, 1] = -0.5
    assert shown(sound[:4800])[0] == pytest.approx(-6.02 - 1.2, abs=0.13)
    assert shown(sound)[0] == pytest.approx(-6.02 - 12.0, abs=0.13)


def test_rms_forgets_after_300_ms_and_loudness_after_400():
    sound = np.concatenate([sine(1000.0, -6.0), np.zeros((RATE * 305 // 1000, 2), np.float32)])
    _, rms, lufs = shown(sound)
    assert rms == -120.0
    assert lufs == pytest.approx(-6.0 + 10 * np.log10(95 / 400), abs=0.5)


def test_silence_reads_the_floor():
    np.testing.assert_allclose(shown(np.zeros((RATE, 2), np.float32)), [-120, -120, -120.691])


def test_the_sound_passes_untouched_and_reads_the_same_in_blocks_of_any_size():
    noise = np.random.default_rng(2).uniform(-1, 1, (333 * 512, 2)).astype(np.float32)
    for block in (32, 64, 333, 512):  # whole blocks, so that all of it is run
        assert np.array_equal(play(RACK, noise, RATE, block=block), noise)
        assert np.array_equal(shown(noise, block=block), shown(noise))
