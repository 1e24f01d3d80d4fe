"""The pitch shifter: it is in tune, keeps levels, knows its latency, forgets block sizes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.boxes import BoxError, play, read_box
from engine.boxes.documents import document
from engine.boxes.pitch import PitchShift
from engine.neural.network import Network, Signal, Stage

RATE = 48_000


def sine(hertz: float, seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2.0 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype("f4")


def burst(frames: int) -> np.ndarray:
    """Noise with two hard onsets."""
    sound = np.random.default_rng(5).standard_normal(frames).astype(np.float32) * 0.1
    sound[: frames // 5] = 0.0
    sound[frames // 2 : frames // 2 + 2000] *= 6.0
    return sound


def pitch_and_level(sound: np.ndarray) -> tuple[float, float]:
    """Frequency by the parabola of the loudest log bins, and amplitude, of a long sine."""
    shape = np.hanning(len(sound))
    magnitude = np.abs(np.fft.rfft(sound * shape))
    k = int(np.argmax(magnitude))
    a, b, c = np.log(magnitude[k - 1 : k + 2])
    part = 0.5 * (a - c) / (a - 2.0 * b + c)
    return (k + part) * RATE / len(sound), float(np.sqrt(2.0 * np.mean(np.square(sound))))


@pytest.mark.parametrize("semitones", [12, -12, 7, -5, 0.37, 24, -24])
@pytest.mark.parametrize("hertz", [220.0, 1330.0])
def test_a_sine_comes_out_at_the_ratio_and_as_loud(semitones: float, hertz: float) -> None:
    ratio = 2.0 ** (semitones / 12.0)
    made = play(PitchShift(ratio, onset=2.0, spread=0.0), sine(hertz, 1.6), RATE)[-RATE:]
    found, level = pitch_and_level(made)
    assert abs(1200.0 * np.log2(found / (hertz * ratio))) < 1.0
    assert abs(20.0 * np.log10(level / 0.3)) < 0.5


@pytest.mark.parametrize("window", [512, 1024, 4096])
def test_every_window_is_in_tune(window: int) -> None:
    made = play(PitchShift(1.5, window, onset=2.0, spread=0.0), sine(1000.0, 1.6), RATE)[-RATE:]
    assert abs(1200.0 * np.log2(pitch_and_level(made)[0] / 1500.0)) < 1.0


@pytest.mark.parametrize("ratio", [2.0, 0.5, 1.3])
def test_block_size_does_not_change_the_sound(ratio: float) -> None:
    box, sound = PitchShift(ratio), burst(20_000)
    whole = play(box, sound, RATE)
    for block in (37, 1):
        np.testing.assert_array_equal(play(box, sound, RATE, block), whole)


@pytest.mark.parametrize("ratio", [2.0, 0.5, 1.5])
def test_an_onset_comes_out_after_the_latency_it_tells(ratio: float) -> None:
    """Chunks are centred, so within half a window; its lead moves what it tells, not the sound."""
    box = PitchShift(ratio)
    sound = np.zeros(40_000, np.float32)
    sound[20_000:] = sine(800.0, 0.5)[:20_000]
    made = play(box, sound, RATE)
    late = int(np.flatnonzero(np.abs(made) > 0.15)[0]) - 20_000
    assert abs(late - box.latency_samples) < 1024
    led = PitchShift(ratio, lead=100)
    assert led.latency_samples == box.latency_samples + 100
    np.testing.assert_array_equal(play(led, sound, RATE), made)


def test_a_shorter_window_halves_the_latency() -> None:
    assert PitchShift(2.0).latency_samples < 0.05 * RATE
    assert PitchShift(2.0, 1024).latency_samples < 0.6 * PitchShift(2.0).latency_samples


def test_nothing_is_made_of_silence_and_extremes_stay_finite() -> None:
    for ratio in (0.25, 0.8, 4.0):
        box = PitchShift(ratio)
        assert not play(box, np.zeros(6000, np.float32), RATE).any()
        made = play(box, np.sign(burst(30_000)) * np.float32(100.0), RATE)
        assert np.isfinite(made).all()
        assert np.abs(made[-3000:]).max() > 1.0


def test_it_never_runs_out_of_sound_whatever_onsets_there_are() -> None:
    """Clicks far apart make an onset as often as may be; a steady tone must go on under them."""
    for ratio in (2.0, 0.5):
        sound = sine(600.0, 3.0)
        sound[::2700] += 0.9
        made = play(PitchShift(ratio), sound, RATE)[RATE:]
        rows = made[: len(made) // 240 * 240].reshape(-1, 240)
        assert np.sqrt(np.mean(np.square(rows), axis=1)).min() > 0.05


def test_taps_filter_what_comes_out() -> None:
    sound = burst(12_000)
    plain = play(PitchShift(2.0), sound, RATE)
    taps = np.array([0.5, 0.0, -0.25], np.float32)
    filtered = play(PitchShift(2.0, taps=taps), sound, RATE)
    np.testing.assert_allclose(filtered, np.convolve(plain, taps)[: len(plain)], atol=1e-6)


def test_a_document_makes_the_same_box() -> None:
    box = PitchShift(0.75, 1024, 0.5, 3.0, 1000, -20, np.array([0.9, 0.1], np.float32))
    again = read_box(json.loads(json.dumps(document(box))))
    assert isinstance(again, PitchShift)
    assert again.latency_samples == box.latency_samples
    np.testing.assert_array_equal(play(again, burst(8000), RATE), play(box, burst(8000), RATE))


def test_a_network_of_it_tells_its_latency() -> None:
    given, made = Signal(1), Signal(1)
    box = PitchShift(2.0)
    network = Network(given, made, [Stage((given,), made, box, RATE)])
    assert network.latency_samples == box.latency_samples


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ratio": 5.0}, "ratio = 5.0 is outside 0.25 to 4"),
        ({"ratio": float("nan")}, "ratio = nan is outside"),
        ({"ratio": 2.0, "window": 1000}, "window = 1000 is none of 512, 1024, 2048, 4096"),
        ({"ratio": 2.0, "onset": -1.0}, "onset = -1.0 is outside"),
        ({"ratio": 2.0, "spread": 33.0}, "spread = 33.0 is outside"),
        ({"ratio": 2.0, "primed": 0.5}, "primed = 0.5 is not a whole number"),
        ({"ratio": 2.0, "lead": -5000}, "lead = -5000 is outside"),
        ({"ratio": 2.0, "taps": np.zeros(65, np.float32)}, "taps has 65 numbers"),
    ],
)
def test_numbers_that_cannot_be_are_refused_in_one_line(given: dict, told: str) -> None:
    with pytest.raises(BoxError) as caught:
        PitchShift(**given)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
