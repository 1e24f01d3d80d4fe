"""Onsets told by their distance from the pulse, and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pulse.errors import PulseError
from models.pulse.paper.feel import deviations, figures, onsets, together
from models.pulse.paper.plots import kernel_density


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(0.2, 1.5), min_size=1, max_size=30),
    st.lists(st.floats(-2.0, 40.0), min_size=1, max_size=50),
)
def test_there_and_back_is_where_it_was(gaps, times):
    beats = np.cumsum([0.0, *gaps])
    feel = deviations(times, beats)
    assert (np.abs(feel.fraction) <= 0.5).all()
    np.testing.assert_allclose(onsets(feel, beats), times, atol=1e-9)


def test_a_fraction_is_of_the_beat_it_lies_in():
    beats = [0.0, 0.5, 1.5, 2.0]
    feel = deviations([0.45, 0.6, 1.25, 2.1, -0.1], beats)
    assert feel.beat.tolist() == [1, 1, 2, 3, 0]
    np.testing.assert_allclose(feel.fraction, [-0.1, 0.1, -0.25, 0.2, -0.2])
    np.testing.assert_allclose(feel.ms, [-50.0, 100.0, -250.0, 100.0, -100.0])


def test_a_feel_can_be_played_on_another_pulse():
    feel = deviations([0.0, 0.33, 0.5, 0.83], [0.0, 0.5, 1.0])
    np.testing.assert_allclose(onsets(feel, [0.0, 1.0, 2.0]), [0.0, 0.66, 1.0, 1.66])


def test_swing_and_a_late_hand_show_in_the_figures():
    rng = np.random.default_rng(4)
    beats = np.arange(0.0, 60.0, 0.5)
    hits = np.sort(np.concatenate([beats + 0.01, beats + 0.34])) + rng.normal(0, 0.003, 240)
    found = figures(deviations(hits, beats))
    assert found["median_ms"] == pytest.approx(10.0, abs=1.5)
    assert found["spread_ms"] == pytest.approx(3.0, abs=1.0)
    assert found["off_beat"] == pytest.approx(0.68, abs=0.01) and found["swung"] > 0.95
    assert found["on_the_beat"] == pytest.approx(0.5, abs=0.01)


def test_recordings_are_counted_together_and_none_is_no_fault():
    one = deviations([0.1, 0.6], [0.0, 0.5])
    assert figures(together([one, one]))["onsets"] == 4
    assert figures(together([]))["onsets"] == 0


@pytest.mark.parametrize(
    ("beats", "line"), (([1.0], "1 beats: two or more"), ([0.0, 1.0, 1.0], "later than the last"))
)
def test_what_is_no_pulse_is_refused_in_one_line(beats, line):
    with pytest.raises(PulseError, match=line):
        deviations([0.5], beats)


def test_a_kernel_density_is_that_of_its_formula_and_has_area_one():
    samples = np.random.default_rng(1).normal(2.0, 0.7, 300)
    grid = np.linspace(-2.0, 6.0, 801)
    bells = np.exp(-0.5 * ((grid[:, None] - samples) / 0.2) ** 2) / (0.2 * np.sqrt(2 * np.pi))
    found = kernel_density(samples, grid, 0.2)
    np.testing.assert_allclose(found, bells.mean(axis=1), atol=2e-3)
    assert found.sum() * 0.01 == pytest.approx(1.0, abs=1e-6)
