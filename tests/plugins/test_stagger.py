"""Copies of a sound, seconds later: when, how loud, and what happens when a gap changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack
from engine.render import Move, play

RATE = 8_000


def rack(**knobs: float) -> Rack:
    given = {"gap_s": 0.5, "uneven": 0.0, "spread": 0.0, "fall_db": 6.0, **knobs}
    return Rack("test", lanes=(Lane("a", "left", (Link("stagger", "stagger", given),)),))


def click(seconds: float) -> Any:
    sound = np.zeros((round(seconds * RATE), 1), np.float32)
    sound[100] = 0.5
    return sound


def test_copies_come_a_gap_apart_each_softer_than_the_last() -> None:
    made = play(rack(copies=3.0), click(3.0), RATE)[:, 0]
    places = np.flatnonzero(np.abs(made) > 1e-4)
    assert places.tolist() == [100 + k * RATE // 2 for k in range(4)]
    levels = 20 * np.log10(made[places] / 0.5)
    np.testing.assert_allclose(levels, [0.0, -6.0, -12.0, -18.0], atol=0.01)


def test_uneven_copies_have_no_common_beat() -> None:
    made = play(rack(copies=6.0, uneven=1.0, fall_db=0.0), click(4.0), RATE)[:, 0]
    gaps = np.diff(np.flatnonzero(np.abs(made) > 1e-4)) / RATE
    assert len(gaps) == 6
    assert gaps.min() > 0.05
    assert len(np.unique(np.round(gaps, 2))) == 6


def test_copies_come_from_both_sides() -> None:
    made = play(rack(copies=2.0, spread=1.0, fall_db=0.0), click(2.0), RATE)
    right, left = made[100 + RATE // 2], made[100 + RATE]
    assert right[1] > 3 * right[0] > 0
    assert left[0] > 3 * left[1] > 0


def test_dry_is_off_at_its_lowest_and_copies_can_be_none() -> None:
    made = play(rack(copies=2.0, dry_db=-60.0), click(2.0), RATE)[:, 0]
    assert made[100] == 0.0
    np.testing.assert_array_equal(play(rack(copies=0.0), click(2.0), RATE)[:, :1], click(2.0))


def test_a_gap_that_changes_does_not_click() -> None:
    t = np.arange(4 * RATE) / RATE
    sound = (0.3 * np.sin(2 * np.pi * 50.0 * t)).astype(np.float32)[:, None]
    moves = tuple(Move(RATE * k // 2, "a.stagger.gap_s", 0.3 + 0.17 * (k % 3)) for k in range(2, 8))
    made = play(rack(copies=4.0, dry_db=-60.0, fall_db=0.0), sound, RATE, moves=moves)[RATE:, 0]
    steepest = 2 * np.pi * 50.0 / RATE * 0.3 * 4
    assert np.abs(np.diff(made)).max() < 1.1 * steepest


@pytest.mark.parametrize(
    ("knob", "low", "high"),
    [("copies", 0.0, 6.0), ("fall_db", 0.0, 18.0), ("spread", 0.0, 1.0), ("copies_db", -60.0, 0.0),
     ("dry_db", -60.0, 0.0)],
)  # fmt: skip
def test_a_knob_that_is_turned_does_not_click(knob: str, low: float, high: float) -> None:
    rate = 48_000
    sound = (0.3 * np.sin(2 * np.pi * 50.0 * np.arange(3 * rate) / rate)).astype(np.float32)
    moves = tuple(Move(rate + 6000 * k, f"a.stagger.{knob}", (high, low)[k % 2]) for k in range(12))
    made = play(rack(copies=3.0, fall_db=0.0), sound[:, None], rate, moves=moves)[rate:]
    loudest = 0.3 * 7  # all copies and the sound itself
    bend = np.abs(np.diff(made, 2, axis=0)).max()
    assert bend < 0.01 * loudest  # a step of a hundredth would be one


def test_a_gap_that_changes_again_before_the_copies_have_arrived_is_followed_in_the_end() -> None:
    moves = (Move(1000, "a.stagger.gap_s", 0.9), Move(2000, "a.stagger.gap_s", 0.25))
    sound = np.zeros((3 * RATE, 1), np.float32)
    sound[2 * RATE] = 0.5
    made = play(rack(copies=2.0), sound, RATE, moves=moves)[:, 0]
    places = np.flatnonzero(np.abs(made) > 1e-4)
    assert places.tolist() == [2 * RATE + k * RATE // 4 for k in range(3)]


@pytest.mark.parametrize("block", [17, 333, 4096])
def test_any_block_size_makes_the_same_sound(block: int) -> None:
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal((2 * RATE, 1))).astype(np.float32)
    moves = tuple(
        Move(frame, f"a.stagger.{knob}", value)
        for frame, knob, value in [
            (5000, "gap_s", 0.2), (6000, "gap_s", 0.4), (7000, "fall_db", 1.0),
            (7100, "spread", 0.5), (9000, "copies", 5.5), (9001, "dry_db", -60.0),
        ]
    )  # fmt: skip
    whole = play(rack(copies=3.0, uneven=0.7), sound, RATE, 64, moves)
    np.testing.assert_array_equal(
        play(rack(copies=3.0, uneven=0.7), sound, RATE, block, moves), whole
    )
