"""What the follower hears: the same at any rate, on time, and nothing of silence."""

from __future__ import annotations

import numpy as np
import pytest
from drum_loops import loop, steady

from engine.pulse.bands import BANDS, FEATURES
from engine.pulse.offline import features_of

RATES = (8000, 11_025, 22_050, 44_100, 48_000, 96_000)


def pluck(rate: int, seconds: float = 2.0, highest: float = 3000.0):
    """Tones below ``highest`` that are struck again and again."""
    t = np.arange(int(seconds * rate)) / rate
    hz = np.geomspace(60.0, highest, 25)
    sound = sum(np.sin(2 * np.pi * f * t + k) for k, f in enumerate(hz))
    return (0.02 * sound * np.exp(-(t % 0.4) / 0.1) * np.minimum(1.0, (t % 0.4) / 0.005)).astype(
        np.float32
    )


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_the_same_sound_is_heard_the_same_at_another_rate(rate: int):
    there, here = (
        features_of(pluck(rate, highest=12_000.0), rate),
        features_of(pluck(48_000, highest=12_000.0), 48_000),
    )
    assert len(there) == len(here) == 200
    assert np.abs(there - here).mean() < 0.02
    assert np.abs(there - here)[:, :BANDS].max() < 0.35
    assert np.corrcoef(there.ravel(), here.ravel())[0, 1] > 0.99


def test_at_8_khz_what_lies_below_is_heard_and_bands_above_are_zero():
    there, here = features_of(pluck(8000), 8000), features_of(pluck(48_000), 48_000)
    low = there[:, :20]
    assert np.corrcoef(low.ravel(), here[:, :20].ravel())[0, 1] > 0.97
    assert there[:, BANDS - 8 : BANDS].max() == 0.0
    assert np.isfinite(there).all()


@pytest.mark.parametrize("rate", RATES)
def test_of_silence_and_of_what_nobody_hears_nothing_is_infinite(rate: int):
    silence = np.zeros(3 * rate, np.float32)
    assert not features_of(silence, rate).any()
    for tiny in (1e-45, 1e-20, 1e-9):
        assert np.abs(features_of(silence + np.float32(tiny), rate)).max() < 0.01
    assert np.isfinite(features_of(silence + np.float32(1e6), rate)).all()
    bursts = np.tile(np.repeat(np.float32([0, 1, 0, -1]), rate // 8), 6)
    made = features_of(bursts, rate)
    assert np.isfinite(made).all() and made.min() >= 0.0


@pytest.mark.parametrize("rate", RATES)
def test_a_hop_is_told_at_the_first_frame_of_or_after_its_hundredth(rate: int):
    sound = np.zeros(2 * rate, np.float32)
    for hop in (1, 2, 3, 7, 33, 101, 199, 200):
        frames = -(-hop * rate // 100)
        assert features_of(sound[:frames], rate).shape == (hop, FEATURES)
        assert len(features_of(sound[: frames - 1], rate)) == hop - 1


@pytest.mark.parametrize("rate", [11_025, 22_050, 48_000])
def test_a_stroke_is_heard_in_the_hop_in_which_it_falls_or_the_next_and_nothing_drifts(rate: int):
    beats = steady(60.0, 20.0, 0.5037)
    rise = features_of(loop(beats, rate, 20.0, hats=0.0), rate)[:, BANDS:].mean(axis=1)
    for beat in beats[:-1]:
        hop = int(beat * 100)
        heard = hop - 5 + int(np.argmax(rise[hop - 5 : hop + 20]))
        assert 0 <= heard - hop <= 3


def test_how_loud_it_is_played_hardly_matters():
    sound = loop(steady(100.0, 8.0), 44_100, 8.0)
    loud, soft = (features_of(sound * np.float32(gain), 44_100)[200:] for gain in (1.0, 0.05))
    assert np.abs(loud - soft).max() < 0.05
