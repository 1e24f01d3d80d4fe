"""Drum parts that nobody has played, and takes of two drummers in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.pulse.follower.patterns import BEATS, PATTERNS, by_chance, part
from models.pulse.follower.scenes import blend
from models.pulse.judging.sets import DATA
from models.pulse.takes import DRUM_OF, FAMILY_OF, groove

GMD = DATA / "drums" / "gmd"
CYMBALS = 2


@pytest.mark.parametrize("number", range(len(PATTERNS)))
def test_the_lines_of_a_pattern_are_as_long_as_each_other_and_fill_whole_bars(number: int):
    pattern = PATTERNS[number]
    (cells,) = {len(line) for line in pattern.lines.values()}
    assert cells % (pattern.steps * pattern.bar) == 0
    assert set("".join(pattern.lines.values())) <= set("Xxo?.")
    assert 40 <= pattern.tempo[0] < pattern.tempo[1] <= 300


def test_a_pattern_by_chance_fills_whole_bars_too():
    for seed in range(50):
        pattern = by_chance(np.random.default_rng(seed))
        (cells,) = {len(line) for line in pattern.lines.values()}
        assert cells % (pattern.steps * pattern.bar) == 0


def test_parts_are_whole_and_no_two_are_alike():
    parts = [part(np.random.default_rng(seed)) for seed in range(60)]
    for made in parts:
        beats = made.notes["beat"]
        assert (np.diff(beats) >= 0).all() and beats[0] > -0.5
        assert BEATS - 8 < beats[-1] < BEATS + 0.5
        assert made.notes["velocity"].min() >= 5 and made.notes["velocity"].max() <= 127
        assert 40 < made.tempo_bpm < 300 and made.beats_a_bar in (2, 3, 4)
    assert len({made.notes.tobytes() for made in parts}) == len(parts)


def test_the_same_seed_gives_the_same_part():
    one, same = (part(np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.notes, same.notes)


@pytest.mark.skipif(not GMD.is_dir(), reason=f"needs the drummers' takes in {GMD}")
def test_in_a_blend_one_drummer_plays_the_cymbals_and_another_the_rest():
    takes = [t for t in groove(Path(GMD)) if t.beats_a_bar == 4 and t.seconds > 60][:2]
    made = blend(*takes, CYMBALS)
    family = np.array([FAMILY_OF[DRUM_OF[int(p)]] for p in made.notes["pitch"]])
    for own, take in ((family != CYMBALS, takes[0]), (family == CYMBALS, takes[1])):
        heard = made.notes[own]
        assert len(heard) and np.isin(heard["beat"], take.notes["beat"]).all()
    assert made.tempo_bpm == takes[0].tempo_bpm
