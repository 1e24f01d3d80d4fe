"""Notes that plugins make: told when they are due, and none is left to hang."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from control.pulse_stage import Heard, install, sounding, uninstall
from control.web_stage import wait_for

from engine.control.desk import News
from engine.control.made import Made
from engine.control.midi import Midi
from engine.layout import MADE
from engine.rack import Lane, Link, Rack
from engine.shared import Shared

MS = 1_000_000
ON, OFF = 0x99 | 38 << 8 | 100 << 16, 0x89 | 38 << 8
DRUMS = Rack("drums", lanes=(Lane("a", "left", (Link("drums", "drums"),)),))
PLAIN = Rack("plain", lanes=(Lane("a", "left", (Link("gain", "gain"),)),))


class Band(Heard):
    """Notes written by hand into the memory of the audio thread."""

    def __init__(self) -> None:
        super().__init__(PLAIN)
        self.made = Made(self.desk)
        self.desk.listen(self.made._news)
        self.look(0)

    def write(self, at_ms: float, message: int, table: int = 7) -> None:
        count = int(self.control["made_count"])
        self.control["made"][count % MADE] = (round(at_ms * 48), message, table)
        self.control["made_count"] = count + 1

    def look(self, at_ms: float) -> list[bytes]:
        """What is told at a time."""
        before = len(self.told("note"))
        self.play(self.zero_ns + round(at_ms * MS))
        self.made.look(self.zero_ns + round(at_ms * MS))
        return [one["data"] for one in self.told("note")[before:]]


NOTE_ON, NOTE_OFF = bytes((0x99, 38, 100)), bytes((0x89, 38, 0))


def test_a_note_waits_for_its_time_and_one_that_is_past_is_told_at_once() -> None:
    band = Band()
    band.write(120, ON)
    band.write(180, OFF)
    assert band.look(100) == []
    assert band.look(119) == []
    assert band.look(121) == [NOTE_ON]
    stamp = band.told("note")[-1]["stamp_ns"]
    assert stamp == pytest.approx(band.zero_ns + 120 * MS, abs=0.1 * MS)
    assert band.look(200) == [NOTE_OFF]
    band.write(150, ON)
    assert band.look(202) == [NOTE_ON]


def test_they_are_told_in_the_order_of_their_times() -> None:
    band = Band()
    for k in (5, 1, 3, 2, 4):
        band.write(100 + k, 0x90 | (60 + k) << 8 | 100 << 16)
    found = [data[1] for data in band.look(200)]
    assert found == [61, 62, 63, 64, 65]


def test_a_note_that_should_have_begun_long_ago_is_not_begun_but_ended() -> None:
    band = Band()
    band.write(100, ON)
    assert band.look(1000) == []
    assert band.made.late == 1
    band.write(990, ON)
    band.write(500, OFF)
    assert band.look(1001) == [NOTE_ON]  # the end of another was before it
    band.write(700, OFF)
    assert band.look(1002) == [NOTE_OFF]


def test_one_that_begins_again_ends_first_and_an_end_alone_is_dropped() -> None:
    band = Band()
    band.write(10, OFF)
    band.write(11, ON)
    band.write(12, ON)
    assert band.look(20) == [NOTE_ON, NOTE_OFF, NOTE_ON]


@pytest.mark.parametrize("why", ["rack", "panic", "restart", "close"])
def test_what_sounds_is_ended(why: str) -> None:
    band = Band()
    band.write(10, ON)
    band.write(5000, OFF)
    band.write(6000, ON)
    assert band.look(20) == [NOTE_ON]
    told = []
    if why == "rack":
        band.control["sounding"] = 8
    elif why == "panic":
        band.desk.panic()
    elif why == "restart":
        band.host.shared = Shared.private()
        band.made.look(band.zero_ns + 21 * MS)
    else:
        band.made.close()
    told = [one["data"] for one in band.told("note")][1:]
    if why in ("rack", "panic"):
        told = band.look(21)
    assert told[0] == NOTE_OFF
    assert told[1:] == ([bytes((0xB9, 123, 0))] if why == "panic" else [])
    assert band.made.held == 0
    if why != "restart":
        assert band.look(7000) == []


def test_what_was_made_before_a_panic_or_a_fault_was_acted_on_does_not_hang() -> None:
    band = Band()
    band.write(10, ON)
    assert band.look(20) == [NOTE_ON]
    band.desk.panic()
    band.write(21, ON)  # the audio thread has not read of it yet
    assert band.look(22) == [NOTE_OFF, bytes((0xB9, 123, 0)), NOTE_ON]
    band.write(23, ON)
    band.control["made_anew"] = band.control["made_count"]  # now it has, and knows no ends
    assert band.look(24) == [NOTE_OFF, bytes((0xB9, 123, 0))]
    assert band.made.held == 0
    band.write(25, ON)
    band.write(26, OFF)
    assert band.look(27) == [NOTE_ON, NOTE_OFF]


def test_what_another_rack_made_or_what_is_no_message_is_not_told() -> None:
    band = Band()
    band.write(10, ON, table=3)
    for message in (0, 0x38, 0xF8, 0x90 | 200 << 8, 0x90 | 60 << 8 | 200 << 16, -1, 1 << 40):
        band.write(10, message)
    band.write(10, 0xC3 | 5 << 8)
    band.write(10, 0xB0 | 7 << 8 | 90 << 16)
    assert band.look(20) == [bytes((0xC3, 5)), bytes((0xB0, 7, 90))]


def test_more_than_can_be_kept_is_counted_as_lost() -> None:
    band = Band()
    for k in range(MADE + 10):
        band.write(10, 0xB0 | 7 << 8 | (k % 128) << 16)
    assert len(band.look(20)) == MADE
    assert band.made.lost == 10


def test_what_plugins_make_goes_to_the_outputs_that_were_asked_for() -> None:
    class Port:
        def __init__(self) -> None:
            self.heard: list[bytes] = []

        def send(self, data: bytes) -> bool:
            self.heard.append(data)
            return True

    class Ports:
        def __init__(self) -> None:
            self.open = {"Synth": Port(), "Lights": Port(), "stage-out": Port()}

        def outputs(self, parts: Any) -> list[Port]:
            return [port for name, port in self.open.items() if any(p in name for p in parts)]

    band = Band()
    midi = Midi(band.desk, (), ("Lights",), virtual="stage", note_outputs=("Synth",))
    ports: Any = Ports()
    midi.ports = ports
    midi._news(News("note", "rack", {"data": NOTE_ON, "stamp_ns": 0}))
    heard = {name: port.heard for name, port in ports.open.items()}
    assert heard == {"Synth": [NOTE_ON], "Lights": [], "stage-out": [NOTE_ON]}
    midi.ports = None


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    install(tmp_path, monkeypatch)
    yield
    uninstall()


def test_a_real_racks_notes_come_at_their_times_and_end_with_it(plugins: None) -> None:
    with sounding(DRUMS, PLAIN) as desk:
        assert wait_for(lambda: desk.ready == 2)
        heard: list[tuple[int, dict[str, Any]]] = []

        def hear(news: News) -> None:
            if news.kind == "note":
                heard.append((time.monotonic_ns(), news.facts))

        desk.listen(hear)
        made = Made(desk)
        made.start()
        try:
            hits = lambda: [(t, f) for t, f in heard if f["data"] == NOTE_ON]  # noqa: E731
            assert wait_for(lambda: len(hits()) >= 6)
            stamps = [facts["stamp_ns"] for _, facts in hits()]
            assert np.median(np.diff(stamps)) / 1e9 == pytest.approx(0.25, abs=0.01)
            late = [when - facts["stamp_ns"] for when, facts in hits()]
            assert min(late) >= 0  # told when due, not before
            desk.select(1)  # with a long note on channel 1, perhaps, and one on channel 10
            assert wait_for(lambda: made.held == 0)
            count = len(heard)
            time.sleep(0.4)
            assert len(heard) == count
            sounds: set[tuple[int, int]] = set()
            for _, facts in heard:
                kind, key = facts["data"][0] & 0xF0, (facts["data"][0] & 15, facts["data"][1])
                (sounds.add if kind == 0x90 else sounds.discard)(key)
            assert not sounds
        finally:
            made.close()
