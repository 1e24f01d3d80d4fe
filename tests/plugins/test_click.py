"""The click: on the beat to the sample, once a beat whatever the beat does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conducting import Conductor
from conftest import noise, rack

from engine.dsp.beats import LENGTHS, NOTES
from engine.rack import Link
from engine.render import Move, play

RATE = 48000


def clicks(seconds: float, *before: Link, moves: Any = (), block: int = 64, **knobs: Any) -> Any:
    """What a click adds to silence."""
    silence = np.zeros((round(seconds * RATE), 1), np.float32)
    chain = rack(*before, Link("click", "click", knobs))
    return play(chain, silence, RATE, block, moves)[:, 0]


def starts(made: Any) -> list[int]:
    """Where clicks begin: sound after 20 ms of what is nearly silence."""
    loud = np.flatnonzero(np.abs(made) > 1e-3)
    return [int(k) for k in loud[np.diff(loud, prepend=-RATE) > RATE // 50]]


def beats_of(made: Any) -> Any:
    return np.array(starts(made)) / (RATE / 2)


@pytest.mark.parametrize("note", [n for n in NOTES if n != "off"])
def test_every_note_of_the_clock_is_clicked_on_its_frame(note: str) -> None:
    found = np.array(starts(clicks(4.2, division=float(NOTES.index(note)), accent=0.0)))
    length = LENGTHS[NOTES.index(note)] * RATE / 2
    wanted = np.arange(0, 4.2 * RATE, length)
    assert len(found) == len(wanted)
    late = found - wanted
    assert late.min() >= 0.0 and late.max() <= 5.0  # it rises from nothing
    assert np.ptp(late) <= 2.0


def test_it_is_off_when_it_is_off_and_begins_at_the_next_note() -> None:
    assert np.abs(clicks(2.0, division=0.0)).max() == 0.0
    moves = [Move(round(0.6 * RATE), "a.click.division", 6.0)]
    assert beats_of(clicks(2.0, division=0.0, moves=moves)) == pytest.approx([2, 3], abs=1e-3)


def test_the_first_of_a_bar_is_higher_and_louder(use: Callable[..., Link]) -> None:
    made = clicks(4.0, use(Conductor, bar=3.0), level=0.5, accent=0.5)
    found = starts(made)
    peaks = np.array([np.abs(made[k : k + 2400]).max() for k in found])
    pitches = [np.argmax(np.abs(np.fft.rfft(made[k + 240 : k + 2400]))) for k in found]
    first = np.arange(len(found)) % 3 == 0
    assert peaks[first].min() > 1.8 * peaks[~first].max()
    assert min(np.array(pitches)[first]) > 1.3 * max(np.array(pitches)[~first])
    assert 0.3 < peaks.max() <= 0.5


def test_the_input_passes_beside_it() -> None:
    sound = noise(48000)
    made = play(rack(Link("click", "click")), sound, RATE)[:, :1]
    click = clicks(1.0)[:, None]
    np.testing.assert_allclose(made, sound + click, atol=1e-6)


def test_a_beat_that_moves_back_over_a_click_is_not_clicked_twice(
    use: Callable[..., Link],
) -> None:
    moves = [Move(round((0.5 * k + 0.01) * RATE), "a.conductor.ahead", -0.1 * k) for k in (1, 2, 3)]
    found = beats_of(clicks(4.0, use(Conductor), moves=moves))
    wanted = [0.0, 1.0, 2.2, *np.arange(3, 8) + 0.3]  # at 1.02 it was 0.92 again, and so on
    assert found == pytest.approx(wanted, abs=2e-3)


def test_a_beat_that_is_jumped_over_is_clicked_if_it_is_hardly_past(
    use: Callable[..., Link],
) -> None:
    for ahead, late in ((0.15, 1.9), (0.4, None)):
        moves = [Move(round(0.95 * RATE), "a.conductor.ahead", ahead)]
        found = beats_of(clicks(2.0, use(Conductor), moves=moves))
        soon = [0.0, 1.0, *([late] if late else []), 3.0 - ahead]
        assert found[: len(soon)] == pytest.approx(soon, abs=6e-3)  # within a cell of 64 frames


@pytest.mark.parametrize("by", [-3.0, 1.0, 2.0, 7.0])
def test_a_bar_that_begins_elsewhere_moves_no_click(use: Callable[..., Link], by: float) -> None:
    moves = [Move(round(0.9 * RATE), "a.conductor.ahead", by)]
    made = clicks(4.0, use(Conductor), moves=moves, accent=1.0, level=0.5)
    found = [round(beat) for beat in beats_of(made)]
    assert found == [0, *(k for k in range(2, 8) if (k + by) % 4 == 0)]
    soft = clicks(4.0, use(Conductor), moves=moves, accent=0.1)
    assert beats_of(soft) == pytest.approx(range(8), abs=1e-3)


def test_behind_a_leader_it_does_not_depend_on_the_block(use: Callable[..., Link]) -> None:
    moves = [Move(9000 * k, "a.conductor.ahead", 0.37 * k) for k in range(1, 9)]
    whole = clicks(2.0, use(Conductor), moves=moves, division=9.0)
    for block in (37, 100, 1000):
        again = clicks(2.0, use(Conductor), moves=moves, division=9.0, block=block)
        np.testing.assert_array_equal(again, whole)
