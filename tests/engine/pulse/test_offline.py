"""Following whole sounds: drum loops made of numbers, with the network that ships and without."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from drum_loops import WALTZ, loop, steady, up_to_octave

from engine.neural.network import Network
from engine.pulse.file import read_network, shipped
from engine.pulse.offline import Followed, follow

RATE = 44_100
SECONDS = 20.0


@cache
def network() -> Network:
    return read_network(shipped())


def heard_with(name: str) -> Network | None:
    return network() if name == "network" else None


def backbeat(bpm: float = 100.0, rate: int = RATE) -> tuple[Any, Any]:
    beats = steady(bpm, SECONDS)
    return loop(beats, rate, SECONDS), beats


def score(made: Followed, beats: Any, after: float = 6.0) -> float:
    return up_to_octave(made.beats[made.beats > after], beats[beats > after])


def orderly(made: Followed) -> None:
    """What holds of any sound."""
    for part in (made.beats, made.emitted, made.confidence, made.tempo, made.answers):
        assert np.isfinite(part).all()
    gaps = np.diff(made.beats)
    assert np.all(gaps > 0.0) and np.all(np.diff(made.emitted) > 0.0)
    if len(gaps):
        slower = np.minimum(made.tempo[1:], made.tempo[:-1])
        faster = np.maximum(made.tempo[1:], made.tempo[:-1])
        assert np.all(gaps * faster / 60.0 > 0.6)
        assert np.all(gaps * slower / 60.0 < 2.5)
    assert np.all(made.emitted <= made.beats + 0.0101)
    assert np.all((made.confidence >= 0.0) & (made.confidence <= 1.0))
    assert np.all((made.tempo >= 39.0) & (made.tempo <= 340.0))


@pytest.mark.parametrize("what", ["network", "flux"])
@pytest.mark.parametrize("bpm", [100.0, 140.0])
def test_a_backbeat_is_followed(what: str, bpm: float):
    sound, beats = backbeat(bpm)
    made = follow(sound, RATE, heard_with(what))
    orderly(made)
    assert score(made, beats) > 0.9


@pytest.mark.parametrize("rate", [8000, 48_000, 96_000])
def test_it_is_followed_at_any_rate(rate: int):
    sound, beats = backbeat(rate=rate)
    made = follow(sound, rate, network())
    orderly(made)
    assert score(made, beats) > 0.9


def test_a_tempo_that_moves_is_followed():
    beats, at = [], 0.3
    while at < SECONDS:
        beats.append(at)
        at += 60.0 / (105.0 * (1.0 + 0.08 * np.sin(at / 4.0)))
    truth = np.array(beats)
    made = follow(loop(truth, RATE, SECONDS), RATE, network())
    orderly(made)
    assert score(made, truth) > 0.85


@pytest.mark.parametrize("what", ["network", "flux"])
def test_looking_ahead_announces_the_same_beats_sooner(what: str):
    sound, _ = backbeat()
    now, ahead = (follow(sound, RATE, heard_with(what), look_ahead_ms=ms) for ms in (0.0, 100.0))
    orderly(ahead)
    late, early = (made.beats[(made.beats > 6.0) & (made.beats < 19.0)] for made in (now, ahead))
    np.testing.assert_allclose(early, late, atol=0.03)
    assert np.all((ahead.beats - ahead.emitted)[ahead.beats > 6.0] > 0.08)


@pytest.mark.parametrize("what", ["network", "flux"])
def test_tempi_outside_the_window_are_not_told(what: str):
    sound, beats = backbeat(100.0)
    made = follow(sound, RATE, heard_with(what), lowest_bpm=130.0, highest_bpm=260.0)
    orderly(made)
    late = made.tempo[made.beats > 8.0]
    assert len(late) and np.all((late > 125.0) & (late < 265.0))
    assert score(made, beats, 8.0) > 0.85


@pytest.mark.parametrize("what", ["network", "flux"])
@pytest.mark.parametrize("sound", ["silence", "noise", "steps", "tone", "clipped", "short", "none"])
def test_what_has_no_beat_breaks_nothing(what: str, sound: str):
    rng, t = np.random.default_rng(1), np.arange(6 * RATE) / RATE
    sounds = {
        "silence": np.zeros(6 * RATE),
        "noise": rng.standard_normal(6 * RATE),
        "steps": np.repeat(rng.uniform(-1, 1, 60), RATE // 10),
        "tone": np.sin(2 * np.pi * 220 * t),
        "clipped": np.clip(1e6 * np.sin(2 * np.pi * 55 * t), -1e6, 1e6),
        "short": rng.standard_normal(100),
        "none": np.zeros(0),
    }
    made = follow(sounds[sound].astype(np.float32), RATE, heard_with(what))
    orderly(made)
    if sound == "silence":
        assert not np.any(made.confidence > 0.1)


def test_drums_that_stop_leave_the_beat_going_and_the_confidence_falling():
    sound, beats = backbeat()
    rest = np.concatenate([sound[: 14 * RATE], np.zeros(6 * RATE, np.float32)])
    made = follow(rest, RATE, network())
    orderly(made)
    silent = made.beats > 14.5
    assert np.sum(silent) >= 6
    assert made.confidence[-1] < 0.7 * made.confidence[made.beats < 14.0].max()
    after = beats[beats > 14.5][:8]
    assert up_to_octave(made.beats[silent & (made.beats < after[-1] + 0.1)], after) > 0.7


@pytest.mark.parametrize("what", ["network", "flux"])
@pytest.mark.parametrize("room_db", [-200.0, -60.0, -45.0])
def test_who_has_long_stopped_is_not_heard_in_the_noise_of_a_room(what: str, room_db: float):
    sound, _ = backbeat()
    rest = np.concatenate([sound[: 10 * RATE], np.zeros(26 * RATE, np.float32)])
    noise = np.random.default_rng(3).standard_normal(len(rest)).astype(np.float32)
    made = follow(rest + np.float32(10.0 ** (room_db / 20.0)) * noise, RATE, heard_with(what))
    assert made.beats[-1] > 34.0
    assert made.confidence[made.beats < 10.0].max() > 0.4
    assert made.confidence[-1] < 0.05


@pytest.mark.parametrize("what", ["network", "flux"])
def test_it_is_surer_of_a_beat_than_of_noise(what: str):
    noise = np.random.default_rng(4).standard_normal(14 * RATE).astype(np.float32)
    drums, hiss = (follow(one, RATE, heard_with(what)) for one in (backbeat()[0], 0.1 * noise))
    sure, unsure = (
        float(made.confidence[made.beats > 8.0].mean()) if np.any(made.beats > 8.0) else 0.0
        for made in (drums, hiss)
    )
    assert sure > 2.0 * unsure


def test_two_of_the_same_are_followed_alike():
    sound, _ = backbeat()
    one, other = (follow(sound[: 5 * RATE], RATE, network()) for _ in range(2))
    np.testing.assert_array_equal(one.beats, other.beats)
    np.testing.assert_array_equal(one.answers, other.answers)


def test_a_waltz_has_its_beats():
    beats = steady(130.0, SECONDS)
    made = follow(loop(beats, RATE, SECONDS, WALTZ, 3), RATE, network())
    orderly(made)
    assert score(made, beats) > 0.8
