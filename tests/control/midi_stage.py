"""What the tests of MIDI share: three small presets, a host without an audio process, a stage."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from engine.control.desk import Desk, News
from engine.control.midi import Midi
from engine.control.midi.store import text
from engine.rack import Lane, Link, Rack

DELAY = Link("delay", "delay", {"time_ms": 300.0})
RACKS = [Rack(name, lanes=(Lane("a", "left", (DELAY,)),)) for name in ("one", "two", "three")]
MIX, TIME = "a.delay.wet", "a.delay.time_ms"


class SilentHost:
    """The host's door without an audio process behind it."""

    def __init__(self, rack: Rack) -> None:
        self.rack = rack
        self.turned: list[tuple[str, float]] = []
        self.notes: list[bytes] = []
        self.beats: list[Any] = []
        self.restarted: list[Any] = []

    def set(self, address: str, value: float, stamp_ns: int | None = None) -> None:
        self.rack = self.rack.set(address, value)
        self.turned.append((address, value))

    def switch(self, number: int, rack: Rack) -> None:
        self.rack = rack

    def note(self, message: bytes, stamp_ns: int | None = None) -> None:
        self.notes.append(message)

    def bypass(self, on: bool) -> None: ...

    def panic(self) -> None: ...

    def tempo(self, beat: Any, told: bool = True) -> None:
        self.beats.append(beat)

    def led(self, beat: Any, bar: int, said: bool) -> None: ...

    def on_restart(self, call: Any) -> None:
        self.restarted.append(call)


class Stage:
    """A desk over a silent host, MIDI that is given bytes by hand, and all the news."""

    def __init__(self, file: Path, *tables: dict[str, Any], own: Any = (), **options: Any) -> None:
        file.write_text(text(tables))
        racks = [dataclasses.replace(RACKS[0], midi=tuple(own)), *RACKS[1:]]
        self.host = SilentHost(racks[0])
        self.desk = Desk(self.host, [(rack, None) for rack in racks])  # type: ignore[arg-type]
        self.midi = Midi(self.desk, file=file, **options)
        self.news: list[News] = []
        self.desk.listen(self.news.append)
        self.desk.listen(self.midi._news)
        self.now = 1_000_000_000

    def play(self, *messages: list[int], gap_ms: float = 1.0) -> None:
        for message in messages:
            self.now += int(gap_ms * 1e6)
            self.midi.hear(bytes(message), self.now, "port")

    def wait(self, seconds: float) -> None:
        self.now += int(seconds * 1e9)
        self.midi.learning.tick(self.now)

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [news.facts for news in self.news if news.kind == kind]
