"""OSC, through a socket, over a rack that really sounds."""

from __future__ import annotations

import math
import random
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

pytest.importorskip("pythonosc")

from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from engine import catalogue, preset
from engine.control.desk import Desk
from engine.control.osc import Osc, OscError, Places, places, wire
from engine.control.surfaces import Wanted, connected
from engine.host import Host, Order
from engine.stream import DeviceChoice

PATIENCE_SECONDS = 20.0
KNOB = "/rack/guitar/gate/threshold_db"
NAME = "guitar.gate.threshold_db"


class Controller:
    """A tablet: a socket that sends messages and keeps those it gets."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.to = to
        self.got: list[tuple[str, list[Any]]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port: int = self._socket.getsockname()[1]

    def raw(self, packet: bytes) -> None:
        self._socket.sendto(packet, self.to)

    def send(self, address: str, *arguments: Any) -> None:
        self.raw(message(address, *arguments))

    def bundle(self, *messages: tuple[Any, ...], at: float = 0.0) -> None:
        builder = OscBundleBuilder(at)
        for address, *arguments in messages:
            builder.add_content(_builder(address, *arguments).build())
        self.raw(builder.build().dgram)

    def collect(self) -> None:
        until = time.monotonic() + 0.05
        with suppress(OSError):
            while time.monotonic() < until:
                self.got += wire.messages(self._socket.recv(65535))

    def values(self, address: str) -> list[list[Any]]:
        return [arguments for where, arguments in self.got if where == address]

    def hears(self, address: str, *arguments: Any) -> list[Any]:
        """The first message to ``address`` (and with these arguments, if any)."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            for found in self.values(address):
                if not arguments or found == pytest.approx(list(arguments)):
                    return found
            self.collect()
        raise AssertionError(f"{address} {arguments} did not come: {self.got[-20:]}")

    def close(self) -> None:
        self._socket.close()

    def settled(self) -> None:
        """Wait until all that was sent has been done, and what it led to has come back."""
        self.got.clear()
        self.send("/tempo")
        self.hears("/tempo")
        for _ in range(2):
            self.collect()


def _builder(address: str, *arguments: Any) -> Any:
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder


def message(address: str, *arguments: Any) -> bytes:
    packet: bytes = _builder(address, *arguments).build().dgram
    return packet


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    rack = preset.load(preset.find("clean")).rack
    running = Host(Order(DeviceChoice("virtual", 48000, 256), lock=False), rack)
    yield running
    running.stop()


@pytest.fixture
def desk(host: Host) -> Desk:
    racks = [preset.load(preset.find(name)).rack for name in ("clean", "crunch", "lead")]
    host.enlist(racks)
    host.load(racks[0])
    host.shelve()
    return Desk(host, [(rack, None) for rack in racks])


@pytest.fixture
def start(desk: Desk) -> Iterator[Callable[..., Osc]]:
    running: list[Osc] = []

    def make(**options: Any) -> Osc:
        osc = Osc(desk, "127.0.0.1:0", **options)
        running.append(osc)
        osc.start()
        return osc

    yield make
    for osc in running:
        osc.close()
        osc.close()


@pytest.fixture
def osc(start: Callable[..., Osc]) -> Osc:
    return start()


@pytest.fixture
def pad(osc: Osc) -> Controller:
    return Controller(osc.address)


def wait_for(holds: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.005)


# --- knobs


@pytest.mark.parametrize(("given", "is_now"), [(-40.0, -40.0), (-41, -41.0), (-40.1, -40.1)])
def test_a_plain_value_turns_a_knob(desk: Desk, pad: Controller, given: Any, is_now: float) -> None:
    pad.send(KNOB, given)
    wait_for(lambda: desk.value(NAME) == is_now)


def test_a_switch_takes_a_name_a_number_or_true(desk: Desk, pad: Controller) -> None:
    names = desk.param("guitar.tonestack.voice").choices
    pad.send("/rack/guitar/tonestack/voice", names[1])
    wait_for(lambda: desk.value("guitar.tonestack.voice") == 1)
    pad.send("/rack/guitar/tonestack/voice", 0.0)
    wait_for(lambda: desk.value("guitar.tonestack.voice") == 0)
    pad.send("/rack/guitar/gate/bypass", True)
    wait_for(lambda: desk.value("guitar.gate.bypass") == 1)


def test_a_lane_has_knobs_of_its_own(desk: Desk, pad: Controller) -> None:
    pad.send("/rack/guitar/gain_db", -3.0)
    wait_for(lambda: desk.value("guitar.gain_db") == -3.0)


def test_a_fader_sends_a_position(desk: Desk, pad: Controller) -> None:
    pad.send("/position/guitar/gate/threshold_db", 0.25)
    wait_for(lambda: desk.position(NAME) == pytest.approx(0.25))


def test_without_a_value_the_asker_is_told(desk: Desk, pad: Controller) -> None:
    desk.set(NAME, -33.0)
    pad.send(KNOB)
    assert pad.hears(KNOB, -33.0)
    pad.send("/position/guitar/gate/threshold_db")
    assert pad.hears("/position/guitar/gate/threshold_db", desk.position(NAME))


def test_one_message_moves_both_knobs_of_a_pad(
    desk: Desk, pad: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue.find("gate"), "xy", ("threshold_db", "release_ms"))
    release = "guitar.gate.release_ms"
    pad.send("/xy/guitar/gate", 0.25, 0.75)
    wait_for(lambda: desk.position(release) == pytest.approx(0.75))
    assert desk.position(NAME) == pytest.approx(0.25)
    pad.send("/xy/guitar/gate")
    assert pad.hears("/xy/guitar/gate", 0.25, 0.75)
    desk.assign((release, NAME))
    pad.send("/xy", 0.5, 1.0)
    wait_for(lambda: desk.position(NAME) == pytest.approx(1.0))
    assert desk.position(release) == pytest.approx(0.5)
    desk.assign(())
    before = desk.rack
    for words, said in (
        (("/xy", 0.5, 0.5), "no two parameters"),
        (("/xy/guitar/gate", 0.5), "takes x and y"),
        (("/xy/guitar/gate", 0.5, 1.5), "outside 0 to 1"),
        (("/xy/guitar/tonestack", 0.5, 0.5), "has no /xy/guitar/tonestack"),
        (("/xy/guitar", 0.5, 0.5), "has no /xy/guitar"),
    ):
        other = Controller(pad.to)  # each is told of mistakes once a second
        other.send(*words)
        assert said in other.hears("/error")[0]
        other.close()
    assert desk.rack == before


def test_a_bundle_is_done_in_order_whatever_its_time(desk: Desk, pad: Controller) -> None:
    pad.bundle((KNOB, -20.0), ("/preset/next",), ("/rack/guitar/gate/threshold_db", -30.0),
               ("/preset/previous",), at=time.time() + 3600)  # fmt: skip
    wait_for(lambda: desk.slots[1].rack.value(NAME) == -30.0)
    wait_for(lambda: desk.at == 0)
    assert desk.value(NAME) == -20.0


def test_of_a_burst_for_one_knob_the_last_counts_and_the_desk_is_spared(
    desk: Desk, osc: Osc, pad: Controller
) -> None:
    turned: list[float] = []
    desk.listen(lambda news: turned.append(news.facts.get("value", 0.0)))
    for first in range(0, 5000, 250):
        pad.bundle(*((KNOB, -60.0 + (first + k) / 100) for k in range(250)))
    wait_for(lambda: osc.counts.messages == 5000)
    pad.settled()
    assert desk.value(NAME) == pytest.approx(-60.0 + 4999 / 100)
    assert len(turned) <= 20  # one for each bundle at most
    assert osc.counts.coalesced == 5000 - len(turned)
    assert osc.counts.refused == osc.counts.dropped == 0


def test_every_address_keeps_its_own_last_value(desk: Desk, pad: Controller) -> None:
    names = [n for n, param in desk.params().items() if not param.choices]
    random.seed(1)
    moves = [(random.choice(names), random.random()) for _ in range(2000)]
    for first in range(0, len(moves), 100):
        pad.bundle(
            *((f"/position/{n.replace('.', '/')}", x) for n, x in moves[first : first + 100])
        )
    pad.settled()
    for name, position in dict(moves).items():
        assert desk.position(name) == pytest.approx(position, abs=1e-5)


# --- actions


def test_buttons_act_when_pressed_and_not_when_let_go(desk: Desk, pad: Controller) -> None:
    for pressed in (1.0, 0.0, 1.0, 0.0):
        pad.send("/preset/next", pressed)
    pad.settled()
    assert desk.at == 2
    pad.send("/preset/previous")
    wait_for(lambda: desk.at == 1)


def test_a_preset_is_chosen_by_number_name_or_button(desk: Desk, pad: Controller) -> None:
    pad.send("/preset", 3)
    assert pad.hears("/preset", 3, desk.names()[2])
    pad.send("/preset", desk.names()[1].upper())
    wait_for(lambda: desk.at == 1)
    pad.send("/preset/1", 1.0)
    wait_for(lambda: desk.at == 0)


def test_no_action_is_coalesced(desk: Desk, pad: Controller) -> None:
    done: list[str] = []
    desk.listen(lambda news: done.append(news.kind))
    pad.bundle(*(("/bypass/toggle",) for _ in range(101)))
    wait_for(lambda: done.count("bypass") == 101)
    assert desk.bypassed


def test_tempo_taps_and_undo(desk: Desk, pad: Controller) -> None:
    pad.send("/tempo", 98.5)
    wait_for(lambda: desk.clock.tempo_bpm == 98.5)
    before = desk.value(NAME)
    pad.send(KNOB, before - 5)
    pad.send("/undo")
    assert pad.hears(KNOB, before)
    pad.send("/redo", 1.0)
    assert pad.hears(KNOB, before - 5)
    pad.send("/tap", 1.0)
    wait_for(lambda: desk.clock.source == "tap")


def test_a_note_reaches_the_instruments(
    desk: Desk, host: Host, pad: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[bytes] = []
    monkeypatch.setattr(host, "note", lambda message, stamp_ns=None: played.append(message))
    for note in ((60, 100), (60, 0.0), (61, 1, 16)):
        pad.send("/note", *note)
    wait_for(lambda: len(played) == 3)
    assert played == [bytes((0x90, 60, 100)), bytes((0x80, 60, 0)), bytes((0x9F, 61, 1))]


def test_nothing_is_saved_unless_that_was_allowed(
    desk: Desk, start: Callable[..., Osc], pad: Controller, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    pad.send("/save")
    assert "not allowed" in pad.hears("/error")[0]
    assert not list(tmp_path.rglob("*.toml"))
    Controller(start(may_save=True).address).send("/save", 1.0)
    wait_for(lambda: list(tmp_path.rglob("*.toml")))


# --- what goes out


def test_others_hear_of_a_change_and_its_maker_does_not(
    desk: Desk, start: Callable[..., Osc]
) -> None:  # fmt: skip
    screen = Controller(("127.0.0.1", 1))
    osc = start(send=(f"127.0.0.1:{screen.port}", f"127.0.0.1:{screen.port}"))
    screen.hears(KNOB)
    pad, other = Controller(osc.address), Controller(osc.address)
    pad.send("/reply", pad.port)  # or, alone with one screen, they would pass for one device
    pad.settled()
    other.settled()
    screen.got.clear()
    pad.send(KNOB, -44.0)
    assert other.hears(KNOB, -44.0)
    assert other.hears("/position/guitar/gate/threshold_db", desk.position(NAME))
    assert other.hears("/text/guitar/gate/threshold_db", "-44 dB")
    assert screen.hears(KNOB, -44.0)
    pad.settled()
    assert not pad.values(KNOB)
    desk.set(NAME, -45.0, "web")
    assert pad.hears(KNOB, -45.0)


def test_on_this_machine_a_target_hears_what_another_port_did(
    desk: Desk, start: Callable[..., Osc]
) -> None:
    screen = Controller(("127.0.0.1", 1))
    osc = start(send=(f"127.0.0.1:{screen.port}",))
    Controller(osc.address).send(KNOB, -44.0)
    assert screen.hears(KNOB, -44.0)


def test_a_sender_that_listens_at_the_one_target_is_not_echoed_to(
    desk: Desk, start: Callable[..., Osc], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.control.osc.surface.is_here", lambda host: False)  # a tablet
    screen = Controller(("127.0.0.1", 1))
    osc = start(send=(f"127.0.0.1:{screen.port}",))
    screen.hears(KNOB)
    screen.got.clear()
    Controller(osc.address).send(KNOB, -44.0)
    wait_for(lambda: desk.value(NAME) == -44.0)
    desk.set("guitar.gain_db", -1.0, "web")
    assert screen.hears("/rack/guitar/gain_db", -1.0)
    assert not screen.values(KNOB)


def test_the_port_for_replies_can_be_told(osc: Osc, pad: Controller) -> None:
    ear = Controller(osc.address)
    pad.send("/reply", ear.port)
    pad.send(KNOB)
    assert ear.hears(KNOB)
    assert not pad.values(KNOB)


def test_a_fast_turned_knob_goes_out_coalesced_and_ends_where_it_ends(
    desk: Desk, pad: Controller
) -> None:
    pad.settled()
    for step in range(1000):
        desk.set(NAME, -60.0 + step / 100, "midi")
    assert pad.hears(KNOB, -60.0 + 999 / 100)
    assert len(pad.values(KNOB)) < 500


def test_another_preset_sends_its_name_and_all_its_values(desk: Desk, pad: Controller) -> None:
    pad.settled()
    desk.select(1, "keys")
    assert pad.hears("/preset", 2, desk.rack.name)
    for name in desk.params():
        assert pad.hears(f"/rack/{name.replace('.', '/')}", desk.value(name))


def test_refresh_sends_every_value(desk: Desk, pad: Controller) -> None:
    pad.send("/refresh", 1.0)
    for name in ("/preset", "/tempo", "/bypass", "/record"):
        assert pad.hears(name)
    for name in desk.params():
        assert pad.hears(f"/rack/{name.replace('.', '/')}", desk.value(name))


def test_beats_meters_and_load_are_sent(desk: Desk, pad: Controller) -> None:
    desk.clock.set(240.0)
    pad.send("/refresh")
    beats = [pad.hears("/beat", place, 240.0)[0] for place in (1, 2, 3, 4)]
    assert beats == [1, 2, 3, 4]
    assert -120.0 <= pad.hears("/meter/in/1")[0] <= 0.0
    assert -120.0 <= pad.hears("/meter/out/2")[0] < 24.0
    assert not pad.values("/meter/in/3")
    assert pad.hears("/load")[0] >= 0.0
    assert pad.hears("/late")[0] >= 0


# --- mistakes, and worse


@pytest.mark.parametrize(
    ("address", "arguments", "said"),
    [
        (KNOB, (math.nan,), "not a number"),
        (KNOB, (math.inf,), "not a number"),
        (KNOB, (1e9,), "outside"),
        (KNOB, ("loud",), "is not -"),
        (KNOB, (b"\x00\x01",), "not a number"),
        (KNOB, (1.0, 2.0), "one argument"),
        ("/position/guitar/gate/threshold_db", (1.5,), "outside 0 to 1"),
        ("/rack/guitar/tonestack/voice", ("italian",), "not one of"),
        ("/rack/guitar/tonestack/voice", (0.5,), "is not"),
        ("/rack/guitar/nothing/here", (1.0,), "has no /rack/guitar/nothing/here"),
        ("/rack/guitar/cabinet/ir", ("/etc/passwd",), "has no /rack/guitar/cabinet/ir"),
        ("/rack/guitar/cabinet/ir", (), "has no"),
        ("/preset", (0,), "from 1 to 3"),
        ("/preset", (1.5,), "whole number"),
        ("/preset", ("polka",), "no preset is called"),
        ("/preset/99", (), "from 1 to 3"),
        ("/preset/next", ("now",), "not a number"),
        ("/tempo", (5.0,), "outside 20 to 400 bpm"),
        ("/bypass", (math.nan,), "not a number"),
        ("/record", (1,), "--takes"),
        ("/note", (60,), "takes pitch"),
        ("/note", (128, 1), "from 0 to 127"),
        ("/note", (60, 64, 17), "from 1 to 16"),
        ("/reply", (0,), "from 1 to 65535"),
        ("/polka", (), "not an address"),
        ("/", (), "not an address"),
    ],
)
def test_a_mistake_is_told_to_its_sender_and_changes_nothing(
    desk: Desk, osc: Osc, pad: Controller, address: str, arguments: tuple[Any, ...], said: str
) -> None:
    before = desk.rack
    pad.send(address, *arguments)
    assert said in pad.hears("/error")[0]
    assert osc.counts.refused == 1
    assert desk.rack is before


def test_a_fault_of_ours_leaves_the_controller_working(
    desk: Desk, osc: Osc, pad: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(desk, "panic", lambda source="": {}["no such key"])
        pad.send("/panic")
        assert "KeyError" in pad.hears("/error")[0]
    assert osc.counts.faults == 1
    pad.send(KNOB, -31.0)
    wait_for(lambda: desk.value(NAME) == -31.0)


def test_a_name_that_is_no_text_is_sent_as_far_as_it_is(desk: Desk, pad: Controller) -> None:
    pad.settled()
    desk.tell("message", "web", text="caf\udce9.toml: 'x' is not known here")
    assert pad.hears("/message") == ["caf?.toml: 'x' is not known here"]
    desk.set(NAME, -33.0)
    pad.hears(KNOB, -33.0)


def test_mistakes_are_told_once_a_second_and_all_counted(osc: Osc, pad: Controller) -> None:
    pad.bundle(*(("/polka",) for _ in range(300)))
    wait_for(lambda: osc.counts.refused == 300)
    pad.hears("/error")
    pad.collect()
    assert len(pad.values("/error")) == 1


MALFORMED = [
    b"",
    b"\0",
    b"polka",
    b"/rack",
    b"/rack\0\0\0",
    b"/rack\0\0\0,f\0\0",
    b"/rack\0\0\0,f\0\0\0\0",
    b"/rack\0\0\0,q\0\0\0\0\0\0",
    b"/rack\0\0\0,s\0\0\xff\xff\xff\xff",
    b"/rack\0\0\0,b\0\0\x7f\xff\xff\xff",
    b"/rack\0\0\0,b\0\0\xff\xff\xff\xff",
    b"/rack\0\0\0,[[[",
    b"/\xff\xfe\0,\0\0\0",
    b"#bundle\0",
    b"#bundle\0" + bytes(7),
    b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc",
    b"#bundle\0" + bytes(8) + b"\x80\0\0\0",
    b"#bundle\0" + bytes(8) + b"\0\0\0\0" * 100,
    b"#bundle\0" + bytes(8) + b"\0\0\0\x08/a\0\0",
    message("/preset/next", 1.0)[:-1],
]


def _nested(deep: int) -> bytes:
    packet = message("/preset/next")
    for _ in range(deep):
        packet = b"#bundle\0" + bytes(8) + struct.pack(">i", len(packet)) + packet
    return packet


@pytest.mark.parametrize("packet", [*MALFORMED, _nested(9), _nested(2000)])
def test_what_is_not_osc_is_refused_and_the_sound_goes_on(
    desk: Desk, osc: Osc, pad: Controller, packet: bytes
) -> None:
    pad.raw(packet)
    pad.settled()
    assert desk.at == 0
    assert osc.counts.refused <= 1  # some are messages to nowhere, some say nothing at all
    pad.send(KNOB, -31.0)
    wait_for(lambda: desk.value(NAME) == -31.0)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    some.one_of(
        some.binary(max_size=200),
        some.binary(max_size=60).map(lambda b: b"#bundle\0" + bytes(8) + b),
        some.tuples(some.text(max_size=8), some.text("ifshdTFbNItmrcS[]xyz", max_size=6),
                    some.binary(max_size=40)).map(
            lambda t: b"/" + t[0].encode() + b"\0" * (4 - (1 + len(t[0].encode())) % 4)
            + b"," + t[1].encode() + b"\0" * (4 - (1 + len(t[1])) % 4) + t[2]),
    )
)  # fmt: skip
def test_any_bytes_are_messages_or_malformed(packet: bytes) -> None:
    with suppress(wire.Malformed):
        for address, arguments in wire.messages(packet):
            assert address.startswith("/")
            assert isinstance(arguments, list)


def test_ten_thousand_random_packets_leave_the_rack_as_it_was(
    desk: Desk, host: Host, osc: Osc, pad: Controller
) -> None:
    random.seed(2)
    pieces = [*MALFORMED, message(KNOB, math.nan), message("/preset", 7), _nested(20)]
    before, beats = desk.rack, int(host.shared.control["blocks"][0])
    for _ in range(10_000):
        packet = bytearray(random.choice(pieces))
        if packet and random.random() < 0.5:
            packet[random.randrange(min(len(packet), 4))] = random.randrange(256)
        with suppress(OSError):
            pad.raw(bytes(packet))
    pad.settled()
    assert desk.rack is before
    assert osc.counts.refused > 100
    wait_for(lambda: int(host.shared.control["blocks"][0]) > beats)


# --- who may


def test_only_those_who_are_allowed_are_heard() -> None:
    found = places("0.0.0.0:9000", allow=("192.168.1.20", "10.0.0.0/8", "fe80::/10"))
    heard = ("127.0.0.1", "192.168.1.20", "10.9.8.7", "::ffff:10.1.1.1", "::1", "fe80::1%eth0")
    assert all(found.allows(host) for host in heard)
    assert not any(found.allows(host) for host in ("192.168.1.21", "11.0.0.1", "::ffff:8.8.8.8"))


def test_a_stranger_is_counted_and_gets_no_answer(
    osc: Osc, pad: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(Places, "allows", lambda self, host: False)
        pad.send("/polka")
        wait_for(lambda: osc.counts.strangers == 1)
    pad.settled()
    assert not pad.values("/error")
    assert osc.counts.messages == 1  # the question that settled asks


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"listen": "0.0.0.0:9000"}, "--osc 0.0.0.0:9000 is open to the network"),
        ({"listen": "[::]:9000"}, "open to the network"),
        ({"listen": "9000:polka"}, "'9000:polka' is not [HOST:]PORT"),
        ({"listen": "70000"}, "--osc '70000' is not [HOST:]PORT with a port from 1 to 65535"),
        ({"listen": "no.such.host.invalid:9000"}, "not a host that is known"),
        ({"send": ("9001",)}, "--osc-to '9001' is not HOST:PORT"),
        ({"send": ("127.0.0.1:0",)}, "1 to 65535"),
        ({"send": ("no.such.host.invalid:9",)}, "--osc-to: 'no.such.host.invalid' is not a host"),
        ({"send": ("localhost:9000",)}, "taraf itself listens"),
        ({"allow": ("everybody",)}, "--osc-allow 'everybody' is not an address"),
    ],
)
def test_a_wrong_place_is_refused_in_one_line(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OscError) as error:
        places(**options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_to_allow_senders_without_listening_is_refused(desk: Desk) -> None:
    wanted = Wanted(osc_allow=("192.168.1.20",))
    with pytest.raises(OscError, match=r"give --osc \[HOST:\]PORT"), connected(desk, wanted):
        pass


def test_a_port_may_stand_alone() -> None:
    assert places("9123").listen == ("127.0.0.1", 9123)
    assert places("localhost:9123").listen == ("127.0.0.1", 9123)
    assert places("0.0.0.0:9123", allow=("192.168.1.0/24",)).listen[0] == "0.0.0.0"


def test_a_port_that_is_taken_is_one_clear_line(desk: Desk, osc: Osc) -> None:
    second = Osc(desk, f"127.0.0.1:{osc.address[1]}")
    with pytest.raises(OscError, match=r"cannot listen at 127\.0\.0\.1:"):
        second.start()
    second.close()


def test_without_python_osc_the_player_is_told_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pythonosc.osc_message", None)
    with pytest.raises(OscError, match="pip install python-osc"):
        Osc(desk, "127.0.0.1:0").start()


def test_python_osc_is_not_imported_with_the_module() -> None:
    code = "import sys, engine.control.osc; sys.exit('pythonosc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_target_that_is_not_there_disturbs_nobody(start: Callable[..., Osc], desk: Desk) -> None:
    gone = Controller(("127.0.0.1", 1))
    osc = start(send=(f"127.0.0.1:{gone.port}",))
    gone._socket.close()
    pad = Controller(osc.address)
    pad.send(KNOB, -32.0)
    wait_for(lambda: desk.value(NAME) == -32.0)
    pad.settled()
