"""A plugin that leads: all that follows the beat follows it, the same at any block size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack
from leading_stage import RATE, Late, Reads, Swing

from engine.kernel import Audio, kernel
from engine.layout import CELL
from engine.params import Param
from engine.plugin import Plugin
from engine.rack import Link
from engine.render import Move, play

Use = Callable[..., Link]


@pytest.mark.parametrize("late", [False, True])
def test_what_follows_a_leader_does_not_depend_on_the_devices_block(use: Use, late: bool) -> None:
    chain = (
        *([use(Late)] if late else []),
        use(Swing, tempo_bpm=140.0),
        Link("delay", "delay", {"sync": 9.0, "mix": 0.5}),
        Link("tremolo", "tremolo", {"sync": 9.0, "depth": 1.0}),
    )
    sound, moves = noise(24000), [Move(9001, "a.swing.tempo_bpm", 90.0)]
    whole = play(rack(*chain), sound, RATE, 64, moves)
    still = play(rack(*chain[:-3], *chain[-2:]), sound, RATE, 64)
    assert np.abs(whole[-9600:] - still[-9600:]).max() > 0.01  # it has led
    for block in (100, 256, 37):
        np.testing.assert_array_equal(play(rack(*chain), sound, RATE, block, moves), whole)


def test_the_beat_is_the_leaders_from_the_next_cell_on(use: Use) -> None:
    made = play(rack(use(Swing), use(Reads), source="stereo"), noise(24000, 2), RATE)
    beat, now = np.zeros(24000), np.arange(24000)
    steps = 120.0 * (1.0 + 0.2 * np.sin(now * 1e-4)) / (60.0 * RATE)
    beat = np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    outside = now * 120.0 / (60.0 * RATE)
    start = (4800 // CELL + 1) * CELL
    np.testing.assert_allclose(1e3 * made[:start, 0], outside[:start], atol=1e-4)
    np.testing.assert_allclose(1e3 * made[start:, 0], beat[start:], atol=1e-4)
    np.testing.assert_allclose(1e3 * made[:start, 1], 4.0, rtol=1e-5)
    np.testing.assert_allclose(1e3 * made[start:, 1], 3.0, rtol=1e-5)


def test_a_delays_gap_goes_by_the_even_tempo_and_the_beat_by_the_other(use: Use) -> None:
    class Even(Plugin):
        """Lead at a tempo that sways; it is 100 in the mean."""

        leads_beat = True

        @kernel
        def process(audio: Audio, knobs: Any, state: Any) -> None:
            state.lead[0], state.lead[16] = 1.0, 100.0
            state.lead[1] = 100.0 if state.lead[12] < 24000.0 else 130.0
            state.lead[2] = 2.0 * state.lead[12] / 48000.0
            state.lead[3] = state.lead[12]

    sound = np.zeros((96000, 1), np.float32)
    sound[30000] = 1.0
    echo = {"sync": 6.0, "mix": 1.0, "feedback": 0.0, "modulation": 0.0, "tone_hz": 20_000.0}
    made = play(rack(use(Even), Link("delay", "delay", echo)), sound, RATE)[:, 0]
    assert int(np.abs(made).argmax()) - 30000 == pytest.approx(0.6 * RATE, abs=2)
    beats = play(rack(use(Even), use(Reads), source="stereo"), np.repeat(sound, 2, 1), RATE)
    np.testing.assert_allclose(1e3 * beats[CELL:, 0], np.arange(CELL, 96000) / 24000, atol=0.01)


def test_latency_before_a_follower_or_the_leader_shifts_nothing(use: Use) -> None:
    sound = noise(24000, 2)
    plain = play(rack(use(Swing), use(Reads), source="stereo"), sound, RATE)
    late = play(rack(use(Swing), use(Late), use(Reads), source="stereo"), sound, RATE)
    after = slice(5000, 23000)
    # the beat at a frame is known 101 frames sooner than it is wanted: better by a hair
    np.testing.assert_allclose(1e3 * late[after, 0], 1e3 * plain[after, 0], atol=1e-3)
    both = play(rack(use(Late), use(Swing), use(Reads), source="stereo"), sound, RATE)
    np.testing.assert_allclose(1e3 * both[after, 0], 1e3 * plain[after, 0], atol=1e-3)


def test_one_that_does_not_lead_leaves_the_beat_as_it_is(use: Use) -> None:
    led = rack(use(Swing, on=0.0), use(Reads), source="stereo")
    alone = rack(use(Reads), source="stereo")
    np.testing.assert_array_equal(
        play(led, noise(9600, 2), RATE), play(alone, noise(9600, 2), RATE)
    )


def test_it_goes_on_as_it_was_when_its_leader_stops_and_a_bypassed_one_has_stopped(
    use: Use,
) -> None:
    for stop in ("on", "bypass"):
        moves = [Move(12000, f"a.swing.{stop}", float(stop == "bypass"))]
        chain = rack(use(Swing), use(Reads), source="stereo")
        made = 1e3 * play(chain, noise(24000, 2), RATE, moves=moves)[:, 0].astype(np.float64)
        then = made[13000:]
        line = then[0] + np.arange(len(then)) * (then[-1] - then[0]) / (len(then) - 1)
        assert np.abs(then - line).max() < 1e-4
        assert then[-1] > then[0]


def test_of_two_the_first_that_leads_wins(use: Use) -> None:
    first = use(Swing, "first", tempo_bpm=60.0)
    second = use(Swing, "second", tempo_bpm=240.0)
    silent = use(Swing, "silent", on=0.0)
    sound = noise(9600, 2)
    made = play(rack(silent, first, second, use(Reads), source="stereo"), sound, RATE)
    wanted = play(rack(first, use(Reads), source="stereo"), sound, RATE)
    np.testing.assert_array_equal(made, wanted)


def test_a_record_that_makes_no_sense_is_not_followed(use: Use) -> None:
    class Mad(Plugin):
        """Lead nowhere."""

        leads_beat = True
        kind = Param(0.0, 0.0, 4.0, help="In what way")

        @kernel
        def process(audio: Audio, knobs: Any, state: Any) -> None:
            zero = audio[0, 0] * np.float32(0.0)
            state.lead[0], state.lead[1] = 1.0, 120.0
            if knobs.kind.start == np.float32(0.0):
                state.lead[1] = float(zero / zero)
            elif knobs.kind.start == np.float32(1.0):
                state.lead[1] = -3.0
            elif knobs.kind.start == np.float32(2.0):
                state.lead[2] = float(zero / zero)
            elif knobs.kind.start == np.float32(3.0):
                state.lead[3] = 1e300
            else:
                state.lead[0] = 0.5

    plain = play(rack(use(Reads), source="stereo"), noise(3200, 2), RATE)
    for kind in range(5):
        chain = rack(use(Mad, kind=float(kind)), use(Reads), source="stereo")
        np.testing.assert_array_equal(play(chain, noise(3200, 2), RATE), plain)
