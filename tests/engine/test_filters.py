"""Filters and approximations: exact where they promise it, stable however they move."""

import numpy as np
import pytest

from engine.compiler import callable_kernel
from engine.dsp import filters
from engine.dsp.approx import db_of, exp2, gain_of, log2, step_of

RATE = 48_000.0


def response(row, hz):
    """Frequency response of coefficients, from the equations they stand for."""
    p, q, t, r, m1, m2, d = row
    step = np.array([[p, -q], [q, t]])
    z = np.exp(2j * np.pi * np.asarray(hz) / RATE)
    return np.array(
        [d + np.array([m1, m2]) @ np.linalg.solve(w * np.eye(2) - step, [q, r]) for w in z]
    )


def row_of(setter, *arguments):
    row = np.zeros(filters.COEFFICIENTS)
    setter(row, *arguments, RATE)
    return row


def prototype(hz, f, high, band, low, k):
    """The analogue filter under the bilinear transform with its frequency kept at ``f``."""
    s = 1j * np.tan(np.pi * np.asarray(hz) / RATE) / np.tan(np.pi * f / RATE)
    return (high * s**2 + band * s + low) / (s**2 + k * s + 1)


HZ = np.geomspace(10.0, 23_000.0, 50)


@pytest.mark.parametrize("f", [20.0, 440.0, 9000.0])
@pytest.mark.parametrize("q", [0.3, filters.BUTTERWORTH, 12.0])
def test_responses_are_those_of_the_analogue_filters(f, q):
    k = 1 / q
    cases = [(filters.set_lowpass, (0, 0, 1)), (filters.set_highpass, (1, 0, 0))]
    for setter, (high, band, low) in cases:
        found = response(row_of(setter, f, q), HZ)
        np.testing.assert_allclose(
            found, prototype(HZ, f, high, band, low, k), atol=1e-9 + 1e-7 * q
        )


@pytest.mark.parametrize("db", [-15.0, 9.0])
def test_bells_and_shelves_are_those_of_the_audio_eq_cookbook(db):
    a, q, f = 10 ** (db / 40), 1.7, 1200.0
    cases = [
        (filters.set_peak, lambda s: (s**2 + s * a / q + 1) / (s**2 + s / (a * q) + 1)),
        (filters.set_low_shelf,
         lambda s: a * (s**2 + np.sqrt(a) / q * s + a) / (a * s**2 + np.sqrt(a) / q * s + 1)),
        (filters.set_high_shelf,
         lambda s: a * (a * s**2 + np.sqrt(a) / q * s + 1) / (s**2 + np.sqrt(a) / q * s + a)),
    ]  # fmt: skip
    s = 1j * np.tan(np.pi * HZ / RATE) / np.tan(np.pi * f / RATE)
    for setter, analogue in cases:
        np.testing.assert_allclose(response(row_of(setter, f, db, q), HZ), analogue(s), rtol=1e-7)


def test_a_shelf_or_bell_of_0_db_is_open_and_a_cut_is_not():
    for setter in (filters.set_peak, filters.set_low_shelf, filters.set_high_shelf):
        assert filters.is_open(row_of(setter, 500.0, 0.0, 0.9))
        assert not filters.is_open(row_of(setter, 500.0, 0.1, 0.9))
    assert not filters.is_open(row_of(filters.set_lowpass, 500.0, 0.9))


def test_no_mean_of_any_two_filters_lengthens_the_state():
    rng = np.random.default_rng(7)
    for _ in range(500):
        steps = []
        for _ in range(2):
            f, q = 10 ** rng.uniform(0.5, 4.5), 10 ** rng.uniform(-1, 2)
            p, b, t, *_ = row_of(filters.set_lowpass, f, q)
            steps.append(np.array([[p, -b], [b, t]]))
        share = rng.uniform()
        assert np.linalg.norm(share * steps[0] + (1 - share) * steps[1], 2) <= 1 + 1e-12


def test_a_pair_is_two_filters_and_a_glide_that_rests_is_one():
    rng = np.random.default_rng(5)
    rows = np.array(
        [row_of(filters.set_lowpass, 900.0, 0.7), row_of(filters.set_highpass, 90.0, 2.0)]
    )
    run, pair, glide = map(
        callable_kernel, (filters.run_filter, filters.run_pair, filters.glide_filter)
    )
    for channels in (1, 2):
        sound = rng.uniform(-1, 1, (channels, 64)).astype(np.float32)
        one, two, three = sound.copy(), sound.copy(), sound.copy()
        for row in rows:
            run(one, 64, row, np.zeros((channels, 2)))
            glide(three, 64, np.stack([row, row]), np.zeros((channels, 2)), 0)
        pair(two, 64, rows[0], np.zeros((channels, 2)), rows[1], np.zeros((channels, 2)))
        np.testing.assert_allclose(two, one, atol=2e-7)  # one rounding to float32 fewer
        np.testing.assert_allclose(three, one, atol=2e-7)


def test_exp2_and_log2_are_as_near_as_they_say():
    rng = np.random.default_rng(1)
    two, log = callable_kernel(exp2), callable_kernel(log2)
    for x in rng.uniform(-100, 100, 3000).astype(np.float32):
        assert abs(two(x) / 2.0 ** float(x) - 1.0) < 2e-7
    for x in np.exp(rng.uniform(-30, 30, 3000)).astype(np.float32):
        true = np.log2(float(x))
        assert abs(log(x) - true) < 2e-7 * max(1.0, abs(true))
    for n in range(-20, 21):
        assert two(np.float32(n)) == 2.0**n
        assert log(np.float32(2.0**n)) == n


def test_decibels_and_followers_mean_what_they_say():
    assert gain_of(np.float32(0.0)) == 1.0
    assert gain_of(np.float32(-6.0)) == pytest.approx(10 ** (-6 / 20), rel=1e-6)
    assert db_of(np.float32(0.5)) == pytest.approx(-6.0206, abs=1e-4)
    assert db_of(np.float32(0.0)) == pytest.approx(-120.0, abs=1e-3)
    assert (1 - step_of(480.0)) ** 480 == pytest.approx(np.exp(-1))
