"""The paper's pulse: envelope, tempo, dynamic programming, beat vectors."""

import numpy as np
import pytest

pytest.importorskip("scipy")
from models.pulse.errors import PulseError
from models.pulse.paper.beats import beats, best_scores, gap_costs, local_strength
from models.pulse.paper.envelope import FRAMES_A_SECOND, HOP, RATE, onset_envelope
from models.pulse.paper.symbols import REPRESENTATIONS, beat_vector, onset_places, representation
from models.pulse.paper.tempo import TempoPrior, tempo


def strokes(times, seconds, rate=RATE, seed=3):
    """Short bursts of noise at ``times``, on a floor of noise 60 dB below."""
    rng = np.random.default_rng(seed)
    sound = 1e-3 * rng.standard_normal(round(seconds * rate))
    burst = rng.standard_normal(rate // 10) * np.exp(-np.arange(rate // 10) / (0.015 * rate))
    for time in times:
        at = round(time * rate)
        part = sound[at : at + len(burst)]
        part += burst[: len(part)]
    return (0.3 * sound).astype(np.float32)


def played(bpm, seconds=20.0, seed=3):
    return np.arange(0.5, seconds - 0.5, 60.0 / bpm), strokes(
        np.arange(0.5, seconds - 0.5, 60.0 / bpm), seconds, seed=seed
    )


@pytest.mark.parametrize("bpm", (90.0, 120.0, 150.0))
def test_a_steady_drummer_has_the_tempo_he_plays(bpm):
    _, sound = played(bpm)
    assert tempo(onset_envelope(sound, RATE)) == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("bpm", (90.0, 140.0))
def test_the_pulse_lies_on_the_strokes(bpm):
    times, sound = played(bpm)
    envelope = onset_envelope(sound, RATE)
    found = beats(envelope, tempo(envelope)) / FRAMES_A_SECOND
    assert abs(len(found) - len(times)) <= 1  # it may begin a beat before the first stroke
    assert np.abs(found[:, None] - times).min(axis=0)[1:-1].max() < 0.05


def test_the_pulse_follows_a_drummer_who_slows_down():
    times = 0.5 + np.cumsum(np.linspace(0.45, 0.55, 36))
    envelope = onset_envelope(strokes(times, 20.0), RATE)
    found = beats(envelope, 120.0) / FRAMES_A_SECOND
    assert np.abs(found[:, None] - times[times < 18.5]).min(axis=0).max() < 0.06


@pytest.mark.parametrize("bpm", (63.0, 120.0, 187.0))
@pytest.mark.parametrize("raised", (False, True))
def test_the_dynamic_programming_is_librosas_on_the_same_envelope(bpm, raised):
    librosa = pytest.importorskip("librosa")
    rng = np.random.default_rng(5)
    times = np.sort(rng.uniform(0.3, 29.0, 70))
    envelope = onset_envelope(strokes(times, 30.0), RATE)
    envelope = np.maximum(envelope, 0.0) if raised else envelope
    expected = librosa.beat.beat_track(
        onset_envelope=envelope, sr=RATE, hop_length=HOP, bpm=bpm, trim=False
    )[1]
    np.testing.assert_array_equal(beats(envelope, bpm), expected)


def test_the_scores_are_what_equation_four_says():
    rng = np.random.default_rng(2)
    period, tightness = 12, 100.0
    strength = local_strength(rng.random(120), period)
    score, before = best_scores(strength, period, tightness)
    for t in range(60, 120):
        gaps = np.arange(period // 2, 2 * period + 1)
        options = score[t - gaps] + tightness * gap_costs(gaps, period)
        assert score[t] == pytest.approx(strength[t] + options.max(), abs=1e-12)
        assert before[t] == t - gaps[options.argmax()]


def test_tempi_outside_the_range_that_is_asked_for_are_not_found():
    _, sound = played(200.0)
    slow = TempoPrior(likely_bpm=90.0, fastest_bpm=130.0)
    assert tempo(onset_envelope(sound, RATE), slow) == pytest.approx(100.0, rel=0.02)


def test_silence_has_no_pulse_and_no_onsets():
    envelope = onset_envelope(np.zeros(5 * RATE, np.float32), RATE)
    assert len(beats(envelope, tempo(envelope))) == 0
    assert len(onset_places(envelope)) == 0
    for kind in REPRESENTATIONS.values():
        assert not beat_vector(envelope, np.zeros(0, np.int64), kind).any()


def test_one_sample_is_enough_for_an_envelope():
    assert np.isfinite(onset_envelope(np.ones(1, np.float32), RATE)).all()


def test_the_envelope_does_not_depend_on_level_or_rate():
    times, sound = played(120.0, 8.0)
    envelope = onset_envelope(sound, RATE)
    np.testing.assert_allclose(onset_envelope(0.1 * sound, RATE), envelope, atol=1e-3)
    twice = onset_envelope(strokes(times, 8.0, 2 * RATE), 2 * RATE)
    assert np.corrcoef(twice, envelope)[0, 1] > 0.9


def test_onsets_are_found_within_half_a_frame_of_each_other():
    times, sound = played(123.0, 12.0)
    found = onset_places(onset_envelope(sound, RATE)) / FRAMES_A_SECOND
    assert len(found) == len(times)
    late = found - times
    assert late.std() < 0.5 * HOP / RATE and abs(late.mean()) < 2.5 * HOP / RATE


def test_beat_vectors_hold_onsets_in_ten_steps_and_full_beats():
    times, sound = played(120.0, 12.0)
    envelope = onset_envelope(sound, RATE)
    pulse = beats(envelope, 60.0)
    binary, peaks, whole = (beat_vector(envelope, pulse, k) for k in REPRESENTATIONS.values())
    assert set(binary) == {0, 1} and peaks.max() == whole.max() == 10
    assert (peaks[pulse] == 10).all() and (whole[pulse] == 10).all()
    np.testing.assert_array_equal(binary, peaks > 0)
    assert (whole >= np.where(peaks == 10, 0, peaks) - 1).all()
    assert len(times) <= binary.sum() <= len(times) + len(pulse)
    values = representation("peaks").values(peaks)
    assert values.dtype == np.float32 and values.max() == 1.0


def test_a_representation_that_is_not_known_is_refused_in_one_line():
    with pytest.raises(PulseError, match="frames is none of binary, peaks, envelope"):
        representation("frames")
