"""Onsets told by their distance from the pulse, and back."""

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pulse.errors import PulseError
from models.pulse.paper import work
from models.pulse.paper.envelope import RATE
from models.pulse.paper.feel import deviations, figures, onsets, smoothed, together
from models.pulse.paper.material import Material, Recording, feels, recording
from models.pulse.paper.plots import kernel_density
from models.pulse.takes import Take


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


def bursts(bpm, late_s, seconds=24.0):
    """A burst of noise on each beat, on every second one ``late_s`` later."""
    rng = np.random.default_rng(3)
    sound = 1e-3 * rng.standard_normal(round(seconds * RATE))
    burst = rng.standard_normal(RATE // 10) * np.exp(-np.arange(RATE // 10) / (0.015 * RATE))
    times = np.arange(0.5, seconds - 0.5, 60.0 / bpm)
    times[1::2] += late_s
    for at in np.round(times * RATE).astype(int):
        sound[at : at + len(burst)] += burst
    return recording("bursts", "", (0.3 * sound).astype(np.float32), RATE)


def by_turns(feel):
    """How much later, in ms, every second onset near the beat is than the others."""
    near = np.abs(feel.fraction) < 0.125
    odd = feel.beat % 2 == 1
    return abs(np.median(feel.ms[near & odd]) - np.median(feel.ms[near & ~odd]))


@pytest.mark.parametrize("bpm", (97.0, 123.0, 150.0))
def test_strokes_of_a_recording_on_the_grid_have_no_feel_and_late_ones_are_late(bpm):
    exact, late = (work.deviations(bursts(bpm, late_s)) for late_s in (0.0, 0.02))
    assert figures(exact)["spread_ms"] < 3.5 and by_turns(exact) < 1.0
    assert by_turns(late) == pytest.approx(20.0, abs=4.0)


def test_of_a_smooth_pulse_even_beats_stay_and_beats_late_by_turns_meet_half_way():
    beats = np.arange(0.3, 20.0, 0.5)
    np.testing.assert_allclose(smoothed(beats), beats, atol=1e-12)
    np.testing.assert_allclose(smoothed(beats[:2]), beats[:2], atol=1e-12)
    late = beats + 0.02 * (np.arange(len(beats)) % 2)
    np.testing.assert_allclose(smoothed(late)[4:-4], beats[4:-4] + 0.01, atol=1e-12)


def test_the_feel_of_a_take_is_told_of_each_family_beside_the_click(tmp_path):
    track, now = mido.MidiTrack(), 0
    late = round(480 * 0.02 * 123 / 60)  # 20 ms in ticks
    for beat in range(40):
        for pitch, at in ((36, 480 * beat), (38, 480 * beat + late * (beat % 2))):
            track.append(mido.Message("note_on", note=pitch, velocity=90, time=at - now))
            now = at
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(tmp_path / "take.mid")
    take = Take(tmp_path / "take.mid", "me", "rock", 123.0, "4-4", False, "train", 19.0)
    one = Recording("take", "me", np.zeros(9), feels(take))
    told = work.feels(Material((one,)))
    assert list(told) == ["learnt from", "learnt from, kick", "learnt from, snare"]
    assert by_turns(told["learnt from, kick"]) == 0.0
    assert by_turns(told["learnt from, snare"]) == pytest.approx(20.0, abs=0.6)
    assert len(told["learnt from"].ms) == 80
    assert len(feels(take, 10.0)["kick"].ms) == 21  # of those that are heard


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
