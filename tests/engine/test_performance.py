"""The synthesised guitar: in tune, in time, at its level, and without a seam."""

import itertools

import numpy as np
import pytest

from engine.performance import (
    BEATS_A_BAR,
    OPEN_STRINGS,
    RHYTHM,
    TEMPO_BPM,
    Note,
    guitar,
    pluck,
    score,
)

SAMPLE_RATE = 48_000


@pytest.fixture(scope="module")
def take():
    return guitar(SAMPLE_RATE)


def sounding_hz(sound, near_hz, sample_rate):
    """Return the frequency of the spectrum's peak near a frequency, to a fraction of a bin."""
    frames = 1 << 20
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), frames))
    low, high = (int(near_hz * ratio * frames / sample_rate) for ratio in (0.97, 1.03))
    peak = low + int(np.argmax(spectrum[low:high]))
    a, b, c = np.log(spectrum[peak - 1 : peak + 2])
    return (peak + 0.5 * (a - c) / (a - 2 * b + c)) * sample_rate / frames


@pytest.mark.parametrize("sample_rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("string", range(len(OPEN_STRINGS)))
def test_every_string_is_in_tune_within_two_cents_up_to_the_twelfth_fret(string, sample_rate):
    rng = np.random.default_rng(7)
    for fret in range(13):
        note = Note(0.0, 1.0, string, fret, 0.8)
        sound = pluck(note, sample_rate, sample_rate, rng)
        heard_hz = sounding_hz(sound, note.frequency_hz, sample_rate)
        assert abs(1200.0 * np.log2(heard_hz / note.frequency_hz)) < 2.0


def test_the_a_string_is_at_110_hz():
    assert Note(0.0, 1.0, 1, 0, 1.0).frequency_hz == pytest.approx(110.0)


def test_it_is_the_same_each_time(take):
    np.testing.assert_array_equal(guitar(SAMPLE_RATE), take)


@pytest.mark.parametrize("sample_rate", [22_050, 44_100, 48_000, 96_000])
def test_it_lasts_whole_bars_in_tempo_at_any_rate(sample_rate):
    take = guitar(sample_rate)
    assert take.dtype == np.float32
    assert take.ndim == 1
    bars = len(take) / sample_rate * TEMPO_BPM / 60.0 / BEATS_A_BAR
    assert bars == pytest.approx(len(RHYTHM), abs=1e-4)


def test_it_is_as_loud_as_a_hot_direct_guitar(take):
    assert np.abs(take).max() == pytest.approx(0.5, abs=1e-6)
    assert -26.0 < 10.0 * np.log10(np.mean(np.square(take, dtype=np.float64))) < -20.0


def test_it_has_no_mean(take):
    assert abs(np.mean(take, dtype=np.float64)) < 1e-6


def test_the_loop_has_no_seam(take):
    twice = np.concatenate((take[-SAMPLE_RATE:], take[:SAMPLE_RATE])).astype(np.float64)
    bend = np.abs(np.diff(twice, 3))
    assert bend[SAMPLE_RATE - 4 : SAMPLE_RATE + 4].max() < np.quantile(bend, 0.999)


def test_nothing_clicks_between_the_strokes(take):
    """A stroke is a few milliseconds of treble; a click is one sample of it."""
    bend = np.abs(np.diff(take.astype(np.float64), 3))
    worst = np.argsort(bend)[-50:]
    for place in worst:
        around = bend[max(0, place - 24) : place + 24]
        assert np.sort(around)[-4] > 0.1 * bend[place]


def test_one_string_sounds_one_note_at_a_time():
    notes = score(np.random.default_rng(1983))
    for string in range(len(OPEN_STRINGS)):
        line = sorted((n for n in notes if n.string == string), key=lambda n: n.start_s)
        for note, after in itertools.pairwise(line):
            assert note.start_s + note.length_s <= after.start_s + 1e-9


def test_the_treble_falls_as_a_real_pickup_makes_it(take):
    power = np.abs(np.fft.rfft(take)) ** 2
    hz = np.fft.rfftfreq(len(take), 1.0 / SAMPLE_RATE)

    def share_db(low, high):
        return 10.0 * np.log10(power[(hz >= low) & (hz < high)].sum() / power.sum())

    assert -14.0 < share_db(800.0, 1600.0) < -5.0  # a real one: -10
    assert -25.0 < share_db(3200.0, 6400.0) < -15.0  # a real one: -20
    assert share_db(12_800.0, 24_000.0) < -45.0  # a real one: -50
