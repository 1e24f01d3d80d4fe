"""The desk over a host that sounds: knobs, the way back, set lists, takes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engine import preset
from engine.control import setlist
from engine.control.desk import ACTIONS, Desk, News, Slot
from engine.control.keys import Keys
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack, RackError
from engine.recorder import Recorder
from engine.whole import write_whole

NAMES = ("clean", "slap", "ambient")
GAIN = "guitar.delay.mix"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("TARAF_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    racks = [(preset.load(preset.find(name)).rack, preset.find(name)) for name in NAMES]
    host = Host(Order(), racks[1][0])
    found = Desk(host, [racks[1], racks[0], racks[2]], lambda: Recorder(host, tmp_path / "takes"))
    yield found
    found.close()
    host.stop()


def news_of(desk: Desk) -> list[News]:
    heard: list[News] = []
    desk.listen(heard.append)
    return heard


def until(true: object) -> bool:
    assert callable(true)
    for _ in range(6000):  # on a fresh machine kernels are compiled meanwhile
        if true():
            return True
        time.sleep(0.02)
    return False


def test_a_knob_turns_everywhere_and_its_turn_is_told(desk: Desk) -> None:
    heard = news_of(desk)
    desk.set(GAIN, 0.5, "web")
    assert desk.value(GAIN) == desk.host.rack.value(GAIN) == 0.5
    assert [(n.kind, n.source, n.facts["address"]) for n in heard] == [("value", "web", GAIN)]
    desk.place(GAIN, 1.0)
    assert desk.value(GAIN) == 1.0
    desk.nudge(GAIN, -0.25)
    assert desk.value(GAIN) == pytest.approx(0.75)
    desk.toggle("guitar.delay.bypass")
    assert desk.value("guitar.delay.bypass") == 1.0
    desk.toggle("guitar.delay.bypass")
    assert desk.value("guitar.delay.bypass") == 0.0


def test_what_cannot_be_is_refused_and_nothing_changes(desk: Desk) -> None:
    before = desk.rack
    for address, value in (
        (GAIN, 7.0),
        (GAIN, float("nan")),
        ("guitar.none.x", 0.5),
        (GAIN, "loud"),
    ):
        with pytest.raises(ValueError):
            desk.set(address, value)
    with pytest.raises(RackError, match="no preset 9"):
        desk.select(8)
    with pytest.raises(RackError, match="is not one of"):
        desk.act("explode")
    assert desk.rack == before


def test_undo_takes_back_a_move_as_one_step_and_redo_makes_it_again(desk: Desk) -> None:
    first = desk.value(GAIN)
    for k in range(5):
        desk.set(GAIN, 0.5 + k / 10)
    desk.set("guitar.delay.feedback", 0.1)
    assert desk.undo()
    assert desk.value(GAIN) == pytest.approx(0.9)
    assert desk.undo()
    assert desk.value(GAIN) == first
    assert not desk.undo()
    assert desk.redo() and desk.redo() and not desk.redo()
    assert desk.value("guitar.delay.feedback") == 0.1


def test_a_finger_that_turns_two_knobs_in_turns_is_no_long_way_back(desk: Desk) -> None:
    first = desk.rack
    for k in range(20):
        desk.set(GAIN, 0.5 + k / 100)
        desk.set("guitar.delay.feedback", 0.1 + k / 100)
    assert desk.undo() and desk.undo()
    assert desk.rack == first and not desk.undo()


def test_compare_goes_between_the_saved_and_the_turned(desk: Desk) -> None:
    saved = desk.value(GAIN)
    desk.set(GAIN, 0.9)
    desk.compare()
    assert desk.value(GAIN) == saved
    desk.compare()
    assert desk.value(GAIN) == 0.9


def test_a_double_click_resets_to_the_preset_and_then_to_the_default(desk: Desk) -> None:
    saved = desk.value(GAIN)
    desk.set(GAIN, 0.9)
    desk.reset(GAIN)
    assert desk.value(GAIN) == saved
    desk.reset(GAIN)
    assert desk.value(GAIN) == desk.param(GAIN).default


def test_a_set_list_keeps_what_was_turned_in_each_preset(desk: Desk) -> None:
    desk.build()
    assert until(lambda: desk.ready == 3)
    desk.set(GAIN, 0.8)
    desk.step(1)
    assert desk.names()[desk.at] == "Clean"
    desk.step(5)
    assert desk.names()[desk.at] == "Ambient"
    desk.step(1)
    assert desk.at == 2
    desk.select(0)
    assert desk.value(GAIN) == 0.8
    assert until(lambda: int(desk.host.shared.control["sounding"][0]) == desk.host.table)
    assert desk.host.report()["table"] == desk.host.table


def test_presets_that_are_not_built_yet_are_built_when_asked_for(desk: Desk) -> None:
    desk.select(2)
    assert desk.host.report()["table"] == desk.host.table
    desk.build()
    assert until(lambda: desk.ready == 3)
    desk.select(1)
    desk.select(2)
    assert until(lambda: int(desk.host.shared.control["sounding"][0]) == desk.host.table)


def test_after_a_crash_the_set_list_is_built_again(desk: Desk) -> None:
    import psutil

    desk.build()
    assert until(lambda: desk.ready == 3)
    desk.select(2)
    desk.clock.set(91.0, source="tap")
    psutil.Process(desk.host.pid).kill()
    assert until(lambda: desk.host.restarts == 1)
    assert desk.host.rack.name == "Ambient"
    assert until(lambda: len(desk.host._shelf) == 3)
    desk.select(0)
    assert until(lambda: int(desk.host.shared.control["sounding"][0]) == desk.host.table)
    assert float(desk.host.shared.control["beat"][0, 0]) == 91.0


def test_what_is_chosen_while_the_process_starts_again_sounds_when_it_is_back(desk: Desk) -> None:
    import psutil

    desk.build()
    assert until(lambda: desk.ready == 3)
    psutil.Process(desk.host.pid).kill()
    assert until(desk.host._down.is_set)
    for _ in range(5000):  # nobody reads the ring, and it never fills up
        desk.note(bytes((0x90, 60, 1)))
        desk.host.tempo(desk.clock.now)
    time.sleep(0.05)  # the new process has its order by now
    desk.select(1)
    desk.select(0)
    desk.set(GAIN, 0.77)
    assert until(lambda: desk.host.restarts == 1)
    assert until(lambda: int(desk.host.shared.control["sounding"][0]) == desk.host.table)
    assert preset.parse(desk.host.report()["rack"]["toml"], "x").rack.value(GAIN) == 0.77
    assert until(lambda: len(desk.host._shelf) == 3)
    for number in (1, 2, 0):
        desk.select(number)
        assert until(lambda: desk.host.report()["rack"]["name"] == desk.rack.name)


def test_a_preset_that_is_chosen_at_once_is_not_taken_for_another(desk: Desk) -> None:
    desk.build()
    desk.select(2)
    assert until(lambda: desk.ready == 3)
    for number in (0, 1, 2, 0):
        desk.select(number)
        assert until(lambda: desk.host.report()["rack"]["name"] == desk.rack.name)


def test_a_value_that_is_refused_takes_no_step_of_undo(desk: Desk) -> None:
    desk.set(GAIN, 0.9)
    desk.undo()
    for _ in range(2):
        with pytest.raises(ValueError):
            desk.set(GAIN, 7.0)
    assert not desk.undo()
    assert desk.redo()
    assert desk.value(GAIN) == 0.9


def test_who_cannot_hear_the_news_keeps_them_from_nobody(desk: Desk) -> None:
    def broken(news: News) -> None:
        raise RuntimeError("the page has gone")

    desk.listen(broken)
    heard = news_of(desk)
    desk.set(GAIN, 0.9)
    assert [news.kind for news in heard] == ["value"]
    assert "the page has gone" in desk.last_message


def test_the_pad_turns_two_parameters_or_none(desk: Desk) -> None:
    desk.assign([GAIN, "guitar.delay.feedback"])
    assert desk.rack.xy == (GAIN, "guitar.delay.feedback")
    with pytest.raises(RackError, match="two parameters"):
        desk.assign([GAIN])
    desk.assign([])
    assert desk.rack.xy == ()


def test_a_saved_preset_reads_back_and_a_shipped_one_stays(desk: Desk) -> None:
    shipped = preset.find("slap").read_text()
    desk.set(GAIN, 0.7)
    path = desk.save("My Slap!")
    assert path.parent == preset.user_folder()
    assert path.name == "my-slap.toml"
    assert preset.load(path).rack.value(GAIN) == 0.7
    assert (preset.shipped_folder() / "slap.toml").read_text() == shipped
    assert desk.save() == path


def test_knobs_turn_while_a_slow_disk_takes_what_is_saved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, let = threading.Event(), threading.Event()

    def slowly(*given: Any) -> None:
        slow.set()
        assert let.wait(30.0)
        write_whole(*given)

    monkeypatch.setattr("engine.preset.write_whole", slowly)
    desk.set(GAIN, 0.7)
    desk.slot.settle()
    saves = [threading.Thread(target=desk.save, args=(name,)) for name in ("mine", None)]
    saves[0].start()
    assert slow.wait(30.0)
    turned = threading.Thread(target=desk.set, args=(GAIN, 0.2))
    turned.start()
    turned.join(10.0)
    assert not turned.is_alive()
    assert desk.value(GAIN) == 0.2
    saves[1].start()
    let.set()
    for one in saves:
        one.join(30.0)
    assert desk.slot.path is not None
    assert desk.slot.path.name == "mine.toml"
    assert preset.load(desk.slot.path).rack.value(GAIN) == 0.2  # the later one
    assert (desk.rack.name, desk.slot.saved == desk.rack) == ("mine", True)
    desk.undo()
    assert (desk.value(GAIN), desk.rack.name, desk.host.rack.name) == (0.7, "mine", "mine")


def test_a_preset_is_saved_over_no_other_one_of_its_name(desk: Desk, tmp_path: Path) -> None:
    for slot, folder in zip(desk.slots, ("one", "other", "third"), strict=True):
        slot.path = tmp_path / folder / "song.toml"
        slot.rack = slot.saved = replace(slot.rack, name="song")
    first = desk.save()
    desk.select(1)
    second = desk.save()
    assert [path.name for path in (first, second)] == ["song.toml", "song-2.toml"]
    assert preset.load(first).rack.lanes != preset.load(second).rack.lanes
    assert desk.save() == second
    desk.select(0)
    assert desk.save() == first
    desk.select(2)
    assert desk.save("song") == first  # as it was asked for
    desk.select(0)
    assert desk.save().name == "song-3.toml"


def test_the_way_back_leads_to_no_file_that_was_saved_before(desk: Desk) -> None:
    desk.set(GAIN, 0.7)
    first = desk.save("one")
    desk.slot.settle()
    desk.set(GAIN, 0.2)
    second = desk.save("two")
    desk.undo()
    assert (desk.value(GAIN), desk.rack.name) == (0.7, "two")
    assert desk.save() == second != first


def test_a_pad_that_is_undone_is_told(desk: Desk) -> None:
    before = desk.rack.xy
    desk.assign((GAIN, "guitar.delay.feedback"))
    heard = news_of(desk)
    desk.undo("web")
    assert [(n.kind, n.source, n.facts["xy"]) for n in heard] == [("xy", "web", list(before))]


def test_knobs_that_are_asked_for_while_a_preset_is_left_are_those_that_sound(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = Rack.addresses

    def slowly(rack: Rack) -> Any:
        found = addresses(rack)
        if rack is desk.slots[0].rack and desk.at == 0:
            desk.at = 1  # another thread selects it just now
        return found

    monkeypatch.setattr(Rack, "addresses", slowly)
    desk.params()
    assert desk.params().keys() == addresses(desk.slots[1].rack).keys()


def test_a_preset_that_cannot_be_built_keeps_no_other_out(desk: Desk) -> None:
    broken = Rack(
        "broken", lanes=(Lane("a", "left", (Link("model", "model", {}, {"model": "none"}),)),)
    )
    desk.slots.append(Slot(broken, broken))
    with pytest.raises(RackError, match="none"):
        desk.add(broken)
    number = desk.add(desk.slots[1].rack)
    desk.select(number)
    assert (number, desk.at, len(desk.slots)) == (4, 4, 5)


def test_a_take_is_recorded_when_asked_and_twice_is_two_takes(desk: Desk, tmp_path: Path) -> None:
    heard = news_of(desk)
    for _ in range(2):
        desk.record()
        assert desk.recording
        time.sleep(0.4)
        desk.record()
    takes = [news.facts["take"] for news in heard if news.kind == "record" and not news.facts["on"]]
    assert [Path(take["wet"]).name for take in takes] == ["wet.wav", "wet-2.wav"]
    for take in takes:
        sound, _ = soundfile.read(take["wet"])
        assert len(sound) > 4800 and np.isfinite(sound).all() and take["dropped"] == 0


def test_many_hands_at_once_lose_nothing(desk: Desk) -> None:
    addresses = ["guitar.delay.mix", "guitar.delay.feedback", "guitar.gain_db", "guitar.pan"]

    def turn(address: str) -> None:
        for k in range(200):
            desk.place(address, k / 199)

    hands = [threading.Thread(target=turn, args=(address,)) for address in addresses]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    for address in addresses:
        assert desk.value(address) == desk.param(address).maximum


def test_keys_play_the_desk_and_a_mistake_is_a_message(desk: Desk) -> None:
    pressed = iter([" ", "2", "9", "b", "p", "x", "q"])
    keys = Keys(desk, lambda: next(pressed))
    keys.start()
    assert keys.stopped.wait(10.0)
    keys.close()
    assert desk.at == 1 and desk.bypassed
    assert "no preset 9" in desk.last_message or "panic" in desk.last_message


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_the_terminal_is_as_before_while_a_key_is_still_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import pty
    import termios

    master, slave = pty.openpty()
    busy, pressed = threading.Event(), threading.Event()

    class Slow:
        def act(self, *_: object, **__: object) -> None:
            pressed.set()
            busy.wait(10.0)

    before = termios.tcgetattr(slave)
    with open(slave, closefd=False) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        monkeypatch.setattr("engine.control.keys._at_hand", lambda: True)
        keys = Keys(Slow())  # type: ignore[arg-type]
        keys.start()
        assert termios.tcgetattr(slave) != before
        os.write(master, b"b")
        assert pressed.wait(10.0)
        keys.close()
        assert termios.tcgetattr(slave) == before
        busy.set()
    os.close(master)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_in_the_background_the_terminal_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty

    master, slave = pty.openpty()
    monkeypatch.setattr("os.tcgetpgrp", lambda handle: 1)  # somebody else is in its foreground
    with open(slave, closefd=False) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        keys = Keys(None)  # type: ignore[arg-type]
        keys.start()
        assert not keys._thread.is_alive()
        keys.close()
    os.close(master)


def test_every_action_can_be_done(desk: Desk) -> None:
    for action in ACTIONS:
        if action.startswith("pulse:"):  # of a rack that has one: see test_pulse_actions.py
            continue
        desk.act(action, 1.0 if action == "select" else None, "test")
    assert desk.host.statistics()["mutes"] == 0


def test_a_set_list_is_a_file_of_names_and_files(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(preset.find("slap").read_text())
    path = tmp_path / "night.toml"
    path.write_text('name = "Night"\npresets = ["clean", "own.toml"]\n')
    found = setlist.load(str(path))
    assert found.name == "Night"
    assert found.presets == (preset.find("clean"), tmp_path / "own.toml")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("presets = 3", "has no presets"),
        ("presets = []", "has no presets"),
        ('presets = ["nothing-like-it"]', "no preset is called"),
        ("presets = [1]", "is not a preset's name"),
        ('presets = ["a/none.toml"]', "there is no such file"),
        (f'presets = ["{"x" * 300}.toml"]', "File name too long"),
        ("presets = [", "is not TOML"),
    ],
)
def test_a_set_list_that_cannot_be_is_one_clear_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(setlist.SetListError, match=complaint) as caught:
        setlist.load(str(path))
    assert "\n" not in str(caught.value)


def test_a_set_list_that_is_no_small_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.toml"
    path.write_bytes(b"#" * (preset.MAX_BYTES + 1))
    with pytest.raises(setlist.SetListError, match="is a text file"):
        setlist.load(str(path))
    with pytest.raises(setlist.SetListError, match="null"):
        setlist.load("a\0b")
