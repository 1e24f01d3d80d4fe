"""MIDI clock in and out with a simulated clock: jitter, lost ticks, stalls, new tempos."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.control.clock import Beat, MusicalClock
from engine.control.midi.clock_in import ClockIn, Follower
from engine.control.midi.clock_out import BAR, FASTEST, SLOWEST, ClockOut, Schedule
from engine.control.midi.messages import Message
from engine.control.midi.port import Stamps

TEMPOS = st.floats(40.0, 180.0)
JITTER_NS = 1_400_000
unhurried = settings(deadline=None, max_examples=50)


def period_ns(tempo: float) -> float:
    return 60e9 / tempo / 24


def ticks(tempo: float, count: int, start: float = 0.0, seed: int = 0) -> list[int]:
    """When ticks arrive that are late by 0 to 1.4 ms, as JACK's are."""
    late = np.random.default_rng(seed).uniform(0, JITTER_NS, count)
    return [int(start + i * period_ns(tempo) + late[i]) for i in range(count)]


def phase_ms(follower: Follower, tempo: float, index: int) -> float:
    """How far the follower's line is from the middle of the jitter, at its tick ``index``."""
    line = follower.line
    assert line is not None
    at = line.stamp_ns + (index - line.index) * line.period_ns
    return (at - index * period_ns(tempo) - JITTER_NS / 2) / 1e6


def tempo_of(follower: Follower) -> float:
    assert follower.line is not None
    return 60e9 / 24 / follower.line.period_ns


@unhurried
@given(TEMPOS, st.integers(0, 10_000))
def test_after_four_beats_the_tempo_and_the_phase_are_there(tempo: float, seed: int) -> None:
    follower = Follower()
    for stamp in ticks(tempo, 97, seed=seed):
        follower.tick(stamp)
    assert abs(tempo_of(follower) - tempo) < 0.1
    assert abs(phase_ms(follower, tempo, 97)) < 1.0
    assert follower.restarts == 0


@unhurried
@given(TEMPOS, st.integers(0, 1000), st.integers(1, 60))
def test_ticks_that_are_lost_are_counted(tempo: float, seed: int, lost: int) -> None:
    follower = Follower()
    stamps = ticks(tempo, 300, seed=seed)
    for stamp in [*stamps[:120], *stamps[120 + lost :]]:
        follower.tick(stamp)
    assert follower.index == 299 and follower.lost == lost
    assert abs(tempo_of(follower) - tempo) < 0.1
    assert abs(phase_ms(follower, tempo, 299)) < 1.0


@unhurried
@given(TEMPOS, st.integers(0, 1000), st.integers(1, 3), st.floats(0.5, 1.4))
def test_a_few_late_ticks_change_nothing(tempo: float, seed: int, count: int, by: float) -> None:
    follower = Follower()
    stamps = ticks(tempo, 200, seed=seed)
    held = stamps[150 + count - 1] + int(
        by * period_ns(tempo)
    )  # all of these arrive at once, and late
    stamps[150 : 150 + count] = [held] * count
    for stamp in [max(stamps[: i + 1]) for i in range(200)]:
        follower.tick(stamp)
    assert follower.index == 199
    assert abs(tempo_of(follower) - tempo) < 0.1
    assert abs(phase_ms(follower, tempo, 199)) < 1.5


@unhurried
@given(TEMPOS, TEMPOS, st.integers(0, 1000))
def test_a_new_tempo_is_found_within_four_beats_and_no_tick_is_lost(
    one: float, two: float, seed: int
) -> None:
    follower = Follower()
    first = ticks(one, 120, seed=seed)
    for stamp in [*first, *ticks(two, 120, 120 * period_ns(one), seed + 1)]:
        follower.tick(stamp)
    assert abs(tempo_of(follower) - two) < 0.2 if abs(one - two) > 1.0 else True
    assert follower.index == 239 and follower.lost == 0


@unhurried
@given(TEMPOS, st.integers(8, 30), st.floats(0.02, 0.1))
def test_ticks_that_catch_up_with_a_drummer_tell_his_tempo(
    tempo: float, wave: int, depth: float
) -> None:
    follower, stamp = Follower(), 0.0
    for i in range(400):
        follower.tick(int(stamp))
        stamp += period_ns(tempo) * (1.0 + depth * math.sin(2.0 * math.pi * i / wave))
        if i > 150:
            assert follower.period_ns == pytest.approx(period_ns(tempo), rel=0.02)


class Listener:
    """A musical clock's news, and messages to a ClockIn."""

    def __init__(self) -> None:
        self.clock = MusicalClock()
        self.beats: list[Beat] = []
        self.clock.listen(lambda beat, source: self.beats.append(beat))
        self.follower = ClockIn(self.clock)

    def hear(self, kind: str, stamp_ns: int, value: int = 0, port: str = "a") -> None:
        assert self.follower.hear(Message(kind, value=value, stamp_ns=stamp_ns, port=port))


BASE = 10_000_000_000


def test_start_song_position_and_continue_say_where_the_song_is() -> None:
    heard = Listener()
    stamps = ticks(120.0, 500, BASE)
    for stamp in stamps[:100]:
        heard.hear("clock", stamp)
    heard.hear("start", stamps[100] - 1000)
    for stamp in stamps[100:197]:
        heard.hear("clock", stamp)
    assert heard.clock.beat(stamps[196]) == pytest.approx(4.0, abs=0.004)
    heard.hear("stop", stamps[197])
    heard.hear("song", stamps[197], value=16)  # sixteenths: beat 4
    for stamp in stamps[197:200]:  # most go on ticking while they stand
        heard.hear("clock", stamp)
    heard.hear("continue", stamps[199] + 1)
    for stamp in stamps[200:297]:
        heard.hear("clock", stamp)
    assert heard.clock.beat(stamps[296]) == pytest.approx(8.0, abs=0.004)
    assert heard.clock.tempo_bpm == pytest.approx(120.0, abs=0.1)
    assert heard.clock.source == "midi"


@pytest.mark.parametrize("pause_ms", [150.0, 1000.0, 2000.0, 2110.0, 4900.0])
@pytest.mark.parametrize("order", ["start", "continue"])
def test_a_song_begins_where_it_is_said_though_no_tick_came_while_it_stood(
    pause_ms: float, order: str
) -> None:
    heard = Listener()
    heard.hear("start", BASE)
    before = ticks(120.0, 200, BASE)
    for stamp in before:
        heard.hear("clock", stamp)
    heard.hear("stop", before[-1])
    heard.hear(order, before[-1] + 1)
    first = 0 if order == "start" else 200
    for index, stamp in enumerate(ticks(120.0, 97, before[-1] + pause_ms * 1e6), first):
        heard.hear("clock", stamp)
        if index >= first + 12:
            assert heard.clock.beat(stamp) == pytest.approx(index / 24, abs=0.01)
            assert heard.clock.tempo_bpm == pytest.approx(120.0, rel=0.03)


def test_a_stop_that_is_said_twice_leaves_the_song_where_it_stopped() -> None:
    heard = Listener()
    stamps = ticks(120.0, 240, BASE)
    heard.hear("start", BASE - 1)
    for index, stamp in enumerate(stamps):
        if index in (97, 120):
            heard.hear("stop", stamp - 1)
        if index == 143:
            heard.hear("continue", stamp - 1)
        heard.hear("clock", stamp)
    assert heard.clock.beat(stamps[-1]) == pytest.approx((97 + 239 - 143) / 24, abs=0.004)


@pytest.mark.parametrize("gap_ms", [330.0, 2110.0, 4900.0])
def test_a_pause_of_the_ticks_is_no_slower_tempo(gap_ms: float) -> None:
    heard = Listener()
    first = ticks(120.0, 200, BASE)
    for stamp in [*first, *ticks(120.0, 60, first[-1] + gap_ms * 1e6, seed=1)]:
        heard.hear("clock", stamp)
        if heard.beats:
            assert heard.clock.tempo_bpm == pytest.approx(120.0, rel=0.03)


def test_everybody_is_told_the_beat_of_who_is_named_though_another_sets_it_meanwhile() -> None:
    clock, told = MusicalClock(), []
    within, go_on = threading.Event(), threading.Event()

    def slow(beat: Beat, source: str) -> None:
        if source == "tap":
            within.set()
            go_on.wait(20.0)

    clock.listen(slow)
    clock.listen(lambda beat, source: told.append((source, beat.tempo_bpm)))
    player = threading.Thread(target=clock.set, args=(100.0, 3.0, BASE, "tap"))
    player.start()
    assert within.wait(20.0)
    clock.set(133.0, 5.2, BASE, "pulse")
    go_on.set()
    player.join()
    assert sorted(told) == [("pulse", 133.0), ("tap", 100.0)]


def test_the_musical_clock_is_set_ten_times_a_second_at_most() -> None:
    heard = Listener()
    for stamp in ticks(200.0, 800, BASE):  # ten seconds
        heard.hear("clock", stamp)
    assert 50 < len(heard.beats) <= 100
    gaps = np.diff([beat.stamp_ns for beat in heard.beats])
    assert gaps.min() > 90e6


def test_a_second_port_is_heard_only_when_the_first_is_silent() -> None:
    heard = Listener()
    one, two = ticks(120.0, 200, BASE), ticks(90.0, 200, BASE + 1000)
    for stamp, port in sorted([*((s, "a") for s in one), *((s, "b") for s in two)]):
        heard.hear("clock", stamp, port=port)
        if stamp > one[-1] - 1e9:
            break
    assert heard.clock.tempo_bpm == pytest.approx(120.0, abs=0.1)
    for stamp in ticks(90.0, 200, one[-1] + 3e9):
        heard.hear("clock", stamp, port="b")
    assert heard.clock.tempo_bpm == pytest.approx(90.0, abs=0.1)


def test_ticks_far_too_fast_for_music_set_nothing() -> None:
    heard = Listener()
    for i in range(300):
        heard.hear("clock", BASE + i * 100_000)
    for _ in range(300):
        heard.hear("clock", BASE + 50_000_000)
    assert not heard.beats


# --- clock out


def run(schedule: Schedule, beats: list[Beat], until_ns: float, stalls: Any = ()) -> list[float]:
    """Ticks of a schedule; ``beats`` come in at their stamps, ``stalls`` are (from, to)."""
    now, sent = beats[0].stamp_ns, []
    while now < until_ns:
        beat = next(b for b in reversed(beats) if b.stamp_ns <= now)
        due = schedule.next(beat, now)
        now = max(now, int(due))
        for begin, end in stalls:
            now = end if begin <= now < end else now
        schedule.sent(due)
        sent.append(float(now))
    return sent


@unhurried
@given(TEMPOS, st.floats(-100.0, 100.0))
def test_ticks_lie_on_the_clock_and_nothing_adds_up(tempo: float, beat: float) -> None:
    start = Beat(tempo, beat, 0)
    sent = run(Schedule(), [start], 100e9)
    numbers = np.array([start.at(int(t)) * 24 for t in sent])
    assert np.abs(numbers - np.round(numbers)).max() < 1e-5
    assert (np.diff(np.round(numbers)) == 1).all()


@unhurried
@given(TEMPOS, TEMPOS, st.floats(0.0, 4.0))
def test_a_new_tempo_and_a_step_are_followed_without_a_jump(
    one: float, two: float, step: float
) -> None:
    start = Beat(one, 0.0, 0)
    after = Beat(two, start.at(2_000_000_000) + step, 2_000_000_000)
    schedule = Schedule()
    sent = run(schedule, [start, after], 60e9)
    gaps = np.diff([t for t in sent if t > 2e9 + period_ns(min(one, two)) * 2])
    assert gaps.min() >= FASTEST * period_ns(two) - 2
    assert gaps.max() <= SLOWEST * period_ns(two) + 2
    number = after.at(int(sent[-1])) * 24
    assert abs(number - round(number)) < 1e-4
    assert schedule.index is not None
    assert (schedule.index - round(number)) % BAR == 0


@unhurried
@given(TEMPOS, st.integers(100_000_000, 3_000_000_000))
def test_after_a_stall_it_goes_on_from_now_without_a_burst(tempo: float, stall: int) -> None:
    start, schedule = Beat(tempo, 0.0, 0), Schedule()
    sent = run(schedule, [start], 10e9, [(2_000_000_000, 2_000_000_000 + stall)])
    gaps = np.diff(sent)
    assert (gaps < 0.5 * period_ns(tempo)).sum() <= 2
    assert abs(schedule.skipped - stall / period_ns(tempo)) <= 3
    number = start.at(int(sent[-1])) * 24
    assert schedule.index == round(number)


def test_a_port_is_told_to_start_at_a_bar_and_to_stop_at_the_end() -> None:
    class Port:
        def __init__(self) -> None:
            self.heard = bytearray()
            self.started: int | None = None
            self.enough = threading.Event()

        def send(self, data: bytes) -> bool:
            self.heard += data
            if self.heard.count(0xF8) >= 2 * BAR:
                self.enough.set()
            return True

    port, clock = Port(), MusicalClock(400.0)
    out = ClockOut(clock, lambda: [port])  # type: ignore[list-item]
    out.start()
    assert port.enough.wait(20.0)
    out.close()
    out.close()
    assert port.heard.count(0xFA) == 1 and port.heard[-1] == 0xFC
    assert port.heard.index(0xFA) <= BAR + 1
    assert out.statistics()["sent"] == port.heard.count(0xF8)


class Machine:
    """A port that counts the beats since it was told to start."""

    def __init__(self) -> None:
        self.started: int | None = None
        self.ticks, self.orders = 0, bytearray()

    def send(self, data: bytes) -> bool:
        if data == b"\xf8":
            self.ticks += 1
        else:
            self.orders += data
            self.ticks = 0 if data == b"\xfa" else self.ticks
        return True


class Led:
    """A clock that goes out to a machine, in simulated time; ``bar`` is what a plugin says."""

    def __init__(self) -> None:
        self.clock, self.machine = MusicalClock(), Machine()
        self.bar: int | None = 0
        self.out = ClockOut(self.clock, lambda: [self.machine], lambda: self.bar)  # type: ignore[list-item]
        self.now = 0
        self.clock.set(120.0, 0.0, 0, "preset")

    def run(self, beats: float) -> float:
        """Let so many beats pass; returns how far the machine's place in the bar is off."""
        until = self.now + int(beats * 60e9 / self.clock.tempo_bpm)
        while self.now < until:
            gently = self.clock.source == "pulse"
            due = self.out.schedule.next(self.clock.now, self.now, gently)
            self.now = int(due)
            self.out._tick(due)
        off = self.clock.beat(self.now) - (self.machine.ticks - 1) / 24
        return math.remainder(off, self.bar or 4)

    def lead(self, beats: float, bar: int = 4) -> None:
        """The plugin leads, and its beat is so many beats from where the clock's was."""
        self.bar = bar
        self.clock.set(120.0, self.clock.beat(self.now) + beats, self.now, "pulse")


def test_a_start_waits_for_who_is_to_lead_and_then_for_the_first_of_his_bar() -> None:
    led = Led()
    led.run(9)
    assert not led.machine.orders
    led.lead(2.4, bar=3)  # it takes the ticks five beats to be there
    off = led.run(14)
    assert led.machine.orders == b"\xfa"
    assert abs(off) < 0.05


def test_a_bar_that_begins_elsewhere_starts_the_machine_anew() -> None:
    led = Led()
    led.bar = None
    led.run(9)
    assert led.machine.orders == b"\xfa"  # nobody is to lead
    led.lead(0.0)
    led.run(9)
    assert led.machine.orders == b"\xfa"  # his bar is the machine's
    led.lead(1.0)
    assert abs(led.run(9)) < 0.01
    assert led.machine.orders == b"\xfa\xfc\xfa"
    led.lead(0.0, bar=3)
    assert abs(led.run(9)) < 0.01
    orders = bytes(led.machine.orders)
    led.run(30)
    assert led.machine.orders == orders
    led.bar = None  # who led has left: the machine goes on as it does
    led.clock.set(120.0, 0.5, led.now, "tap")
    led.run(30)
    assert led.machine.orders == orders


# --- stamps


def test_messages_that_lay_in_the_queue_keep_the_times_between_them() -> None:
    stamps, rng = Stamps(), np.random.default_rng(1)
    real = np.cumsum(rng.uniform(1e6, 8e6, 2000))
    fetched = np.maximum.accumulate(real + rng.uniform(0, 3e6, 2000))
    fetched[1000:1010] = fetched[1010]  # the thread slept
    gaps = np.diff(real, prepend=real[0]) / 1e9
    got = np.array([stamps.stamp(int(t), gap) for t, gap in zip(fetched, gaps, strict=True)])
    assert (got <= fetched).all() and (np.diff(got) >= 0).all()
    assert np.abs(got - real)[100:].max() < 0.2e6


def test_a_time_that_is_lost_is_made_up_for() -> None:
    stamps = Stamps()
    for i in range(100):
        stamps.stamp(i * 10_000_000, 0.01)
    later = 100 * 10_000_000 + 700_000_000
    assert stamps.stamp(later, 0.01) == later
