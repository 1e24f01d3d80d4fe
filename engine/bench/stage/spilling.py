"""Switches looked at sample by sample, with the engine's own callback and no clock."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.bench import Report
from engine.bench.stage import presets
from engine.bench.stage.telling import say
from engine.layout import SWITCH
from engine.performance import guitar
from engine.rack import Rack
from engine.render import play
from engine.shared import Shared, address
from engine.stage import Stage
from engine.virtual import Pull

SECONDS = 8
EVERY_SECONDS = 0.1
PLAYED_SECONDS, TAIL_SECONDS = 1.5, 2.0
SKIPPED_SECONDS = 0.1
"""After the switch: by then the fades are over, and what is left is the tail."""


class Show:
    """A set list on the callback itself, driven by hand."""

    def __init__(self, racks: list[Rack], rate: int, block: int) -> None:
        self._shared = Shared.private()
        self.stage = Stage(self._shared, rate, block)
        self._tables = [self.stage.build(rack) for rack in racks]
        for number, table in enumerate(self._tables):
            self.stage.shelve(number, table)
        self.stage.publish(self._tables[0])
        self._pull = Pull(self._shared, block, 1)

    def switch(self, number: int) -> None:
        """Go over to a preset, as the host does."""
        table = self._tables[number]
        self._shared.send(table.id, SWITCH, address(table.table), 0.0)

    def play(self, sound: Any) -> Any:
        """The next part of the performance, (frames, 2)."""
        made = self._pull.run(sound)
        self.stage.tick()
        return made


def run(report: Report, rate: int, block: int) -> None:
    """Steps at switches against the presets' own; and how loud an echo is after a switch."""
    say("set-list: steps at switches, sample by sample")
    racks = [presets.plain(number) for number in range(presets.COUNT)]
    sound = guitar(rate)[: SECONDS * rate, None]
    step, usual = _steps(racks, sound, rate, block)
    report.add("largest step at a switch", step, "")
    report.add("largest step at a switch, of the presets' own", step / usual, "ratio", "at most 1",
               step <= usual)  # fmt: skip
    say("set-list: tails")
    left = _tail(racks[:2], sound, rate, block, switching=True)
    stayed = _tail(racks[:2], sound, rate, block, switching=False)
    report.add("tail after a switch, against none", 20.0 * np.log10(left / stayed), "dB",
               "heard: within 1 dB", abs(20.0 * np.log10(left / stayed)) <= 1.0)  # fmt: skip


def _steps(racks: list[Rack], sound: Any, rate: int, block: int) -> tuple[float, float]:
    """The largest step between two samples while switching, and the largest of any preset."""
    usual = max(np.abs(np.diff(play(rack, sound, rate, block), axis=0)).max() for rack in racks)
    show = Show(racks, rate, block)
    piece = round(EVERY_SECONDS * rate / block) * block
    parts = []
    for k, first in enumerate(range(0, len(sound) - piece, piece)):
        if k:
            show.switch(7 * k % len(racks))
        parts.append(show.play(sound[first : first + piece]))
    show.stage.close()
    return float(np.abs(np.diff(np.concatenate(parts), axis=0)).max()), float(usual)


def _tail(racks: list[Rack], sound: Any, rate: int, block: int, switching: bool) -> float:
    """How loud it is when the guitar has stopped, and another preset may have been chosen."""
    show = Show(racks, rate, block)
    show.play(sound[: round(PLAYED_SECONDS * rate / block) * block])
    if switching:
        show.switch(1)
    made = show.play(np.zeros((round(TAIL_SECONDS * rate), 1), np.float32))
    show.stage.close()
    tail = made[round(SKIPPED_SECONDS * rate) :]
    return float(np.sqrt(np.mean(np.square(tail, dtype=np.float64))))


__all__ = ["run"]
