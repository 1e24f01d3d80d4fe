"""The gate: opens and closes when it says, in the time it says, without chatter or click."""

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Move, play

RATE = 48_000
MS = RATE // 1000


def rack(**knobs):
    return Rack("test", lanes=(Lane("l", "stereo", (Link("gate", "gate", knobs),)),))


def steps(*parts):
    """A constant at each level for its milliseconds, in both channels."""
    mono = np.concatenate([np.full(round(ms * MS), level) for level, ms in parts])
    return np.stack([mono, mono], axis=1).astype(np.float32)


def db(level):
    return 10.0 ** (level / 20.0)


def gain_through(sound, **knobs):
    return play(rack(**knobs), sound, RATE)[:, 0] / sound[:, 0]


def test_it_is_transparent_once_open():
    sound = steps((0.5, 100))
    out = play(rack(), sound, RATE)
    assert np.array_equal(out[2 * MS :], sound[2 * MS :])


def test_what_stays_below_the_threshold_is_turned_down_by_the_range():
    gain = gain_through(steps((db(-51), 200)), threshold_db=-50.0, range_db=-40.0)
    np.testing.assert_allclose(20 * np.log10(gain), -40.0, atol=0.01)


def test_it_opens_within_the_attack_time():
    gain = gain_through(steps((db(-60), 50), (0.5, 50)), threshold_db=-40.0, attack_ms=5.0)
    opened = np.flatnonzero(gain == 1.0)[0] - 50 * MS
    assert opened == pytest.approx(5 * MS, abs=1)


def test_it_waits_for_the_hold_and_then_closes_in_the_release_time():
    low, high = db(-60), db(-20)
    gain = gain_through(
        steps((high, 100), (low, 500)),
        threshold_db=-30.0, hysteresis_db=6.0, hold_ms=80.0, release_ms=100.0,
    )  # fmt: skip
    falls = 20.0 * np.log(high / db(-36.0))  # the detector's time to the closing level
    began = np.flatnonzero(gain[50 * MS :] < 1.0)[0] / MS - 50.0
    ended = np.flatnonzero(gain > db(-79.9))[-1] / MS - 100.0
    assert began == pytest.approx(falls + 80.0, abs=1.0)
    assert ended - began == pytest.approx(100.0, abs=2.0)


def test_between_its_two_thresholds_it_stays_as_it_is():
    between = db(-33.0)
    knobs = dict(threshold_db=-30.0, hysteresis_db=6.0, hold_ms=0.0)
    assert np.all(gain_through(steps((between, 300)), **knobs) < 0.01)
    assert np.all(gain_through(steps((0.5, 50), (between, 600)), **knobs)[100 * MS :] == 1.0)


def test_a_low_string_near_the_threshold_does_not_make_it_chatter():
    t = np.arange(RATE) / RATE
    tone = (db(-29.0) * np.sin(2 * np.pi * 41.2 * t)).astype(np.float32)
    out = play(rack(threshold_db=-30.0, hold_ms=0.0), np.stack([tone, tone], 1), RATE)
    assert np.array_equal(out[RATE // 10 :, 0], tone[RATE // 10 :])


def test_no_gain_step_is_larger_than_the_attack_allows():
    gain = gain_through(
        steps((1e-3, 50), (0.5, 50), (1e-3, 400)), attack_ms=1.0, threshold_db=-20.0
    )
    assert np.max(np.abs(np.diff(gain))) < 1.6 / MS  # a smooth step is at most 1.5 times a ramp


def test_one_loud_channel_opens_both():
    sound = steps((0.5, 50))
    sound[:, 1] = 1e-4
    out = play(rack(threshold_db=-40.0), sound, RATE)
    assert np.array_equal(out[5 * MS :, 1], sound[5 * MS :, 1])


@pytest.mark.parametrize("block", [32, 333, 4096])
def test_blocks_of_any_size_sound_the_same_while_knobs_move(block):
    rng = np.random.default_rng(5)
    sound = (rng.standard_normal((20_000, 2)) * 0.2).astype(np.float32)
    sound *= (np.arange(20_000) // 3000 % 2)[:, None]
    moves = [
        Move(1000, "l.gate.threshold_db", -14.0), Move(1500, "l.gate.range_db", -20.0),
        Move(5000, "l.gate.hysteresis_db", 1.0), Move(9000, "l.gate.attack_ms", 20.0),
        Move(9100, "l.gate.release_ms", 30.0), Move(9500, "l.gate.hold_ms", 5.0),
    ]  # fmt: skip
    whole = play(rack(), sound, RATE, moves=moves)
    assert np.array_equal(play(rack(), sound, RATE, block=block, moves=moves), whole)
