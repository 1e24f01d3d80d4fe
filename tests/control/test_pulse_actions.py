"""Half, double, sooner, later, one, hold: from keys, MIDI, OSC and the page; what OSC is told."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from control.midi_stage import Stage
from control.pulse_stage import LED, Heard, install, uninstall
from control.web_stage import wait_for
from rich.console import Console

from engine.control import follower, pulse
from engine.control.desk import Desk
from engine.control.keys import Keys
from engine.control.news import Pulsing
from engine.control.osc import Osc, wire
from engine.control.osc.outbox import Outbox
from engine.control.web.protocol import Commands, ProtocolError
from engine.control.web.snapshot import snapshot, standing
from engine.rack import Lane, Link, Rack, RackError
from engine.screen import _stage

OCTAVE, NUDGE, ONE, MODE = (f"a.pulse.{name}" for name in ("octave", "nudge_ms", "one", "mode"))


@pytest.fixture(autouse=True)
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    install(tmp_path, monkeypatch)
    yield
    uninstall()


@pytest.fixture
def heard() -> Heard:
    return Heard()


def octave(desk: Desk) -> str:
    return desk.param(OCTAVE).choices[int(desk.value(OCTAVE))]


def test_half_and_double_go_from_one_end_to_the_other(heard: Heard) -> None:
    desk = heard.desk
    found = []
    for action in ("half", "half", "double", "double", "double", "half"):
        desk.act(f"pulse:{action}")
        found.append(octave(desk))
    assert found == ["half", "half", "as heard", "double", "double", "as heard"]


def test_the_beat_is_nudged_by_five_milliseconds_and_no_further_than_the_knob(
    heard: Heard,
) -> None:
    desk = heard.desk
    for _ in range(3):
        desk.act("pulse:later")
    desk.act("pulse:sooner")
    assert desk.value(NUDGE) == 10.0
    for _ in range(50):
        desk.act("pulse:sooner")
    assert desk.value(NUDGE) == -100.0


def test_hold_is_a_toggle_and_the_page_hears_of_it(heard: Heard) -> None:
    desk = heard.desk
    assert not standing(desk)["held"]
    desk.act("pulse:hold")
    assert standing(desk)["held"] and follower.held(desk)
    desk.act("pulse:hold")
    assert not follower.held(desk)
    desk.set(MODE, "free")
    desk.act("pulse:hold")
    assert follower.held(desk)


def test_one_is_a_button_that_comes_up_again_and_is_not_undone(heard: Heard) -> None:
    desk = heard.desk
    desk.act("pulse:one")
    assert desk.value(ONE) == 1.0
    assert wait_for(lambda: desk.value(ONE) == 0.0)
    assert [value for name, value in heard.host.turned if name == ONE] == [1.0, 0.0]
    assert not desk.slot.past
    desk.act("pulse:later")
    assert desk.undo()
    assert desk.value(NUDGE) == 0.0


def test_a_rack_without_a_leader_says_so_in_one_line() -> None:
    desk = Heard(Rack("plain", lanes=(Lane("a", "left", ()),))).desk
    for action in follower.ACTIONS:
        with pytest.raises(RackError, match="plain has no plugin that leads the beat"):
            desk.act(action)
    assert follower.leader(desk.rack) == ""
    assert not standing(desk)["held"]


def test_a_leader_without_that_knob_says_so(monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    kind = LED.links()[0][1].plugin  # type: ignore[union-attr]
    monkeypatch.setattr(kind, "params", {k: p for k, p in kind.params.items() if k != "octave"})
    with pytest.raises(RackError, match=r"a\.pulse has no octave"):
        heard.desk.act("pulse:half")


def test_keys_play_the_pulse_and_a_mistake_is_a_line(heard: Heard) -> None:
    keys = Keys(heard.desk)
    for key in "hkkjf":
        keys.press(key)
    assert octave(heard.desk) == "half"
    assert heard.desk.value(NUDGE) == 5.0
    assert follower.held(heard.desk)
    other = Heard(Rack("plain", lanes=(Lane("a", "left", ()),)))
    Keys(other.desk).press("d")
    assert "no plugin that leads" in other.told("message")[-1]["text"]


def test_midi_learns_and_plays_the_pulse(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "midi.toml", {"note": 40, "target": "action:pulse:double"})
    assert not stage.midi.book.store.problems
    stage.desk.slots[0].rack = stage.host.rack = replace(LED, midi=())
    stage.play([0x90, 40, 100])
    assert octave(stage.desk) == "double"
    stage.midi.learning.learn("action:pulse:hold")
    stage.play([0x90, 41, 100], [0x80, 41, 0], [0x90, 41, 100])
    assert follower.held(stage.desk)
    text = (tmp_path / "midi.toml").read_text()
    assert "action:pulse:hold" in text and "action:pulse:double" in text


def test_the_page_plays_the_pulse_and_is_shown_where_it_is(heard: Heard) -> None:
    commands = Commands(heard.desk)
    commands.do({"do": "pulse", "what": "half"})
    assert octave(heard.desk) == "half"
    with pytest.raises(ProtocolError, match="half, double, later, sooner, one, hold"):
        commands.do({"do": "pulse", "what": "rm"})
    assert snapshot(heard.desk)["pulse"] == "a.pulse"
    assert commands._target({"target": "action:pulse:half"}) == "action:pulse:half"
    for wrong in ("action:pulse", "action:pulse:rm", "action:pulse:half:1"):
        with pytest.raises(ValueError):
            commands._target({"target": wrong})


def test_the_screen_has_a_light_for_each_beat(heard: Heard) -> None:
    def shown() -> str:
        console = Console(width=100)
        with console.capture() as capture:
            console.print(_stage(heard.desk))
        return capture.get()

    assert "120.0 bpm" in shown() and "sure" not in shown()
    now = time.monotonic_ns() + 10_000_000_000
    heard.desk.pulse = Pulsing(True, 30.0, 100.5 + 5.0, now, 3, 0.84, 0, 0.0)
    assert "30.0 bpm ○ ● ○ " in shown()
    assert "sure 84 %" in shown()
    heard.desk.act("pulse:hold")
    assert "HELD" in shown()
    heard.desk.pulse = replace(heard.desk.pulse, leads=False)
    assert "listening" in shown()


# --- OSC


class Ear:
    """Hears packets as they are."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.02)
        self.packets: list[bytes] = []

    def packet(self, holds: bytes) -> bytes:
        """The first packet with these bytes in it."""
        until = time.monotonic() + 10.0
        while time.monotonic() < until:
            for one in self.packets:
                if holds in one:
                    return one
            try:
                self.packets.append(self.socket.recv(65535))
            except TimeoutError:
                continue
        raise AssertionError(f"{holds!r} did not come")


@pytest.fixture
def osc(heard: Heard) -> Iterator[tuple[Osc, Ear]]:
    pytest.importorskip("pythonosc")
    ear = Ear()
    osc = Osc(heard.desk, "127.0.0.1:0", [f"127.0.0.1:{ear.socket.getsockname()[1]}"])
    osc.start()
    yield osc, ear
    osc.close()
    ear.socket.close()


def tag_of(packet: bytes) -> float:
    """Unix seconds of a bundle."""
    assert packet.startswith(b"#bundle\0")
    seconds, part = struct.unpack(">II", packet[8:16])
    return seconds - 2_208_988_800 + part / 2**32


def test_a_beat_is_sent_ahead_in_a_bundle_with_its_time(heard: Heard, osc: tuple[Osc, Ear]) -> None:
    now = time.monotonic_ns()
    heard.zero_ns = now - 1_000_000_000
    beats = pulse.Pulse(heard.desk)
    frame = heard.play(now)
    heard.lead(120.0, 6.9, frame, bar=3, sure=0.75)  # beat 7 is in 50 ms
    beats.look(now)
    packet = osc[1].packet(b"/pulse/beat")
    (address, given), *more = wire.messages(packet)
    assert not more
    assert (address, given) == ("/pulse/beat", [1, 2, 120.0, 0.75])
    wanted = time.time() + (now - time.monotonic_ns()) / 1e9 + 0.05
    assert tag_of(packet) == pytest.approx(wanted, abs=0.02)
    assert wire.messages(osc[1].packet(b"/pulse/tempo"))[0][1] == [120.0]
    assert wire.messages(osc[1].packet(b"/pulse/confidence"))[0][1] == [0.75]


def test_osc_plays_the_pulse(heard: Heard, osc: tuple[Osc, Ear]) -> None:
    def send(address: str, *given: Any) -> None:
        osc[1].socket.sendto(wire.made(address, *given), osc[0].address)

    send("/pulse/half", 1.0)
    send("/pulse/half", 0.0)
    assert wait_for(lambda: octave(heard.desk) == "half")
    send("/pulse/later")
    assert wait_for(lambda: heard.desk.value(NUDGE) == 5.0)
    send("/pulse/hold", 1.0)
    assert wait_for(lambda: follower.held(heard.desk))


def test_a_note_that_a_plugin_makes_is_sent_as_one_that_could_be_played(
    heard: Heard, osc: tuple[Osc, Ear]
) -> None:
    now = time.monotonic_ns()
    heard.desk.tell("note", "rack", data=bytes((0x99, 38, 101)), stamp_ns=now)
    heard.desk.tell("note", "rack", data=bytes((0xB9, 1, 2)), stamp_ns=now)
    heard.desk.tell("note", "rack", data=bytes((0x89, 39, 64)), stamp_ns=now)
    on = osc[1].packet(bytes((0, 38, 0, 0, 0, 101)))
    assert wire.messages(on) == [("/note", [38, 101, 10])]
    off = osc[1].packet(bytes((0, 39, 0, 0, 0, 0)))
    assert wire.messages(off) == [("/note", [39, 0, 10])]
    assert tag_of(on) == pytest.approx(time.time(), abs=5.0)


def test_it_leads_is_to_lead_or_does_not(heard: Heard) -> None:
    desk = heard.desk
    assert follower.led(desk) == 0 and not follower.leads(desk)
    desk.pulse = Pulsing(True, 120.0, 0.0, 0, 3, 0.9, 0, 0.0)
    assert follower.led(desk) == 3 and follower.leads(desk)
    desk.pulse = replace(desk.pulse, leads=False)
    assert follower.led(desk) == 0 and not follower.leads(desk)
    desk.set(MODE, "free")
    assert follower.led(desk) is None
    desk.set(MODE, "hold")
    desk.set("a.pulse.bypass", 1.0)
    assert follower.led(desk) is None
    assert follower.led(Heard(Rack("plain", lanes=(Lane("a", "left", ()),))).desk) is None


def test_a_bar_that_begins_elsewhere_is_no_beat(heard: Heard) -> None:
    sent: list[Any] = []
    desk, now = heard.desk, time.monotonic_ns()
    desk.pulse = Pulsing(True, 60.0, 6.3, now, 3, 0.9, 0, 0.0)
    desk.clock.set(60.0, 6.3, now, "pulse")
    outbox = Outbox(desk, lambda fact, to: sent.append(fact), list)
    desk.clock.set(60.0, desk.clock.beat() + 1.0, source="pulse")
    outbox.start()
    try:
        assert wait_for(lambda: sent)
    finally:
        outbox.close()
    assert sent == [("/beat", (3, 60.0))]  # beat 8 of bars of three, not 7 in its middle


def test_a_presets_tempo_is_not_for_a_drummer_who_leads_on(heard: Heard) -> None:
    desk, now = heard.desk, time.monotonic_ns()
    slow = replace(LED, tempo_bpm=70.0)
    for rack in (slow, slow.set(MODE, "free"), slow):
        desk.slots.append(type(desk.slot)(rack, rack))
    desk.pulse = Pulsing(True, 97.0, 6.3, now, 4, 0.9, 0, 0.0)
    desk.clock.set(97.0, 6.3, now, "pulse")
    told = len(heard.host.beats)
    desk.select(1)
    assert desk.clock.tempo_bpm == 97.0 and len(heard.host.beats) == told
    desk.select(2)  # whose pulse leads nobody
    assert desk.clock.tempo_bpm == 70.0 and len(heard.host.beats) == told + 1
    desk.clock.set(97.0, 6.3, now, "pulse")
    desk.pulse = None  # nobody leads any more
    desk.select(3)
    assert desk.clock.tempo_bpm == 70.0


def test_one_comes_up_when_its_preset_is_left() -> None:
    heard = Heard()
    heard.desk.slots.append(type(heard.desk.slot)(LED, LED))
    heard.desk.act("pulse:one")
    heard.desk.select(1)
    assert [slot.rack.value(ONE) for slot in heard.desk.slots] == [0.0, 0.0]
    assert heard.host.turned == [(ONE, 1.0), (ONE, 0.0)]
    heard.desk.set(ONE, 1.0)
    time.sleep(0.3)
    assert heard.desk.value(ONE) == 1.0  # what was pressed elsewhere is not let go here


def test_the_rack_may_be_left_while_one_is_down() -> None:
    plain = Rack("plain", lanes=(Lane("a", "left", (Link("gain", "gain"),)),))
    heard = Heard()
    heard.desk.slots.append(type(heard.desk.slot)(plain, plain))
    heard.desk.act("pulse:one")
    heard.desk.select(1)
    time.sleep(0.3)
    assert not [text for text in heard.told("message") if "pulse" in text["text"]]
