"""Racks on a shelf: switched to at once, left ringing, silenced in a panic, passed by."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import noise

from engine import catalogue
from engine.layout import BEAT, BYPASS, LEAVING, PANIC, SWITCH
from engine.plugin import Plugin
from engine.rack import Lane, Link, Rack
from engine.shared import Shared, address
from engine.stage import Stage, Table
from engine.virtual import Pull

RATE, BLOCK, FADE = 48000, 64, 960


class Show:
    """A set list driven by hand: no device, no clock, no other thread."""

    def __init__(self, *racks: Rack) -> None:
        self.shared = Shared.private()
        self.stage = Stage(self.shared, RATE, BLOCK)
        self.tables: list[Table] = []
        for number, one in enumerate(racks):
            table = self.stage.build(one)
            self.stage.shelve(number, table)
            self.tables.append(table)
        self.stage.publish(self.tables[0])
        self.pull = Pull(self.shared, BLOCK, 1)

    def switch(self, number: int) -> None:
        table = self.tables[number]
        assert self.shared.send(table.id, SWITCH, address(table.table), 0.0)

    def play(self, sound: Any) -> Any:
        return self.pull.run(np.asarray(sound, np.float32).reshape(-1, 1))

    @property
    def ringing(self) -> int:
        return int((self.shared.control["leaving"][0] != 0).sum())


def gain(level_db: float, *after: Link) -> Rack:
    return Rack(
        f"gain {level_db}",
        lanes=(Lane("a", "left", (Link("gain", "gain", {"level_db": level_db}), *after)),),
    )


def echo(ms: float = 100.0, feedback: float = 0.5) -> Link:
    knobs = {"time_ms": ms, "feedback": feedback, "mix": 0.5, "tone_hz": 20000.0}
    return Link("delay", "delay", knobs)


def test_a_switch_is_heard_within_the_block_that_follows_it_and_gains_add_up_to_one() -> None:
    show = Show(gain(0.0), gain(-20.0))
    ones = np.full(BLOCK, 0.5)
    show.play(np.full(640, 0.5))
    show.switch(1)
    made = np.concatenate([show.play(ones) for _ in range(20)])[:, 0]
    first = int(np.flatnonzero(np.abs(made - 0.5) > 1e-6)[0])
    assert first < BLOCK
    done = np.minimum(np.arange(1, len(made) + 1), FADE) / FADE
    rise = 0.5 - 0.5 * np.cos(np.pi * done)
    np.testing.assert_allclose(made, 0.5 * (1 - rise) + 0.05 * rise, atol=2e-6)


def test_the_tail_of_a_delay_rings_on_into_the_next_preset() -> None:
    show = Show(gain(0.0, echo()), gain(-60.0))
    show.play(noise(4800)[:, 0])
    show.switch(1)
    after = show.play(np.zeros(RATE))[:, 0]
    repeats = [float(np.abs(after[k * 4800 : (k + 1) * 4800]).max()) for k in range(5)]
    assert repeats[0] > 0.1
    for sooner, later in itertools.pairwise(repeats):
        assert later == pytest.approx(0.5 * sooner, rel=0.2)
    assert show.ringing == 1


def test_the_tail_of_a_room_rings_on_into_the_next_preset(tmp_path: Path) -> None:
    response = np.zeros(RATE // 2, np.float32)
    response[[0, -1]] = 0.5
    soundfile.write(tmp_path / "room.wav", response, RATE, subtype="FLOAT")
    settings = {"ir": str(tmp_path / "room.wav"), "normalise": "off"}
    show = Show(gain(0.0, Link("cabinet", "room", {}, settings)), gain(-60.0))
    show.play(noise(4800)[:, 0])
    show.switch(1)
    after = show.play(np.zeros(RATE // 2))[:, 0]
    assert np.abs(after[-4000:]).max() > 0.1


def test_what_was_played_after_the_switch_is_not_in_the_tail() -> None:
    show = Show(gain(0.0, echo()), gain(-60.0))
    show.play(np.zeros(640))
    show.switch(1)
    show.play(np.zeros(FADE))
    made = show.play(noise(RATE // 2)[:, 0])
    assert np.abs(made).max() < 1e-2


def test_a_rack_without_a_tail_is_left_as_soon_as_it_is_silent_and_one_with_a_tail_later() -> None:
    show = Show(gain(0.0), gain(-6.0), gain(-6.0, echo(50.0, 0.2)))
    show.play(noise(1000)[:, 0])
    show.switch(1)
    show.play(np.full(FADE + 3 * BLOCK, 0.1))
    show.play(np.zeros(BLOCK * 4))
    assert show.ringing == 0
    show.switch(2)
    show.play(noise(2000)[:, 0])
    show.switch(0)
    show.play(np.zeros(FADE + 10 * BLOCK))
    assert show.ringing == 1
    show.play(np.zeros(6 * RATE))
    assert show.ringing == 0


def test_a_preset_that_still_rings_can_be_had_back_with_its_tail() -> None:
    show = Show(gain(0.0, echo()), gain(-60.0))
    show.play(noise(4800)[:, 0])
    show.switch(1)
    show.play(np.zeros(2400))
    show.switch(0)
    after = show.play(np.zeros(9600))[:, 0]
    assert np.abs(after[2400:]).max() > 0.05
    made = show.play(np.full(RATE * 4, 0.25))[:, 0]
    assert made[2000] == pytest.approx(0.125, abs=0.08)  # half of it dry: heard again
    assert show.ringing == 0


def test_a_preset_had_back_later_has_forgotten_its_tail_and_kept_its_knobs() -> None:
    show = Show(gain(0.0, echo(50.0, 0.0)), gain(-6.0))
    show.shared.send(show.tables[0].id, 0, 2, -12.0)
    show.play(np.full(4800, 0.5))
    show.switch(1)
    show.play(np.zeros(8 * RATE))
    assert show.ringing == 0
    for clean in (True, False):
        if clean:
            show.stage.tick()
        show.switch(0)
        silent = show.play(np.zeros(4800))
        assert np.abs(silent).max() == 0.0
        assert float(show.tables[0].nodes[0].knobs["target"][2]) == -12.0
        show.switch(1)
        show.play(np.zeros(8 * RATE))


def test_switching_faster_than_tails_die_never_runs_out_of_places() -> None:
    racks = [gain(0.0, echo(300.0 + 10 * k, 0.9)) for k in range(LEAVING + 4)]
    show = Show(*racks)
    for k in range(60):
        show.switch(k % len(racks))
        made = show.play(noise(1920)[:, 0] * 0.1)
        assert np.isfinite(made).all()
        assert np.abs(made).max() < 2.0
    assert int(show.shared.control["switches"][0]) == 60
    assert int(show.shared.control["sounding"][0]) == show.tables[59 % len(racks)].id


def test_knobs_turned_after_a_switch_turn_the_new_rack_and_stale_ones_are_counted() -> None:
    show = Show(gain(0.0), gain(0.0))
    show.play(np.zeros(BLOCK))
    show.switch(1)
    show.shared.send(show.tables[1].id, 0, 2, -60.0)
    show.shared.send(show.tables[0].id, 0, 2, 12.0)
    made = show.play(np.full(RATE, 0.5))[:, 0]
    assert made[-1] == pytest.approx(0.0005, rel=1e-3)
    assert int(show.shared.control["stale_events"][0]) == 1


def test_a_panic_silences_tails_and_howls_within_5_ms_and_the_sound_goes_on() -> None:
    show = Show(gain(0.0, echo(50.0, 0.98)), gain(0.0, echo(50.0, 0.98)))
    show.play(noise(9600)[:, 0])
    show.switch(1)
    show.play(noise(9600)[:, 0])
    show.shared.send(0, PANIC, 0, 0.0)
    made = show.play(np.zeros(4800))
    assert np.abs(made[320:]).max() == 0.0
    assert show.ringing == 0
    assert np.abs(np.diff(made[:, 0])).max() < 2.5
    again = show.play(noise(4800)[:, 0])
    assert np.abs(again).max() > 0.1


def test_bypass_fades_to_the_input_and_back() -> None:
    show = Show(gain(-20.0))
    show.play(np.full(640, 0.5))
    show.shared.send(0, BYPASS, 0, 1.0)
    made = show.play(np.full(2 * FADE, 0.5))[:, 0]
    assert made[-1] == 0.5
    assert (np.diff(made) >= 0.0).all()
    show.shared.send(0, BYPASS, 0, 0.0)
    assert show.play(np.full(2 * FADE, 0.5))[-1, 0] == pytest.approx(0.05, rel=1e-4)


def test_a_delay_follows_the_beat_and_a_tremolo_stands_where_the_beat_does() -> None:
    link = Link("delay", "delay", {"mix": 1.0, "feedback": 0.0, "sync": 6.0, "tone_hz": 20000.0})
    show = Show(Rack("a", lanes=(Lane("a", "left", (link,)),)))
    show.shared.send(0, BEAT, 0, 150.0, beat=0.0)
    click = np.zeros(RATE)
    click[0] = 1.0
    made = show.play(click)[:, 0]
    assert abs(int(np.abs(made).argmax()) - 60 * RATE // 150) <= 1
    sway = Link("tremolo", "tremolo", {"depth": 1.0, "sync": 6.0})
    show = Show(Rack("a", lanes=(Lane("a", "left", (sway,)),)))
    show.shared.send(0, BEAT, 1000, 120.0, beat=0.0)
    level = show.play(np.full(RATE * 2, 0.5))[:, 0]
    lows = [int(level[k : k + 24000].argmin()) + k for k in (1000, 25000, 49000)]
    assert np.allclose(np.array(lows) % 24000, 1000 + 12000 + 72, atol=30)  # and 1.5 ms of edge


def test_a_closed_show_frees_every_rack() -> None:
    show = Show(gain(0.0), gain(-6.0), gain(-8.0))
    show.stage.shelve(1, show.stage.build(gain(-7.0)))
    closed: list[int] = []
    for table in show.tables:
        table.close = lambda n=table.id: closed.append(n)  # type: ignore[method-assign,misc]
    show.tables[1].keep_until = 0.0
    show.stage.tick()
    assert closed == [show.tables[1].id]
    show.stage.close()
    assert sorted(closed) == sorted(table.id for table in show.tables)


def test_a_switch_that_is_taken_back_within_its_crossfade_is_that_crossfade_backwards() -> None:
    show = Show(gain(0.0), gain(0.0))
    made = [show.play(np.full(640, 0.5))]
    for blocks, number in enumerate((1, 0, 1, 0, 1), 2):
        show.switch(number)
        made.append(show.play(np.full(blocks * BLOCK, 0.5)))
    made.append(show.play(np.full(2 * FADE, 0.5)))
    np.testing.assert_allclose(np.concatenate(made), 0.5, atol=1e-6)
    assert int(show.shared.control["sounding"][0]) == show.tables[1].id
    assert show.ringing == 0


def test_a_preset_that_is_had_back_opens_without_a_step() -> None:
    show = Show(gain(0.0, echo(100.0, 0.0)), gain(-60.0))
    show.play(np.full(9600, 0.5))
    show.switch(1)
    show.play(np.full(9600, 0.5))
    show.switch(0)
    made = show.play(np.full(9600, 0.5))[:, 0]
    assert np.abs(np.diff(made)).max() < 0.002


def test_a_rack_that_is_silent_while_it_is_wiped_is_faded_in_after_that() -> None:
    show = Show(gain(-20.0), gain(0.0, Link("reverb", "reverb", {"mix": 0.0})))
    for _ in range(2):
        show.switch(1)
        show.play(np.full(4800, 0.5))
        show.switch(0)
        show.play(np.zeros(20 * RATE))
    assert show.ringing == 0
    show.switch(1)
    made = show.play(np.full(4 * FADE, 0.5))[:, 0]
    assert made[-1] == pytest.approx(0.5, abs=1e-3)
    assert np.abs(np.diff(made)).max() < 0.002


def test_a_panic_stays_silent_until_all_is_wiped() -> None:
    show = Show(gain(0.0, echo(2000.0, 0.0)))
    show.play(np.full(RATE, 0.5))
    show.shared.send(0, PANIC, 0, 0.0)
    made = show.play(np.full(4800, 0.5))[:, 0]
    assert np.abs(np.diff(made)).max() < 0.01
    assert made[-1] == pytest.approx(0.25, abs=0.01)


def test_a_knob_that_is_turned_now_is_not_overruled_by_one_that_was_turned_before() -> None:
    show = Show(gain(0.0), gain(0.0))
    show.play(np.full(640, 0.5))
    show.shared.send(show.tables[0].id, 0, 2, -20.0, 640 + 32)
    show.shared.send(show.tables[0].id, 0, 2, 0.0)
    assert show.play(np.full(9600, 0.5))[-1, 0] == 0.5


def test_a_knob_that_waits_when_its_rack_is_left_is_turned_when_it_is_back() -> None:
    show = Show(gain(0.0), gain(0.0))
    show.play(np.full(640, 0.5))
    show.shared.send(show.tables[0].id, 0, 2, -20.0, 640 + 32)
    show.switch(1)
    show.play(np.zeros(4 * FADE))
    assert show.ringing == 0
    show.tables[0].clean()
    show.switch(0)
    assert show.play(np.full(9600, 0.5))[-1, 0] == pytest.approx(0.05, rel=1e-4)


def test_a_knob_that_was_due_before_its_rack_began_is_turned_when_that_begins() -> None:
    show = Show(gain(0.0), gain(0.0))
    show.play(np.full(640, 0.5))
    show.switch(1)
    show.shared.send(show.tables[1].id, 0, 2, -20.0, 639)
    assert show.play(np.full(9600, 0.5))[-1, 0] == pytest.approx(0.05, rel=1e-4)


def test_of_two_presets_that_are_loaded_at_once_after_a_switch_the_last_sounds() -> None:
    for _ in range(8):  # whether one comes to lie where another was is up to the system
        show = Show(gain(0.0))
        show.stage.publish(show.stage.build(gain(-6.0)))
        show.play(np.zeros(2 * FADE))
        show.switch(0)
        show.play(np.zeros(8 * FADE))
        show.stage.publish(show.stage.build(gain(-12.0)))
        last = show.stage.build(gain(-18.0))
        show.stage.publish(last)
        show.play(np.zeros(4 * FADE))
        assert int(show.shared.control["sounding"][0]) == last.id


def test_a_plugin_whose_housekeeping_fails_does_not_end_that_of_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def fail(self: Plugin, *load: float) -> None:
        asked.append("tick" if load else "close")
        raise OSError("no room")

    show = Show(gain(0.0, Link("gain", "second")))
    monkeypatch.setattr(catalogue.find("gain"), "tick", fail)
    monkeypatch.setattr(catalogue.find("gain"), "close", fail)
    for _ in range(3):
        show.stage.tick()
    show.stage.close()
    assert asked == ["tick", "tick", "close", "close"]
    assert "no room" in capsys.readouterr().err


@pytest.mark.parametrize("published_last", [False, True])
def test_what_is_published_and_what_is_sent_keep_their_order(published_last: bool) -> None:
    show = Show(gain(0.0), gain(-6.0))
    built = show.stage.build(gain(-12.0))
    show.play(np.zeros(640))
    for publish in (not published_last, published_last):
        if publish:
            show.stage.publish(built)
        else:
            show.switch(1)
    show.play(np.zeros(8 * FADE))
    wanted = built if published_last else show.tables[1]
    assert int(show.shared.control["sounding"][0]) == wanted.id


def test_what_rings_is_ended_within_two_fades_when_the_sound_is_to_stop() -> None:
    show = Show(gain(0.0, echo(100.0, 0.9)), gain(-60.0))
    show.play(noise(9600)[:, 0])
    show.switch(1)
    show.play(noise(9600)[:, 0])
    assert show.ringing == 1
    show.shared.control["ring_frames"] = 0
    made = show.play(np.zeros(2 * FADE))[:, 0]
    assert show.ringing == 0
    assert not made[FADE + 2 * BLOCK :].any()


def test_a_new_window_begins_with_no_set_list_and_finds_the_rack_that_sounds() -> None:
    show = Show(gain(0.0), gain(-6.0))
    show.play(np.zeros(640))
    show.stage.clear()
    assert show.stage.shelved(1) is None
    assert show.stage.called(show.tables[0].id) is show.tables[0]
    assert show.stage.called(0) is None
