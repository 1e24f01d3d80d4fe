"""The page's protocol over a real websocket, against a host that sounds."""

from __future__ import annotations

import json
import os
import signal
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")

from control.web_stage import GAIN, FakeLearner, Page, racks, stage, wait_for

from engine import preset
from engine.control.desk import Desk
from engine.control.web import hub
from engine.control.web.meters import HEAD
from engine.control.web.outbox import AHEAD, Outbox
from engine.control.web.protocol import Commands, ProtocolError, parse
from engine.control.web.server import Web, WebError
from engine.rack import RackError


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Web]]:
    with stage(tmp_path_factory.mktemp("takes")) as both:
        yield both


@pytest.fixture(autouse=True)
def _as_it_was(shown: tuple[Desk, Web], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    desk = shown[0]
    desk.learner = None
    desk.select(0)
    first = racks()[0][0]
    for address in desk.params():
        if desk.value(address) != first.value(address):
            desk.set(address, first.value(address))
    for slot, (rack, _) in zip(desk.slots, racks(), strict=True):
        slot.rack = slot.saved = rack
        slot.past, slot.undone, slot.other = [], [], None
    desk.host.rack = first


def sounding(desk: Desk) -> Any:
    """Where the gain of the rack that sounds stands, as the audio process was told."""
    return desk.host.rack.value(GAIN)


def test_a_page_is_told_the_whole_rack_with_its_declarations(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with Page(web) as page:
        found = page.told("snapshot")
    assert [one["name"] for one in found["presets"]] == ["One", "Two", "Three"]
    assert (found["number"], found["name"], found["about"]) == (0, "One", "the first")
    lane = found["lanes"][0]
    assert lane["name"] == "a" and [one["name"] for one in lane["strip"]] == [
        "gain_db",
        "pan",
        "mute",
    ]
    assert [one["name"] for one in lane["plugins"]] == ["tuner", "gain", "delay"]
    told = {p["address"]: p for one in lane["plugins"] for p in one["params"]}
    told.update({p["address"]: p for p in lane["strip"]})
    assert set(told) == set(desk.params())
    for address, param in desk.params().items():
        one = told[address]
        assert (one["min"], one["max"], one["default"]) == (
            param.minimum,
            param.maximum,
            param.default,
        )
        assert (one["unit"], one["taper"], one["help"]) == (param.unit, param.taper, param.help)
        assert one["choices"] == list(param.choices)
        assert (one["value"], one["position"]) == (desk.value(address), desk.position(address))
    assert found["xy"] == [GAIN, "a.delay.mix"] and found["tempo_bpm"] == desk.clock.tempo_bpm
    assert found["readouts"] == list(desk.rack.readouts())


def test_a_knob_turned_on_one_page_is_seen_on_all_others(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    others = [Page(web) for _ in range(8)]
    with Page(web) as page:
        for other in others:
            other.told("snapshot")
        page.send("place", address=GAIN, position=0.25)
        for other in others:
            assert other.told("values") == {GAIN: [-36.0, 0.25]}
            other.close()
    assert sounding(desk) == -36.0
    assert wait_for(lambda: web.pages == 0)


@pytest.mark.parametrize(
    ("do", "more", "value"),
    [
        ("set", {"value": -12.5}, -12.5),
        ("place", {"position": 0.0}, -60.0),
        ("nudge", {"by": 0.5}, 36.0),
        ("toggle", {}, 36.0),
        ("reset", {}, 0.0),  # it stands where it was saved already
    ],
)
def test_every_way_of_turning_turns(
    shown: tuple[Desk, Web], do: str, more: dict[str, Any], value: float
) -> None:
    desk, web = shown
    if do == "toggle":
        desk.set(GAIN, -50.0)
    with Page(web) as page:
        assert page.ask(do, address=GAIN, **more) == {"done": "asked"}
    assert sounding(desk) == value


def test_a_choice_is_set_by_its_name_or_number(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with Page(web) as page:
        assert "done" in page.ask("set", address="a.gain.bypass", value="on")
        assert desk.value("a.gain.bypass") == 1.0
        assert "done" in page.ask("set", address="a.gain.bypass", value=0)
        assert desk.value("a.gain.bypass") == 0.0
        assert "0.5" in page.ask("set", address="a.gain.bypass", value=0.5)["error"]


def test_undo_redo_and_compare(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with Page(web) as page:
        page.send("set", address=GAIN, value=-20)
        page.until(lambda facts: bool(facts.get("standing", {}).get("changed")))
        page.ask("compare")
        assert sounding(desk) == -6.0
        page.ask("compare")
        assert sounding(desk) == -20.0
        page.ask("undo")
        assert sounding(desk) == -6.0
        page.ask("redo")
        assert sounding(desk) == -20.0


def shows(page: Page, name: str) -> Any:
    """The rack called ``name``, once a page is told it."""
    return page.until(lambda found: found.get("snapshot", {}).get("name") == name)["snapshot"]


def test_presets_are_chosen_by_number_and_the_new_rack_is_told(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with Page(web) as page, Page(web) as other:
        assert other.told("snapshot")["name"] == "One"
        page.send("select", number=2)
        found = shows(other, "Three")
        assert found["number"] == 2
        assert [one["name"] for one in found["master"]] == ["limiter"]
        page.send("step", by=-1)
        shows(other, "Two")
        assert desk.at == 1
        assert "outside 0 to 2" in page.ask("select", number=3)["error"]
        assert "whole" in page.ask("select", number=0.5)["error"]


def test_any_preset_of_the_player_can_be_opened_by_its_number(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    slots = list(desk.slots)
    with Page(web) as page:
        library = page.told("snapshot")["library"]
        assert library == list(preset.names()) and "clean" in library
        number = library.index("clean")
        assert "done" in page.ask("open", number=number, name="clean")
        assert desk.at == 3 and desk.rack.name == "Clean"
        page.ask("select", number=0)
        assert "done" in page.ask("open", number=number, name="clean")  # it is there already
        assert desk.at == 3 and len(desk.slots) == 4
        for wrong in ({"number": number, "name": "../clean"}, {"name": "clean"}, {"number": 10**6}):
            assert "error" in page.ask("open", **wrong)
        page.ask("select", number=0)
    desk.slots[:] = slots


def test_what_cannot_work_in_a_preset_is_told_when_it_is_opened(
    shown: tuple[Desk, Web], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, web = shown
    slots = list(desk.slots)
    (tmp_path / "mine.toml").write_text("wrong = 1\n[[lane]]\n[[midi]]\ncc = 200\n")
    monkeypatch.setattr(preset, "user_folder", lambda: tmp_path)
    said: list[str] = []
    stop = desk.listen(lambda news: said.append(str(news.facts.get("text", ""))))
    with Page(web) as page:
        assert "done" in page.ask("open", number=list(preset.names()).index("mine"), name="mine")
        page.ask("select", number=0)
    stop()
    desk.slots[:] = slots
    told = [text for text in said if text.startswith(f"{tmp_path / 'mine.toml'}: ")]
    assert "'wrong' is not known here" in told[0]
    assert "midi 1: cc = 200 is not 0 to 127" in told[1]


def test_a_name_to_save_under_is_a_name_and_no_path(
    shown: tuple[Desk, Web], tmp_path: Path
) -> None:
    web = shown[1]
    with Page(web) as page:
        page.told("snapshot")
        for name in ("../../outside", "/etc/passwd", "Mine", "..", "a/../../b\\c"):
            assert "done" in page.ask("save", name=name)
        for name in ("", "   ", "x" * 41, "a\x00b", 7):
            assert "error" in page.ask("save", name=name)
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parent for path in files} == {preset.user_folder()}
    assert {path.name for path in files} == {
        "outside.toml",
        "etc-passwd.toml",
        "mine.toml",
        "a-b-c.toml",
    }


def test_the_pad_turns_two_knobs_and_can_be_given_others(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with Page(web) as page:
        page.ask("xy", x=0.5, y=0.25)
        assert sounding(desk) == -12.0 and desk.value("a.delay.mix") == 0.25
        page.send("assign", across="a.delay.mix", up=GAIN)
        assert page.until(lambda f: f.get("standing", {}).get("xy") == ["a.delay.mix", GAIN])
        assert desk.host.rack.xy == ("a.delay.mix", GAIN)
        page.ask("xy", x=1.0, y=0.0)
        assert sounding(desk) == -60.0 and desk.value("a.delay.mix") == 1.0
        assert "error" in page.ask("assign", across=GAIN, up="a.nothing.there")
        page.ask("assign", across="", up="")
        assert desk.rack.xy == ()
        assert "assign two" in page.ask("xy", x=0, y=0)["error"]
        page.ask("undo")
        assert desk.rack.xy == ("a.delay.mix", GAIN)


def test_tempo_bypass_panic_and_record(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with Page(web) as page:
        page.told("snapshot")
        page.send("tempo", tempo_bpm=93.5)
        assert page.until(lambda f: f.get("standing", {}).get("tempo_bpm") == 93.5)
        assert "20 to 400" in page.ask("tempo", tempo_bpm=1000)["error"]
        page.send("bypass")
        assert page.until(lambda f: f.get("standing", {}).get("bypassed") is True)
        page.ask("bypass", on=False)
        assert not desk.bypassed
        page.send("panic")
        assert "panic" in page.told("message")
        page.send("record", on=True)
        assert page.until(lambda f: f.get("standing", {}).get("recording") is True)
        time.sleep(0.3)
        page.send("record", on=False)
        said = page.until(lambda f: "recorded" in f.get("message", ""))["message"]
        assert "/" not in said and float(said.split()[1]) > 0.1
        assert "error" in page.ask("record", on="yes")


def test_learning_is_asked_of_the_learner_and_its_news_are_told(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with Page(web) as page:
        assert page.told("snapshot")["learner"] is False
        assert "no MIDI" in page.ask("learn", target=GAIN)["error"]
        desk.learner = learner = FakeLearner(desk)
        page.send("learn", target=GAIN)
        assert (
            page.until(lambda f: (f.get("learn") or {}).get("waiting"))["learn"]["target"] == GAIN
        )
        learner.hears(GAIN)
        told = page.until(lambda f: f.get("mappings"))["mappings"]
        assert told == learner.described()
        page.send("forget", target=GAIN)
        assert page.until(lambda f: f.get("mappings") == [])
        for target in ("action:tap", "action:select:2", "a.gain.bypass", "a.gain_db"):
            assert "done" in page.ask("learn", target=target)
        for target in ("action:select:3", "action:select:-1", "action:quit", "action:tap:x", "a.b"):
            assert "error" in page.ask("learn", target=target)


def test_notes_from_the_page_are_midi_messages(
    shown: tuple[Desk, Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, web = shown
    heard: list[bytes] = []
    monkeypatch.setattr(desk, "note", heard.append)
    with Page(web) as page:
        page.ask("note", note=60, velocity=100)
        page.ask("note", note=60, velocity=0)
        assert "outside 0 to 127" in page.ask("note", note=128, velocity=1)["error"]
    assert heard == [bytes((0x90, 60, 100)), bytes((0x80, 60, 0))]


def test_a_page_that_goes_leaves_no_note_and_no_learning_behind(
    shown: tuple[Desk, Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, web = shown
    heard: list[bytes] = []
    monkeypatch.setattr(desk, "note", heard.append)
    desk.learner = learner = FakeLearner(desk)
    ended: list[str] = []
    monkeypatch.setattr(learner, "cancel", lambda: ended.append("learning"))
    with Page(web) as page, Page(web) as other:
        for note, velocity in ((60, 100), (64.0, 90), (67, 80), (64, 0)):
            page.ask("note", note=note, velocity=velocity)
        page.ask("learn", target=GAIN)
        other.close()
        assert wait_for(lambda: web.pages == 1) and not ended
    assert wait_for(lambda: web.pages == 0)
    assert heard[4:] == [bytes((0x80, 60, 0)), bytes((0x80, 67, 0))]
    assert ended == ["learning"]


def test_a_page_is_let_in_though_the_rack_cannot_be_read(
    shown: tuple[Desk, Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: Desk) -> None:
        raise RackError("amp.nam has gone")

    monkeypatch.setattr("engine.control.web.hub.snapshot", gone)
    with Page(shown[1]) as page:
        assert page.told("error") == "amp.nam has gone"
        assert page.told("rows") and "done" in page.ask("bypass", on=False)


def test_a_file_that_goes_while_one_plays_stops_no_page(
    shown: tuple[Desk, Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, web = shown

    def gone(_: Desk) -> None:
        raise RackError("amp.vst3 has gone")

    with Page(web) as page:
        page.told("snapshot")
        with monkeypatch.context() as broken:
            broken.setattr("engine.control.web.hub.standing", gone)
            desk.set(GAIN, -9.0)
            assert page.told("values")[GAIN][0] == -9.0
        desk.set(GAIN, -8.0)
        assert page.told("standing")["changed"]


def test_what_is_turned_while_a_picture_is_drawn_is_seen_on_it(
    shown: tuple[Desk, Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, web = shown
    drawn = hub.snapshot

    def slowly(desk: Desk) -> Any:
        found = drawn(desk)
        desk.set(GAIN, -9.0)
        time.sleep(0.2)  # pages are told of it sooner than they get the picture
        return found

    with Page(web) as page:
        page.told("snapshot")
        monkeypatch.setattr(hub, "snapshot", slowly)
        desk.tell("saved", path="")
        page.told("snapshot")
        assert page.told("values")[GAIN][0] == -9.0


def test_meters_come_sixty_times_a_second_and_say_what_memory_says(
    shown: tuple[Desk, Web],
) -> None:
    desk, web = shown
    with Page(web) as page:
        page.told("snapshot")
        frames: list[tuple[float, ...]] = []
        while len(frames) < 20:
            found = page.socket.recv(timeout=5)
            if isinstance(found, bytes):
                frames.append(struct.unpack(f"<{len(found) // 4}f", found))
    numbers = [frame[0] for frame in frames]
    assert numbers == sorted(set(numbers))
    assert all(len(frame) == HEAD + len(desk.rack.readouts()) for frame in frames)
    assert any(frame[1] > 0.01 for frame in frames) and any(frame[3] > 0.01 for frame in frames)
    assert {frame[11] for frame in frames} == {desk.clock.tempo_bpm}


def test_the_history_of_load_is_there_and_goes_on(shown: tuple[Desk, Web]) -> None:
    web = shown[1]
    with Page(web) as page:
        history = page.told("history")
        rows = page.told("rows")
    assert all(len(row) == 7 for row in [*history, *rows])
    assert rows[0][0] > history[-1][0]
    assert rows[0][1] > 0.0 and rows[0][2] >= rows[0][1]


def test_latency_and_device_are_told(shown: tuple[Desk, Web]) -> None:
    with Page(shown[1]) as page:
        found = page.until(lambda facts: facts.get("facts"))["facts"]
    assert found["device"] == "virtual" and (found["rate"], found["block"]) == (48000, 64)
    assert found["latency_ms"] >= found["rack_ms"] >= 0.0


def test_what_another_surface_does_is_seen_once_a_frame_with_the_newest_value(
    shown: tuple[Desk, Web],
) -> None:
    desk, web = shown
    with Page(web) as page:
        page.told("snapshot")
        for k in range(1001):
            desk.set(GAIN, -60.0 + 0.05 * k, "midi")
        count = 0
        while True:
            count += 1
            if page.told("values")[GAIN][0] == pytest.approx(-10.0):
                break
        assert count < 1001


def test_a_page_that_reads_nothing_costs_nobody_anything(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with Page(web) as deaf, Page(web) as page:
        before = desk.host.statistics()
        deaf.socket.socket.setsockopt(1, 8, 4096)
        for k in range(200):
            page.ask("set", address=GAIN, value=-0.1 * k)
        after = desk.host.statistics()
    assert after["blocks"] > before["blocks"]
    assert sounding(desk) == pytest.approx(-19.9)


def test_an_outbox_keeps_the_newest_and_no_more_than_half_a_second_of_meters() -> None:
    outbox = Outbox()
    for k in range(1000):
        outbox.values({GAIN: (float(k), 0.5)}, 0)
        outbox.message(message=str(k))
        outbox.meters(bytes([k % 256]))
        outbox.row([float(k)])
    sent = list(outbox.take())
    assert json.loads(sent[0])["values"] == {GAIN: [999.0, 0.5]}
    assert [json.loads(one)["message"] for one in sent[1:-1]] == [str(k) for k in range(980, 1000)]
    assert sent[-1] == bytes([999 % 256])
    assert list(outbox.take()) == []
    outbox.seen()
    for _ in range(3 * AHEAD):
        outbox.meters(b"m")
        sent += outbox.take()
    assert sent.count(b"m") == AHEAD  # then it waits until the page has drawn them
    outbox.seen()
    outbox.meters(b"m")
    assert list(outbox.take()) == [b"m"]


def test_values_of_a_rack_that_has_gone_are_not_sent() -> None:
    outbox = Outbox()
    outbox.values({GAIN: (1.0, 0.5)}, 3)
    outbox.picture("{}", 4)
    outbox.values({"a.b.c": (2.0, 0.5)}, 4)
    picture, facts = outbox.take()
    assert picture == "{}" and json.loads(facts) == {"values": {"a.b.c": [2.0, 0.5]}}


def test_a_setting_is_no_parameter_so_no_message_names_a_file(
    shown: tuple[Desk, Web], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = shown[0]
    monkeypatch.setattr(desk.host, "load", lambda _: pytest.fail("built anew"))
    commands = Commands(desk)
    for address in ("a.model.model", "a.cabinet.file", "a.gain", "", "a.gain.gain_db.x"):
        for do in ("set", "place", "nudge", "toggle", "reset"):
            with pytest.raises(RackError, match="no parameter"):
                commands.do({"do": do, "address": address, "value": "/etc/passwd"})


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "7", "null", '{"do": 1}', "{}", "[" * 4000, '{"do": NaN}', '{"do":"x"' * 99],
)
def test_what_is_no_message_is_one_clear_line(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["1e999", "-1e999", "9" * 400, '"1"', "true", "null", "[]", "{}"])
def test_what_is_no_number_turns_nothing(shown: tuple[Desk, Web], value: str) -> None:
    desk, _ = shown
    for do, key in (("set", "value"), ("place", "position"), ("nudge", "by")):
        with pytest.raises(ValueError, match=r"number|outside|JSON"):
            message = parse(f'{{"do": "{do}", "address": "{GAIN}", "{key}": {value}}}')
            Commands(desk).do(message)
    assert sounding(desk) == -6.0


def test_a_port_that_is_taken_is_one_clear_line(shown: tuple[Desk, Web]) -> None:
    desk, web = shown
    with pytest.raises(WebError, match=str(web.port)) as caught:
        Web(desk, port=web.port)
    assert "\n" not in str(caught.value)
    with pytest.raises(WebError):
        Web(desk, port=70000)


def test_closing_twice_or_before_a_start_is_fine_and_the_port_is_free_again(
    shown: tuple[Desk, Web],
) -> None:
    desk, _ = shown
    never = Web(desk, port=0)
    never.close()
    first = Web(desk, port=never.port)
    first.start()
    with Page(first) as page:
        page.told("snapshot")
        listening = len(desk._listeners)
        first.close()
        first.close()
    assert len(desk._listeners) == listening - 1
    again = Web(desk, port=first.port)
    again.close()


def test_a_restarted_audio_process_is_followed(tmp_path: Path) -> None:
    with stage(tmp_path) as (desk, web), Page(web) as page:
        page.told("snapshot")
        os.kill(desk.host.pid, signal.SIGKILL)
        assert wait_for(lambda: desk.host.restarts == 1)
        assert "done" in page.ask("set", address=GAIN, value=-30)
        assert page.told("rows")
