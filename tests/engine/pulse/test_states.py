"""States and oscillator, told made-up probabilities: where the beat is, and what it stands."""

from __future__ import annotations

import math
from collections import namedtuple
from functools import cache
from typing import Any

import numpy as np
import pytest

from engine.compiler import callable_kernel
from engine.kernel import kernel
from engine.pulse.bars import BAR, SHIFT, count_bars, say_first
from engine.pulse.follower import NEAR, TRUST, follower
from engine.pulse.states import INTERVALS, LATE_HOPS, PLACE_BINS, SHORTEST, move
from engine.pulse.tracker import BEATS, ENOUGH, EVEN, RATE, TRUSTED, follow, remember

FLOOR, PEAK = 0.02, 0.6


@kernel
def drive(state: Any, beat: Any, first: Any, told: Any, ahead: float, held: int, meter: int) -> int:
    """A hop for each of ``beat``; rows of ``told`` are when, said when, place in its bar, tempo."""
    count = 0
    for i in range(beat.shape[0]):
        move(state, beat[i], TRUST)
        announced = follow(state, ahead, held, NEAR, 0.0)
        count_bars(state, first[i], meter)
        if announced == 1:
            told[count, 0] = (i + 1 + state.told[1]) / 100.0
            told[count, 1] = (i + 1) / 100.0
            told[count, 2] = (state.told[0] + state.bar[SHIFT]) % state.bar[BAR]
            told[count, 3] = 6000.0 * state.pulse[RATE]
            count += 1
    return count


@kernel
def drive_placed(
    state: Any, beat: Any, first: float, period: float, tempo: float, sure: float, struck: float,
    told: Any,
) -> int:  # fmt: skip
    """As ``drive``, with a network that hears a beat at ``first`` and every ``period`` hops;
    ``sure`` of it, as far as the rest is even; ``tempo`` is how many beats a hop it counts."""
    count = 0
    state.placed_at[0] = tempo
    for i in range(beat.shape[0]):
        move(state, beat[i], TRUST)
        place = (i + 1 - LATE_HOPS - first) / period
        at = (place - math.floor(place)) * PLACE_BINS
        for k in range(PLACE_BINS):
            away = abs(at - k)
            away = min(away, PLACE_BINS - away)
            state.likely[k] = (1.0 - sure) / PLACE_BINS + sure * max(0.0, 1.0 - away)
        if follow(state, 0.0, 0, NEAR, struck) == 1:
            told[count, 0] = (i + 1 + state.told[1]) / 100.0
            count += 1
    return count


@kernel
def press(state: Any, number: float, meter: int) -> None:
    say_first(state, number, meter)


@cache
def compiled(what: Any) -> Any:
    return callable_kernel(what)


@cache  # a kernel is compiled anew for each class
def state_of(*names: str) -> Any:
    return namedtuple("State", names)  # noqa: PYI024 - as kernels see it


class Follower:
    """One that goes on from call to call."""

    def __init__(self) -> None:
        made = follower(48_000)
        made["weighed"] = made["usual"].copy()
        self.state = state_of(*made)(**made)

    def hear(
        self, beat: Any, first: Any = None, ahead: float = 0.0, held: int = 0, meter: int = 0
    ) -> Any:
        """Rows (when, said when, place in the bar, tempo), in seconds from this call on."""
        told = np.zeros((len(beat), 4))
        first = np.full(len(beat), 0.002) if first is None else first
        count = compiled(drive)(self.state, beat, first, told, ahead, held, meter)
        return told[:count]

    @property
    def tempo(self) -> float:
        return 6000.0 * float(self.state.pulse[RATE])


def bumps(beats: Any, seconds: float, peak: float = PEAK, floor: float = FLOOR) -> Any:
    """Probabilities as a good network tells them: three hops wide, as late as it is."""
    made = np.full(round(seconds * 100), floor)
    for beat in beats:
        at = round(beat * 100) + int(LATE_HOPS) - 1
        for hop, part in ((at - 1, 0.5), (at, 1.0), (at + 1, 0.5)):
            if 0 <= hop < len(made):
                made[hop] = max(made[hop], peak * part)
    return made


def steady(bpm: float, seconds: float, start: float = 0.4) -> Any:
    return np.arange(start, seconds, 60.0 / bpm)


def off(said: Any, beats: Any) -> Any:
    """How far each told beat is from the nearest of ``beats``, in seconds."""
    return np.array([np.min(np.abs(beats - when)) for when in said])


def one_each(said: Any, bpm: float) -> bool:
    """Whether they are a beat apart, each from the next."""
    return bool(np.abs(np.diff(said) * bpm / 60.0 - 1.0).max() < 0.15)


@kernel
def tempi(state: Any, beat: Any, told: Any) -> None:
    """A hop for each of ``beat``; rows of ``told`` are the tempo, and the even one."""
    for i in range(beat.shape[0]):
        move(state, beat[i], TRUST)
        follow(state, 0.0, 0, NEAR, 0.0)
        if state.pulse[ENOUGH] == 1.0:
            remember(state, 0.0)
        told[i, 0], told[i, 1] = 6000.0 * state.pulse[RATE], 6000.0 * state.pulse[EVEN]


def test_strokes_that_are_early_or_late_hardly_sway_the_even_tempo():
    rng, one = np.random.default_rng(1), Follower()
    beats = steady(110.0, 60.0)
    told = np.zeros((6000, 2))
    compiled(tempi)(one.state, bumps(beats + rng.normal(0.0, 0.015, len(beats)), 60.0), told)
    swayed, even = np.percentile(np.abs(told[1000:] / 110.0 - 1.0), 95, axis=0)
    assert even < min(0.025, 0.6 * swayed), (swayed, even)
    swayed, even = np.median(np.abs(told[1050:] / told[1000:-50] - 1.0), axis=0)
    assert even < 0.35 * swayed, (swayed, even)


def test_the_even_tempo_is_with_a_step_after_two_beats():
    one, told = Follower(), np.zeros((3000, 2))
    beats = np.concatenate([steady(100.0, 15.0), 15.0 + steady(125.0, 15.0, 0.2)])
    compiled(tempi)(one.state, bumps(beats, 30.0), told)
    moved = np.flatnonzero(np.abs(told[1500:, 0] / 125.0 - 1.0) < 0.03)[0] + 1500
    assert abs(told[moved + 100, 1] / 125.0 - 1.0) < 0.03


@pytest.mark.parametrize("bpm", [60.0, 93.7, 118.81, 120.0, 200.0])
def test_a_steady_beat_is_found_and_told_within_20_ms(bpm: float):
    one, beats = Follower(), steady(bpm, 20.0)
    told = one.hear(bumps(beats, 20.0))
    assert one.tempo == pytest.approx(bpm, rel=0.01)
    late = told[told[:, 0] > 10.0, 0]
    assert np.all(off(late, beats) < 0.02)
    assert one_each(late, bpm)


@pytest.mark.parametrize("bpm", [60.0, 120.0, 200.0])
def test_it_goes_on_through_eight_beats_of_silence(bpm: float):
    one, period = Follower(), 60.0 / bpm
    beats = steady(bpm, 20.0 + 9 * period)
    last = beats[beats < 20.0][-1]
    told = one.hear(bumps(beats[beats <= last], last + 8.4 * period))
    silent = told[told[:, 0] > last + 0.5 * period, 0]
    assert len(silent) == 8
    assert np.all(off(silent, beats) < 0.02 + 0.02 * np.arange(1, 9) * period)


@pytest.mark.parametrize("ratio", [0.8, 1.2])
def test_a_step_of_tempo_is_followed(ratio: float):
    before = steady(110.0, 15.0)
    after = before[-1] + np.arange(1, 60) * 60.0 / (110.0 * ratio)
    beats = np.concatenate([before, after[after < 30.0]])
    one = Follower()
    told = one.hear(bumps(beats, 30.0))
    late = told[told[:, 0] > 23.0, 0]
    assert one.tempo == pytest.approx(110.0 * ratio, rel=0.02)
    assert np.all(off(late, beats) < 0.03)
    assert one_each(late, 110.0 * ratio)


def test_a_tempo_that_always_moves_is_followed():
    beats, at = [], 0.4
    while at < 40.0:
        beats.append(at)
        at += 60.0 / (100.0 * (1.0 + 0.15 * np.sin(at / 4.0)))
    told = Follower().hear(bumps(beats, 40.0))
    late = told[told[:, 0] > 10.0, 0]
    assert np.mean(off(late, np.array(beats)) < 0.05) > 0.95


def test_strokes_that_come_a_little_early_or_late_lead_nobody_astray():
    rng = np.random.default_rng(1)
    beats = steady(100.0, 30.0)
    played = beats + rng.uniform(-0.025, 0.025, len(beats))
    told = Follower().hear(bumps(played, 30.0))
    late = told[told[:, 0] > 10.0, 0]
    assert off(late, beats).mean() < 0.03 and off(late, beats).max() < 0.09
    assert one_each(late, 100.0)


def test_strokes_halfway_between_beats_do_not_turn_it_round():
    beats, rng = steady(100.0, 30.0), np.random.default_rng(2)
    halves = beats[rng.random(len(beats)) < 0.4] + 0.3
    heard = np.maximum(bumps(beats, 30.0), bumps(halves[halves > 10.0], 30.0, 0.4))
    told = Follower().hear(heard)
    late = told[told[:, 0] > 10.0, 0]  # it may count the halves, too: not only them
    kept = beats[(beats > 11.0) & (beats < 29.0)]
    assert np.all(np.abs(kept[:, None] - late).min(axis=1) < 0.04)


def placed(later: float, sure: float = 1.0, struck: float = 0.0, tempo: float = 1.0) -> float:
    """By how many seconds beats of 100 bpm are told later than they are where a network hears
    them ``later``; ``tempo`` is how many of its own it counts in each."""
    beats, told, one = steady(100.0, 30.0), np.zeros((100, 4)), Follower()
    first, heard = 100.0 * (beats[0] + later), bumps(beats, 30.0)
    count = compiled(drive_placed)(
        one.state, heard, first, 60.0, tempo / 60.0, sure, struck, told
    )  # fmt: skip
    late = told[:count, 0]
    late = late[(late > 10.0) & (late < 29.0)]
    nearest = beats[np.abs(beats[:, None] - late).argmin(axis=0)]
    return float(np.median(late - nearest))


@pytest.mark.parametrize("later", [0.04, -0.04])
def test_a_network_that_has_heard_a_stroke_tells_where_just_the_beat_is(later: float):
    assert placed(later) == pytest.approx(later, abs=0.012)


def test_between_strokes_it_hardly_does():
    assert 0.0 < placed(0.04, struck=100.0) < 0.02


@pytest.mark.parametrize(
    ("later", "sure", "tempo"),
    [(0.04, 0.0, 1.0), (0.3, 1.0, 1.0), (0.04, 1.0, 0.5), (0.04, 1.0, 2.0)],
)
def test_nor_where_it_knows_nothing_or_counts_otherwise(later: float, sure: float, tempo: float):
    """Which beat it is the states tell."""
    assert abs(placed(later, sure, 0.0, tempo)) < 0.01


def test_a_few_beats_that_are_missing_are_told_all_the_same():
    beats = steady(120.0, 30.0)
    kept = beats[np.random.default_rng(3).random(len(beats)) > 0.3]
    told = Follower().hear(bumps(kept, 30.0))
    late = told[(told[:, 0] > 10.0) & (told[:, 0] < 29.5), 0]
    assert len(late) == np.sum((beats > 10.0) & (beats < 29.5))
    assert np.all(off(late, beats) < 0.03)


def test_one_that_is_held_goes_on_as_it_was():
    one = Follower()
    one.hear(bumps(steady(100.0, 15.0), 15.0))
    tempo, beats = one.tempo, float(one.state.pulse[BEATS])
    one.hear(bumps(steady(140.0, 10.0), 10.0), held=1)
    assert one.tempo == tempo
    assert float(one.state.pulse[BEATS]) - beats == pytest.approx(10.0 * tempo / 60.0, rel=1e-6)


@pytest.mark.parametrize("what", ["zero", "one", "turns", "noise", "edge"])
def test_no_answer_however_strange_brings_it_out_of_range(what: str):
    one, hops = Follower(), 6000
    rng = np.random.default_rng(4)
    beat = {
        "zero": np.zeros(hops),
        "one": np.ones(hops),
        "turns": np.arange(hops) % 2.0,
        "noise": rng.random(hops),
        "edge": np.repeat(rng.integers(0, 2, hops // 50), 50).astype(float),
    }[what]
    told = one.hear(beat, beat)
    assert one.state.belief.sum() == pytest.approx(1.0, abs=2e-3)
    assert one.state.belief.min() >= 0.0
    assert one.state.mass.sum() == pytest.approx(1.0, abs=2e-3)
    for array in (one.state.pulse, one.state.told, one.state.found, one.state.bar, told):
        assert np.isfinite(array).all()
    if one.state.pulse[ENOUGH] == 1.0:
        assert 6000.0 / (SHORTEST + INTERVALS) <= one.tempo <= 1.01 * 6000.0 / SHORTEST
    assert 0.0 <= one.state.pulse[TRUSTED] <= 1.0
    assert np.all(np.diff(told[:, 0]) > 0.0)
    told = one.hear(bumps(steady(100.0, 25.0), 25.0))  # and it is well again
    assert np.all(off(told[told[:, 0] > 17.0, 0], steady(100.0, 25.0)) < 0.03)


def test_told_ahead_it_tells_the_same_beats_sooner():
    beats = steady(100.0, 20.0)
    now, ahead = (Follower().hear(bumps(beats, 20.0), ahead=hops) for hops in (0.0, 15.0))
    late, early = now[now[:, 0] > 10.2], ahead[ahead[:, 0] > 10.2]
    count = min(len(late), len(early))
    np.testing.assert_allclose(early[:count, 0], late[:count, 0], atol=0.02)
    assert np.all(early[:, 1] < early[:, 0] - 0.13)
    assert np.all(late[:, 1] <= late[:, 0] + 0.011)


@pytest.mark.parametrize("meter", [3, 4])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_firsts_of_bars_of_three_and_of_four_are_found(meter: int, place: int):
    one, beats = Follower(), steady(120.0, 30.0)
    firsts = beats[place::meter]
    told = one.hear(bumps(beats, 30.0), bumps(firsts, 30.0, 0.4, 0.002))
    late = told[told[:, 0] > 18.0]
    assert int(one.state.bar[BAR]) == meter
    assert np.all(off(late[late[:, 2] == 0.0, 0], firsts) < 0.03)
    assert np.sum(late[:, 2] == 0.0) >= len(late) // meter


@pytest.mark.parametrize("alike", [0.0, 0.002, 0.3, 1.0])
def test_where_all_beats_are_alike_a_bar_stays_where_it_is(alike: float):
    one, beats = Follower(), steady(120.0, 30.0)
    told = one.hear(bumps(beats, 30.0), bumps(beats, 30.0, alike, min(alike, 0.002)))
    places = told[told[:, 0] > 8.0, 2]
    np.testing.assert_array_equal(np.diff(places) % one.state.bar[BAR], 1.0)


def test_firsts_of_which_little_is_known_are_found_and_seldom_moved():
    beats, right, moved = steady(120.0, 60.0), [], 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        firsts = np.zeros(6000)
        for n, at in enumerate(beats):
            told = (0.12 if n % 4 == 2 else 0.05) * np.exp(rng.standard_normal())
            firsts[round(100.0 * at) + 1] = min(told, 0.95)
        one = Follower()
        told = one.hear(bumps(beats, 60.0), firsts)
        late = told[told[:, 0] > 25.0]
        right.append(np.mean((late[:, 2] == 0.0) == (off(late[:, 0], beats[2::4]) < 0.03)))
        moved += int(np.sum(np.diff(late[:, 2]) % one.state.bar[BAR] != 1.0))
    assert np.mean(right) > 0.97 and moved <= 4


def test_a_chosen_meter_is_kept():
    beats = steady(120.0, 30.0)
    one = Follower()
    told = one.hear(bumps(beats, 30.0), bumps(beats[2::5], 30.0, 0.4, 0.002), meter=5)
    late = told[told[:, 0] > 15.0]
    assert int(one.state.bar[BAR]) == 5
    assert np.all(off(late[late[:, 2] == 0.0, 0], beats[2::5]) < 0.03)


def test_a_players_one_is_the_first_whatever_is_heard():
    beats = steady(120.0, 60.0)
    one = Follower()
    firsts = bumps(beats[::4], 60.0, 0.4, 0.002)
    one.hear(bumps(beats, 20.0), firsts[:2000])
    number = float(np.floor(one.state.pulse[BEATS] + 0.5)) + 1.0  # not what it thinks is one
    while (number + one.state.bar[SHIFT]) % one.state.bar[BAR] == 0.0:
        number += 1.0
    compiled(press)(one.state, number, 4)
    one.hear(bumps(beats, 60.0)[2000:], firsts[2000:])
    assert (number + one.state.bar[SHIFT]) % 4 == 0.0 and one.state.bar[BAR] == 4.0
