"""The beat of a plugin that leads: the clock follows it, each beat is told ahead and once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from control.pulse_stage import LED, RATE, Heard, install, sounding, uninstall
from control.web_stage import wait_for
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.control.beats import CLOSEST, Ahead, Told
from engine.control.clock import Beat
from engine.control.desk import News
from engine.control.lead import Timeline
from engine.control.midi.clock_out import Schedule
from engine.control.pulse import LOOK_SECONDS, SHORTEST_SECONDS, Pulse, wait_seconds
from engine.control.surfaces import Wanted, connected
from engine.rack import Lane, Link, Rack

MS = 1_000_000
unhurried = settings(deadline=None, max_examples=40)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    install(tmp_path, monkeypatch)
    yield
    uninstall()


def follow(
    heard: Heard, pulse: Pulse, tempo: Any, seconds: float, jumps: Any = ()
) -> list[tuple[int, float, float]]:
    """Let a plugin lead along ``tempo(seconds)``; returns (time, its beat, the clock's beat).

    ``jumps`` are (seconds, beats): there it changes its mind about where the beat is.
    """
    beat, rows, left = 0.0, [], list(jumps)
    for step in range(int(seconds * 100)):
        now = heard.zero_ns + step * 10 * MS
        bpm = tempo(step / 100)
        while left and left[0][0] <= step / 100:
            beat += left.pop(0)[1]
        frame = heard.play(now)
        at = now - heard.zero_ns
        # the record is of a moment ago, as it is
        heard.lead(bpm, beat - (at * RATE / 1e9 - frame) * bpm / 60 / RATE, frame)
        pulse.look(now)
        rows.append((now, beat, heard.desk.clock.beat(now)))
        beat += bpm / 6000
    return rows


def test_the_clock_follows_to_a_millisecond_and_the_audio_thread_is_not_told(
    plugins: None,
) -> None:
    heard = Heard()
    pulse = Pulse(heard.desk)
    before = len(heard.host.beats)
    rows = follow(heard, pulse, lambda s: 120 + 20 * np.sin(s), 20)
    off = np.array([(mine - clock) for _, mine, clock in rows[5:]])
    assert np.abs(off).max() < 0.02  # of a beat: it is put right 25 times a second
    assert np.median(np.abs(off)) < 0.003
    assert heard.desk.clock.source == "pulse"
    assert len(heard.host.beats) == before
    assert heard.desk.clock.tempo_bpm == pytest.approx(120 + 20 * np.sin(19.99), abs=0.5)


def test_a_steady_beat_moves_the_clock_only_at_beats(plugins: None) -> None:
    heard = Heard()
    follow(heard, Pulse(heard.desk), lambda s: 120.0, 10)
    assert 20 <= len(heard.told("tempo")) <= 23


def test_each_beat_is_told_once_ahead_and_with_its_place(plugins: None) -> None:
    heard, times = Heard(), []
    pulse = Pulse(heard.desk, ahead_ms=100.0)
    heard.desk.listen(lambda news: times.append(now[0]) if news.kind == "pulse" else None)
    now = [0]
    look = pulse.look

    def looked(at: int) -> Any:
        now[0] = at
        return look(at)

    pulse.look = looked  # type: ignore[method-assign]
    follow(heard, pulse, lambda s: 100.0, 12)
    told = heard.told()
    assert [one["number"] for one in told] == list(range(1, len(told) + 1))
    assert len(told) in (20, 21)
    places = [one["place"] for one in told]
    assert places == [(places[0] - 1 + k) % 4 + 1 for k in range(len(told))]
    stamps = np.array([one["stamp_ns"] for one in told])
    np.testing.assert_allclose(np.diff(stamps) / 1e9, 0.6, atol=1e-4)
    ahead = (stamps - np.array(times))[1:] / MS  # the first was here when it began
    assert ahead.min() > 85 and ahead.max() < 105
    first = (stamps[0] - heard.zero_ns) / 1e9 / 0.6
    assert first == pytest.approx(round(first), abs=1e-3)
    assert told[0]["tempo_bpm"] == 100.0 and told[0]["confidence"] == 0.9


@unhurried
@given(st.floats(30.0, 300.0), st.floats(0.0, 400.0), st.floats(0.0, 1.0))
def test_who_looks_when_he_is_told_to_tells_each_beat_as_it_is_due(
    tempo: float, ahead_ms: float, place: float
) -> None:
    ahead, beat, now = Ahead(round(ahead_ms * MS)), Beat(tempo, place, 0), 0
    looks, late = 0, []
    while now < 10_000 * MS:
        found = ahead.next(beat, 4, now)
        if found is not None:
            late.append(now + round(ahead_ms * MS) - found.stamp_ns)
        now += round(1e9 * wait_seconds(ahead.until_next(beat, now)))
        looks += 1
    assert max(np.abs(late[1:])) <= SHORTEST_SECONDS * 1e9 + 2
    assert looks <= 10.0 / LOOK_SECONDS + 3 * len(late) + 2


@unhurried
@given(
    st.floats(40.0, 250.0),
    st.lists(st.tuples(st.floats(0.0, 30.0), st.floats(-1.5, 1.5)), max_size=12),
    st.floats(0.0, 400.0),
)
def test_however_the_beat_jumps_no_two_are_told_too_close_and_their_numbers_go_up(
    tempo: float, jumps: list[tuple[float, float]], ahead_ms: float
) -> None:
    ahead, left = Ahead(round(ahead_ms * MS)), sorted(jumps)
    told: list[tuple[int, Told]] = []
    beat = Beat(tempo, 0.3, 0)
    for now in range(0, 30_000 * MS, 10 * MS):
        while left and left[0][0] * 1e9 <= now:
            beat = Beat(tempo, beat.at(now) + left.pop(0)[1], now)
        found = ahead.next(beat, 4, now)
        if found is not None:
            told.append((now, found))
    assert [one.number for _, one in told] == list(range(1, len(told) + 1))
    gaps = np.diff([one.stamp_ns for _, one in told])
    assert gaps.min() >= CLOSEST * 60e9 / tempo - 2
    if not jumps:
        assert len(told) >= 30 * tempo / 60 - 2
        np.testing.assert_allclose(gaps, 60e9 / tempo, atol=2)
    whole = 30 * tempo / 60  # a jump of 1.5 beats hides two at most, and one that is too close
    assert whole - 2.0 * len(jumps) * 1.5 - 3 < len(told) < whole + 2 * len(jumps) * 1.5 + 3


def test_a_record_of_another_rack_or_of_one_that_does_not_lead_moves_nothing(
    plugins: None,
) -> None:
    heard = Heard()
    pulse = Pulse(heard.desk)
    assert pulse.look(heard.zero_ns) is None  # nothing has sounded
    now = heard.zero_ns + 1000 * MS
    frame = heard.play(now)
    assert pulse.look(now) is None
    heard.lead(90.0, 0.0, frame, table=3)
    assert pulse.look(now) is None
    before = heard.desk.clock.now
    heard.lead(90.0, 0.0, frame, leads=False, sure=0.2)
    found = pulse.look(now)
    assert found is not None and not found.leads
    assert found.confidence == 0.2
    assert found.tempo_bpm == before.tempo_bpm == 120.0
    assert heard.desk.clock.now == before
    heard.lead(90.0, 0.0, frame)
    assert pulse.look(now + 10_000 * MS) is None  # the sound has stopped
    assert not heard.told()


def test_a_tempo_that_is_none_of_music_is_not_for_the_clock(plugins: None) -> None:
    heard = Heard()
    now = heard.zero_ns + 1000 * MS
    heard.lead(900.0, 0.0, heard.play(now))
    Pulse(heard.desk).look(now)
    assert heard.desk.clock.tempo_bpm == 120.0


def test_blocks_that_begin_late_do_not_move_the_beat() -> None:
    heard, timeline, rng = Heard(Rack("empty")), Timeline(), np.random.default_rng(0)
    off = []
    for step in range(400):
        now = heard.zero_ns + step * 10 * MS
        heard.play(now, late_ns=int(rng.exponential(0.3 * MS)))
        assert timeline.look(heard.shared) or step == 0
        off.append(timeline.stamp(RATE) - heard.zero_ns - 1_000_000_000)
    assert np.abs(off[60:]).max() < 0.1 * MS


@pytest.mark.parametrize("seconds", [30])
def test_midi_clock_goes_with_a_drummer_smoothly_and_loses_no_tick(seconds: int) -> None:
    """A drummer who drifts by a fifth, heard with an error of a few milliseconds."""
    rng = np.random.default_rng(1)
    schedule, sent = Schedule(), []
    beat, last = Beat(120.0, 0.0, 0), 0
    true = 0.0
    for ms in range(seconds * 1000):
        now = ms * MS
        tempo = 120.0 * (1 + 0.2 * np.sin(ms / 4000))
        true += tempo / 60_000
        if ms % 40 == 0:
            off = float(rng.normal(0, 0.003)) * tempo / 60
            beat = Beat(float(tempo), true + off, now)
        while (due := schedule.next(beat, now, gently=True)) <= now + MS:
            schedule.sent(due)
            sent.append(due)
            last += 1
    gaps = np.diff(sent[24:]) / MS
    assert gaps.min() > 0.85 * 60_000 / 144 / 24
    assert gaps.max() < 1.15 * 60_000 / 96 / 24
    assert schedule.skipped == 0
    assert last == pytest.approx(24 * true, abs=2)
    change = np.abs(np.diff(gaps)) / gaps[1:]
    assert np.percentile(change, 99) < 0.12  # though it is told 3 ms wrong, this way and that


def test_a_bar_that_begins_elsewhere_is_no_step_of_the_midi_clock() -> None:
    schedule, sent = Schedule(), []
    for tick in range(24 * 16):
        beat = Beat(120.0, 0.0 if tick < 100 else 2.0, 0)
        due = schedule.next(beat, int(sent[-1]) if sent else 0, gently=True)
        schedule.sent(due)
        sent.append(due)
    np.testing.assert_allclose(np.diff(sent), 60e9 / 120 / 24, rtol=1e-6)


# --- with an audio process


def test_a_real_rack_is_followed_tapped_and_left(plugins: None) -> None:
    plain = Rack("plain", lanes=(Lane("a", "left", (Link("gain", "gain"),)),))
    fast = LED.set("a.pulse.tempo_bpm", 150.0)
    with sounding(fast, plain) as desk:
        news: list[News] = []
        desk.listen(news.append)
        pulse = Pulse(desk)
        pulse.start()
        try:
            told = lambda: [one.facts for one in news if one.kind == "pulse"]  # noqa: E731
            assert wait_for(lambda: len(told()) >= 4)
            assert desk.clock.tempo_bpm == 150.0
            assert desk.clock.source == "pulse"
            control = desk.host.shared.control[0]
            written = int(control["event_written"])
            stamps = [one["stamp_ns"] for one in told()]
            assert np.median(np.diff(stamps) / 1e9) == pytest.approx(0.4, abs=0.02)
            now = time.monotonic_ns()
            beats = control["beat"][1] + control["beat"][2] * (
                desk.host.shared.frame_at(now) - int(control["beat_frame"])
            )
            assert desk.clock.beat(now) == pytest.approx(float(beats), abs=0.02)
            assert int(control["event_written"]) == written
            assert wait_for(lambda: desk.ready == 2)
            desk.set("a.pulse.mode", "free")
            assert wait_for(lambda: desk.pulse is not None and not desk.pulse.leads)
            desk.select(1)
            assert wait_for(lambda: desk.pulse is None)
            count = len(told())
            time.sleep(0.5)
            assert len(told()) == count
        finally:
            pulse.close()
        assert desk.pulse is None
        assert pulse.faults == 0


def test_live_brings_the_beat_out_and_takes_it_back_at_the_end(plugins: None) -> None:
    heard = Heard()
    with connected(heard.desk, Wanted(beat_ahead_ms=50.0)) as found:
        assert sorted(type(one).__name__ for one in found.all) == ["Made", "Pulse"]
        assert not found.told
        heard.zero_ns = time.monotonic_ns() - 1_000_000_000
        heard.lead(120.0, 3.0, heard.play(time.monotonic_ns()))
        assert wait_for(lambda: heard.desk.pulse is not None)
        assert wait_for(lambda: len(heard.told()) == 1)
        assert heard.told()[0]["place"] in (4, 1)
    assert heard.desk.pulse is None


def test_an_audio_process_that_is_started_again_counts_bars_as_the_one_before() -> None:
    held = {"mode": 1.0, "meter": 2.0}  # three beats a bar
    pulse_of_three = Link("pulse", "pulse", held, {"network": "flux"})
    with sounding(Rack("three", lanes=(Lane("a", "none", (pulse_of_three,)),))) as desk:
        pulse = Pulse(desk)
        pulse.start()
        try:
            desk.clock.set(150.0, 31.0, source="tap")
            assert wait_for(lambda: desk.pulse is not None and desk.pulse.leads)
            desk.press("a.pulse.one", True)
            assert wait_for(lambda: desk.pulse is not None and desk.pulse.said)
            desk.press("a.pulse.one", False)
            desk.set("a.pulse.meter", "auto")
            assert wait_for(lambda: desk.clock.source == "pulse")
            time.sleep(0.5)  # a beat tells it
            before = desk.clock.now
            os.kill(desk.host.pid, signal.SIGKILL)
            assert wait_for(lambda: desk.host.restarts == 1)
            assert wait_for(lambda: desk.pulse is not None and desk.pulse.leads)
            after = desk.pulse
            assert after is not None
            assert (after.bar, after.said) == (3, True)
            place = before.at(after.stamp_ns) - after.beat
            assert place % 3.0 == pytest.approx(0.0, abs=0.1) or place % 3.0 > 2.9
        finally:
            pulse.close()


def test_double_of_a_fast_beat_is_for_the_clock_and_for_a_tap(plugins: None) -> None:
    heard = Heard()
    now = heard.zero_ns + 1000 * MS
    heard.lead(640.0, 7.0, heard.play(now))
    Pulse(heard.desk).look(now)
    assert heard.desk.clock.tempo_bpm == 640.0
    heard.desk.tap("keys", now)
    assert (heard.desk.clock.source, heard.desk.clock.tempo_bpm) == ("tap", 640.0)
