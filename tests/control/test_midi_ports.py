"""MIDI through real ports: a JACK server with the dummy driver, and another client's ports."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from control.midi_stage import MIX, RACKS, TIME, SilentHost

from engine.control.desk import Desk, News
from engine.control.midi import Midi, MidiError, api
from engine.control.midi.clock_in import fitted
from engine.control.midi.ports import MidiPorts, available
from engine.control.surfaces import Wanted, connected

SERVER = f"taraf-test-{os.getpid()}-midi"
rtmidi = pytest.importorskip("rtmidi")


def started(log: Path) -> subprocess.Popen[bytes] | None:
    """A JACK server, with real-time priority if that is allowed; None if neither runs."""
    for realtime in ("-R", "-r"):
        driver = ["-d", "dummy", "-r", "48000", "-p", "64"]
        command = ["jackd", realtime, "-S", "--port-max", "128", "-n", SERVER, *driver]
        with log.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file)
        waited = subprocess.run(["jack_wait", "-w", "-t", "5"], capture_output=True)
        if waited.returncode == 0 and process.poll() is None:
            return process
        process.terminate()
        process.wait()
    return None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    if shutil.which("jackd") is None:
        pytest.skip("needs jackd")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", SERVER)
        patch.setenv("JACK_NO_START_SERVER", "1")
        patch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
        patch.setattr(api, "SEQUENCER", tmp_path_factory.mktemp("none") / "seq")
        process = started(tmp_path_factory.mktemp("jack") / "log")
        if process is None:
            pytest.skip("jackd does not run here")
        running = [process]
        yield running
        running[0].terminate()
        running[0].wait()
        for left in Path("/dev/shm").glob(f"jack_sem.*_{SERVER}_*"):  # of ports that died with one
            left.unlink()


class Show:
    """A desk played by MIDI; what it says is kept."""

    def __init__(self, file: Path, midi: str = "", **options: Any) -> None:
        file.write_text(midi)
        self.host = SilentHost(RACKS[0])
        self.desk = Desk(self.host, [(rack, None) for rack in RACKS])  # type: ignore[arg-type]
        self.news: list[News] = []
        self.desk.listen(self.news.append)
        self.midi = Midi(self.desk, file=file, **options)
        self.midi.start()

    @property
    def texts(self) -> list[str]:
        return [news.facts["text"] for news in self.news if news.kind == "message"]


@pytest.fixture
def show(server: list[Any], tmp_path: Path) -> Iterator[Callable[..., Show]]:
    made: list[Show] = []

    def build(midi: str = "", **options: Any) -> Show:
        made.append(Show(tmp_path / f"midi{len(made)}.toml", midi, **options))
        return made[-1]

    yield build
    for one in made:
        one.midi.close()
        one.midi.close()


class Device:
    """Another client's ports: an output of its own, or one that plays into taraf's."""

    def __init__(self, name: str = "", to: str = "taraf:midi") -> None:
        self.out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name or "player")
        if name:
            self.out.open_virtual_port("out")
        else:
            assert until(lambda: to in self.out.get_ports())
            self.out.open_port(self.out.get_ports().index(to), "out")

    def play(self, *messages: list[int], gap: float = 0.0) -> None:
        for message in messages:
            self.out.send_message(message)
            time.sleep(gap)

    def unplug(self) -> None:
        if self.out is not None:
            self.out.delete()
        self.out = None


@pytest.fixture
def device(server: list[Any]) -> Iterator[Callable[..., Device]]:
    made: list[Device] = []

    def build(*given: str, **more: str) -> Device:
        made.append(Device(*given, **more))
        return made[-1]

    yield build
    for one in made:
        one.unplug()


def until(true: Callable[[], Any], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(true())


KNOBS = f"""
[[midi]]
cc = 7
target = "{MIX}"
[[midi]]
cc14 = 1
target = "{TIME}"
[[midi]]
cc = 8
target = "a.delay.bypass"
mode = "toggle"
[[midi]]
cc = 9
target = "a.pan"
mode = "relative-offset"
"""


def test_of_ten_thousand_mixed_messages_none_is_lost_or_doubled(
    show: Callable[..., Show], device: Callable[..., Device]
) -> None:
    one = show(KNOBS, inputs=(), programs=True)
    heard: list[bytes] = []
    hear = one.midi.hear

    def listening(data: bytes, stamp_ns: int, port: str = "") -> None:
        heard.append(data)
        hear(data, stamp_ns, port)

    one.midi.hear = listening  # type: ignore[method-assign]
    rng = random.Random(5)
    kinds: list[Callable[[], list[int]]] = [
        lambda: [0xB0, 7, rng.randrange(128)],
        lambda: [0xB0, rng.choice((1, 33)), rng.randrange(128)],
        lambda: [0xB0, 8, 127],
        lambda: [0xB0, 9, rng.choice((63, 65))],
        lambda: [0x90, rng.randrange(128), rng.randrange(128)],
        lambda: [0xE0, rng.randrange(128), rng.randrange(128)],
        lambda: [0xF8],
    ]
    sent = [rng.choice(kinds)() for _ in range(9_999)]
    sent[5_000] = [0xC0, 1]
    sent += [[0xB0, 1, 93], [0xB0, 33, 17], [0xB0, 7, 93]]
    player = device()
    for i in range(0, len(sent), 10):
        player.play(*sent[i : i + 10])
        time.sleep(0.002)
    assert until(lambda: one.midi.received >= len(sent), 60.0)
    time.sleep(0.05)
    assert heard == [bytes(message) for message in sent]
    assert one.midi.malformed == one.midi.faults == 0 and not one.midi.actor.failed
    assert one.desk.at == 1
    assert one.desk.value(MIX) == pytest.approx(93 / 127)
    assert one.desk.position(TIME) == pytest.approx((93 << 7 | 17) / 16383)
    toggles = sum(message == [0xB0, 8, 127] for message in sent[5_001:])
    assert one.desk.value("a.delay.bypass") == toggles % 2
    at = 0.5
    for message in sent[5_001:]:
        if message[:2] == [0xB0, 9]:
            at = min(1.0, max(0.0, at + (message[2] - 64) / 127))
    assert one.desk.position("a.pan") == pytest.approx(at)


def test_learn_through_a_port(show: Callable[..., Show], device: Callable[..., Device]) -> None:
    one = show(inputs=())
    player = device()
    assert one.desk.learner is not None
    one.desk.learner.learn(MIX)
    player.play(*([0xB2, 40, value] for value in (3, 9, 14, 20)), gap=0.01)
    assert until(lambda: one.midi.book.store.mappings)
    player.play([0xB2, 40, 0])
    assert until(lambda: one.desk.value(MIX) == 0.0)
    assert one.desk.learner.described() == [
        {"target": MIX, "control": "CC 40, channel 3", "keep": "global"}
    ]


def test_a_program_change_through_a_port(
    show: Callable[..., Show], device: Callable[..., Device]
) -> None:
    one = show(inputs=())
    device().play([0xC0, 2])
    assert until(lambda: one.desk.at == 2)


def test_a_port_that_goes_and_comes_back_is_played_again(
    show: Callable[..., Show], device: Callable[..., Device]
) -> None:
    one = show(KNOBS, inputs=("knobs",))
    assert "no MIDI input is called 'knobs' yet" in one.texts[0]
    for turn, value in ((1, 10), (2, 20), (3, 30)):
        box = device("Nano KNOBS")
        assert until(lambda: "Nano KNOBS:out" in one.midi.statistics()["inputs"])
        box.play([0xB0, 7, value])
        assert until(lambda v=value: one.desk.value(MIX) == pytest.approx(v / 127))  # type: ignore[misc]
        box.unplug()
        assert until(lambda: "Nano KNOBS:out" not in one.midi.statistics()["inputs"])
        assert until(lambda n=1 + 2 * turn: len(one.texts) == n)  # type: ignore[misc]
    assert [text.split("KNOBS:out ")[1] for text in one.texts[1:5]] == [
        "is here",
        "has gone; it is opened when it comes back",
        "is back",
        "has gone; it is opened when it comes back",
    ]


def test_every_input_is_opened_but_never_our_own_outputs(
    show: Callable[..., Show], device: Callable[..., Device]
) -> None:
    boxes = [device("first"), device("second")]
    one = show(KNOBS)
    assert one.midi.statistics()["inputs"] == ["taraf", "first:out", "second:out"]
    boxes[1].play([0xB0, 7, 0])
    assert until(lambda: one.desk.value(MIX) == 0.0)
    there = available()
    assert there["api"] == "Jack" and "first:out" in there["inputs"]
    for box in boxes:
        box.unplug()


def test_a_callback_delivers_the_same(server: list[Any], device: Callable[..., Device]) -> None:
    """Only where no audio graph waits for it: that is why JACK's ports are polled otherwise."""
    said: list[str] = []
    ports = MidiPorts((), (), "taraf", said.append, poll=False)
    ports.start()
    device().play(*([0xB0, 7, value] for value in range(100)), gap=0.001)
    heard: list[bytes] = []
    assert until(lambda: heard.extend(m for m, _, _ in ports.receive(0.1)) or len(heard) == 100)
    assert heard == [bytes((0xB0, 7, value)) for value in range(100)]
    ports.close()


def followed(one: Show, player: Device, tempo: float) -> tuple[float, float]:
    """Four beats through the port: how far tempo (BPM) and phase (ms) are from what was sent.

    They are compared with a line through the times at which the ticks were really sent.
    """
    begin, sent = time.monotonic_ns() + 50_000_000, []
    player.play([0xFA])
    for i in range(97):
        due = begin + int(i * 60e9 / tempo / 24)
        time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
        sent.append(time.monotonic_ns())
        player.play([0xF8])
    assert until(lambda: one.midi.received == 98)
    truth = fitted(list(enumerate(sent))[-96:])
    line = one.desk.clock.now
    assert truth is not None
    error_ms = truth.off(round(line.beat * 24), line.stamp_ns) * truth.period_ns / 1e6
    return abs(line.tempo_bpm - 60e9 / 24 / truth.period_ns), abs(error_ms)


def test_the_clock_comes_in_through_a_port(
    show: Callable[..., Show], device: Callable[..., Device]
) -> None:
    for tempo in (133.0, 150.0, 120.0):  # a busy machine may hold JACK up once
        one, player = show(inputs=()), device()
        tempo_off, phase_off_ms = followed(one, player, tempo)
        assert one.desk.clock.source == "midi"
        assert one.midi.statistics()["clock_in"]["ticks"] == 97
        one.midi.close()
        if tempo_off < 0.1 and phase_off_ms < 3.0:
            return
    pytest.fail(f"off by {tempo_off} BPM and {phase_off_ms} ms")


def test_the_clock_goes_out_through_a_port_that_may_come_late(show: Callable[..., Show]) -> None:
    one = show(inputs=(), clock_outputs=("drum",))
    one.desk.clock.set(180.0, 0.0)
    drums = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="drum machine", queue_size_limit=1 << 12)
    drums.ignore_types(True, False, True)
    drums.open_virtual_port("in")
    heard = bytearray()

    def listened() -> int:
        while found := drums.get_message():
            heard.extend(found[0])
        return heard.count(0xF8)

    assert until(lambda: listened() > 150)
    sent = one.midi.statistics()["clock_out"]["sent"]
    assert sent >= heard.count(0xF8)
    one.midi.close()
    assert until(lambda: listened() and heard[-1] == 0xFC)
    assert heard.count(0xFA) == 1
    drums.delete()


def test_one_taraf_follows_the_clock_of_another(
    show: Callable[..., Show], device: Callable[..., Device]
) -> None:
    first = show(inputs=())
    knobs = device("Knobs")
    second = show(inputs=("knobs",), clock_outputs=("taraf",))
    second.desk.clock.set(163.0, 0.0)
    assert until(lambda: second.midi.statistics()["outputs"] == ["taraf2-out", "taraf:midi"])
    assert second.midi.statistics()["inputs"] == ["taraf2", "Knobs:out"]
    assert until(lambda: first.desk.clock.source == "midi")
    assert until(lambda: abs(first.desk.clock.now.tempo_bpm - 163.0) < 0.5)
    assert first.midi.statistics()["clock_in"]["port"] == "taraf"
    assert second.desk.clock.source != "midi"
    knobs.unplug()


def test_neither_our_ports_nor_ends_of_cables_are_opened_by_all(
    show: Callable[..., Show], device: Callable[..., Device]
) -> None:
    device("Knobs")
    first = show(inputs=("",), outputs=("",))
    assert first.midi.statistics()["inputs"] == ["taraf", "Knobs:out"]
    second = show(inputs=("",), outputs=("",))
    assert second.midi.statistics()["inputs"] == ["taraf2", "Knobs:out", "taraf-out:midi"]
    assert second.midi.statistics()["outputs"] == ["taraf2-out", "taraf:midi"]
    assert until(lambda: "taraf2:midi" in first.midi.statistics()["outputs"])
    assert len(first.midi.statistics()["outputs"]) == 2


def test_our_clock_goes_out_of_our_own_port_whatever_it_had_to_be_called(
    show: Callable[..., Show],
) -> None:
    show(inputs=())
    second = show(inputs=(), clock_outputs=("taraf-out",))
    ours = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="listener")
    ours.ignore_types(timing=False)
    assert until(lambda: "taraf2-out:midi" in ours.get_ports())
    ours.open_port(ours.get_ports().index("taraf2-out:midi"), "in")
    second.desk.clock.set(140.0, 0.0)
    ticks: list[Any] = []

    def ticked() -> bool:
        if found := ours.get_message():
            ticks.append(found[0][0])
        return ticks.count(0xF8) > 3

    assert until(ticked)
    ours.delete()


def test_a_clock_to_our_own_port_opens_it(server: list[Any]) -> None:
    desk = Desk(SilentHost(RACKS[0]), [(rack, None) for rack in RACKS])  # type: ignore[arg-type]
    for name in ("taraf", "Taraf-out"):
        with connected(desk, Wanted(midi_clock=(name,))) as found:
            assert found.all[0].statistics()["outputs"] == ["taraf-out"]
    with connected(desk, Wanted(midi_clock=("drum",))) as found:
        assert found.all[0].statistics()["outputs"] == []


def test_what_a_plugin_plays_goes_out_of_a_port_that_had_to_be_called_otherwise(
    show: Callable[..., Show],
) -> None:
    show(inputs=())
    one = show(inputs=())
    ours = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="listener")
    assert until(lambda: "taraf2-out:midi" in ours.get_ports())
    ours.open_port(ours.get_ports().index("taraf2-out:midi"), "in")
    heard: list[Any] = []

    def listened() -> bool:  # the first may leave before the cable lies
        one.desk.tell("note", "rack", data=bytes((0x99, 38, 100)), stamp_ns=0)
        if found := ours.get_message():
            heard.append(found[0])
        return bool(heard)

    assert until(listened)
    assert heard[0] == [0x99, 38, 100]
    ours.delete()


def test_what_a_plugin_plays_goes_out_through_a_port(show: Callable[..., Show]) -> None:
    one = show(inputs=(), note_outputs=("drum",))
    drums = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="drum machine")
    drums.open_virtual_port("in")
    ours = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="listener")
    assert until(lambda: "taraf-out:midi" in ours.get_ports())
    ours.open_port(ours.get_ports().index("taraf-out:midi"), "in")
    assert one.midi.ports is not None
    ports = one.midi.ports
    assert until(lambda: any("drum" in name for name in ports.names["outputs"]))
    for data in ((0x99, 38, 100), (0x89, 38, 0)):
        one.desk.tell("note", "rack", data=bytes(data), stamp_ns=0)
    for port in (drums, ours):
        heard: list[list[int]] = []

        def listened(port: Any = port, heard: list[list[int]] = heard) -> int:
            while found := port.get_message():
                heard.append(found[0])
            return len(heard)

        assert until(lambda look=listened: look() == 2)
        assert heard == [[0x99, 38, 100], [0x89, 38, 0]]
        port.delete()


def test_what_the_page_turns_is_sent_back_and_what_midi_turned_is_not(
    show: Callable[..., Show], device: Callable[..., Device]
) -> None:
    ring = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="rings", queue_size_limit=1 << 12)
    ring.open_virtual_port("in")
    one = show(KNOBS, inputs=(), outputs=("rings",))
    device().play([0xB0, 7, 0])
    assert until(lambda: one.desk.value(MIX) == 0.0)
    one.desk.set(MIX, 1.0, "web")
    one.desk.place(TIME, 1.0, "web")
    heard: list[list[int]] = []

    def listened() -> int:
        while found := ring.get_message():
            heard.append(found[0])
        return len(heard)

    assert until(lambda: listened() >= 3)
    assert heard == [[0xB0, 7, 127], [0xB0, 1, 127], [0xB0, 33, 127]]
    ring.delete()


def test_after_the_sound_server_has_died_the_ports_are_opened_again(
    server: list[Any], show: Callable[..., Show], device: Callable[..., Device], tmp_path: Path
) -> None:
    one = show(KNOBS, inputs=("knobs",))
    box = device("Knobs")
    assert until(lambda: "Knobs:out" in one.midi.statistics()["inputs"])
    server[0].terminate()
    server[0].wait()
    box.unplug()
    server[0] = started(tmp_path / "log")
    assert server[0] is not None
    for call in one.host.restarted:  # as the host does when the sound is back
        call()
    player = device()
    player.play([0xB0, 7, 0])
    assert until(lambda: one.desk.value(MIX) == 0.0)
    box = device("Knobs")
    assert until(lambda: "Knobs:out" in one.midi.statistics()["inputs"])
    box.play([0xB0, 7, 127])
    assert until(lambda: one.desk.value(MIX) == 1.0)
    one.desk.set(MIX, 0.5)
    player.play([0xB0, 7, 127])  # the virtual port is there once, not twice
    assert until(lambda: one.desk.value(MIX) == 1.0)
    assert one.midi.received == 3


def test_without_any_midi_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "SEQUENCER", tmp_path / "seq")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "taraf-test-nobody")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    if not api.sys.platform.startswith("linux"):
        pytest.skip("other systems always have MIDI")
    host = SilentHost(RACKS[0])
    midi = Midi(Desk(host, [(RACKS[0], None)]), file=tmp_path / "m.toml")  # type: ignore[arg-type]
    with pytest.raises(MidiError, match="there is no MIDI here"):
        midi.start()
    midi.close()
