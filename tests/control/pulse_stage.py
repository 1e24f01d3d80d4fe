"""What the tests of the pulse share: a lead record by hand, plugins that an audio process finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from control.midi_stage import SilentHost

from engine import catalogue
from engine.control.desk import Desk, News
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
from engine.shared import Shared

RATE = 48000
LED = Rack("led", lanes=(Lane("a", "left", (Link("leads", "pulse"),)),))
TESTS = Path(__file__).parents[1]
ENTRIES = (
    "[taraf.plugins]\nleads = control.pulse_plugin:Leads\ndrums = control.pulse_plugin:Drums\n"
)


def install(folder: Path, patch: pytest.MonkeyPatch, entries: str = ENTRIES) -> None:
    """Let plugins of these tests be found, here and by processes that are started."""
    about = folder / "taraftest-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: taraftest\nVersion: 1\n")
    (about / "entry_points.txt").write_text(entries)
    patch.syspath_prepend(str(folder))
    patch.setenv("PYTHONPATH", os.pathsep.join((str(folder), str(TESTS))))
    catalogue.entries.cache_clear()
    catalogue.find.cache_clear()


def uninstall() -> None:
    catalogue.entries.cache_clear()
    catalogue.find.cache_clear()


class Heard:
    """A desk without an audio process, whose lead record is written by hand.

    Its stream began at ``zero_ns`` and plays 64 frames at a time.
    """

    def __init__(self, rack: Rack = LED, zero_ns: int = 5_000_000_000) -> None:
        self.host: Any = SilentHost(rack)
        self.host.shared = self.shared = Shared.private()
        self.desk = Desk(self.host, [(rack, None)])
        self.news: list[News] = []
        self.desk.listen(self.news.append)
        self.zero_ns = zero_ns
        self.control = self.shared.control[0]
        self.control["rate"], self.control["sounding"] = RATE, 7

    def play(self, now_ns: int, late_ns: int = 0) -> int:
        """The stream has got to ``now_ns``; returns the first frame of its last block."""
        frame = (now_ns - self.zero_ns) * RATE // 1_000_000_000 // 64 * 64
        self.control["last_frame"] = frame
        self.control["last_ns"] = self.zero_ns + frame * 1_000_000_000 // RATE + late_ns
        self.control["blocks"] = frame // 64
        return frame

    def lead(
        self, tempo: float, beat: float, frame: float, leads: bool = True, bar: int = 4,
        sure: float = 0.9, table: int = 7,
    ) -> None:  # fmt: skip
        """What the plugin says."""
        count = int(self.control["lead_count"]) + 1
        now = float(self.control["last_frame"])
        row = (leads, tempo, beat, frame, bar, sure, 3, 0.5, 0, 0, 0, 0, now, table)
        self.control["lead"][count % 2, : len(row)] = row
        self.control["lead_count"] = count

    def told(self, kind: str = "pulse") -> list[dict[str, Any]]:
        return [news.facts for news in self.news if news.kind == kind]


@contextmanager
def sounding(*racks: Rack) -> Iterator[Desk]:
    """A desk over a real audio process."""
    host = Host(Order(), racks[0])
    desk = Desk(host, [(rack, None) for rack in racks])
    desk.build()
    try:
        yield desk
    finally:
        desk.close()
        host.stop()
