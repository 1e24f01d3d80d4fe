"""The compressor: slopes, knee and times, in decibels and milliseconds."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Move, Renderer, play

RATE = 48_000
MS = RATE // 1000


def rack(**knobs):
    return Rack("test", lanes=(Lane("l", "stereo", (Link("compressor", "comp", knobs),)),))


def steps(*parts):
    mono = np.concatenate([np.full(ms * MS, 10.0 ** (db / 20.0)) for db, ms in parts])
    return np.stack([mono, mono], axis=1).astype(np.float32)


def settled_db(level_db, **knobs):
    """The level that leaves for a steady level that comes in."""
    out = play(rack(attack_ms=1.0, **knobs), steps((level_db, 50)), RATE)
    return 20.0 * np.log10(out[-1, 0])


@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0, 20.0])
def test_above_the_knee_a_decibel_more_gives_a_ratioth_of_one(ratio):
    knobs = dict(threshold_db=-30.0, ratio=ratio, knee_db=6.0)
    slope = settled_db(-5.0, **knobs) - settled_db(-15.0, **knobs)
    assert slope == pytest.approx(10.0 / ratio, abs=0.001)
    assert settled_db(-10.0, **knobs) == pytest.approx(-30.0 + 20.0 / ratio, abs=0.001)


def test_below_the_knee_nothing_changes():
    sound = steps((-33.1, 50))
    out = play(rack(threshold_db=-30.0, knee_db=6.0), sound, RATE)
    assert np.array_equal(out, sound)


@pytest.mark.parametrize("over_db", [-4.0, -1.0, 0.0, 2.5, 4.9])
def test_the_knee_is_a_parabola(over_db):
    reduced = (1.0 - 1.0 / 4.0) * (over_db + 5.0) ** 2 / 20.0
    out = settled_db(-20.0 + over_db, threshold_db=-20.0, ratio=4.0, knee_db=10.0)
    assert out == pytest.approx(-20.0 + over_db - reduced, abs=0.001)


def test_makeup_is_added_in_decibels():
    assert settled_db(-50.0, makeup_db=12.0) == pytest.approx(-38.0, abs=0.001)


def test_attack_and_release_are_the_time_to_63_percent_of_the_decibels():
    sound = steps((-60, 20), (-10, 400), (-60, 600))
    knobs = dict(threshold_db=-30.0, ratio=4.0, knee_db=0.0, attack_ms=20.0, release_ms=80.0)
    out = play(rack(**knobs), sound, RATE)
    reduced = -20.0 * np.log10(out[:, 0] / sound[:, 0])
    assert reduced[419 * MS] == pytest.approx(15.0, abs=0.001)
    assert reduced[(20 + 20) * MS - 1] == pytest.approx(15.0 * (1 - np.exp(-1)), abs=0.02)
    assert reduced[(420 + 80) * MS - 1] == pytest.approx(15.0 * np.exp(-1), abs=0.02)


def test_a_release_shorter_than_the_attack_is_kept_too():
    sound = steps((-10, 1000), (-60, 200))
    knobs = dict(threshold_db=-30.0, knee_db=0.0, attack_ms=100.0, release_ms=10.0)
    out = play(rack(**knobs), sound, RATE)
    reduced = -20.0 * np.log10(out[:, 0] / sound[:, 0])
    assert reduced[100 * MS - 1] == pytest.approx(15.0 * (1 - np.exp(-1)), abs=0.02)
    assert reduced[(1000 + 10) * MS - 1] == pytest.approx(15.0 * np.exp(-1), abs=0.02)


def test_the_louder_channel_turns_both_down():
    sound = steps((-10, 50))
    sound[:, 1] *= 0.01
    out = play(rack(), sound, RATE)
    np.testing.assert_allclose(out[:, 1] / sound[:, 1], out[:, 0] / sound[:, 0], rtol=1e-6)


def test_the_screen_shows_the_gain_reduction():
    renderer = Renderer(rack(threshold_db=-30.0, ratio=4.0, knee_db=0.0), RATE, 2)
    renderer.push(steps((-10, 200)))
    node, index = renderer.table.rack.readouts()["l.comp.gain_reduction_db"]
    assert renderer.shared.control["readouts"][0, node, index] == pytest.approx(15.0, abs=0.001)


def test_extreme_settings_stay_finite_on_full_scale_noise():
    noise = np.random.default_rng(3).uniform(-1, 1, (RATE, 2)).astype(np.float32)
    for ratio, knee, attack, release in ((20.0, 0.0, 0.1, 5.0), (1.0, 24.0, 200.0, 2000.0)):
        knobs = dict(threshold_db=-60.0, ratio=ratio, knee_db=knee, attack_ms=attack)
        out = play(rack(**knobs, release_ms=release, makeup_db=36.0), noise, RATE)
        assert np.all(np.isfinite(out))
        assert np.max(np.abs(out)) <= 10.0 ** (36.0 / 20.0) * 1.001


@pytest.mark.parametrize("block", [32, 333, 4096])
def test_blocks_of_any_size_sound_the_same_while_knobs_move(block):
    sound = (np.random.default_rng(5).standard_normal((20_000, 2)) * 0.2).astype(np.float32)
    moves = [
        Move(1000, "l.comp.threshold_db", -50.0), Move(1500, "l.comp.ratio", 12.0),
        Move(4000, "l.comp.knee_db", 0.0), Move(6000, "l.comp.attack_ms", 80.0),
        Move(6100, "l.comp.release_ms", 10.0), Move(9500, "l.comp.makeup_db", 20.0),
    ]  # fmt: skip
    whole = play(rack(), sound, RATE, moves=moves)
    assert np.array_equal(play(rack(), sound, RATE, block=block, moves=moves), whole)
