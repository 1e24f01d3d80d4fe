"""What the web page costs: the audio thread, which must not notice, and the process that serves."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from engine.bench import Report
from engine.bench.stage.far_end import FarEnd
from engine.bench.stage.telling import StageError, say
from engine.control.desk import Desk
from engine.host import Host, Order
from engine.playing import open_rack
from engine.stream import DeviceChoice

if TYPE_CHECKING:
    from engine.control.web.server import Web

PRESET = "crunch"
PAGES = 4
ROUNDS = 8
SLICE_SECONDS = 2.5
SETTLE_SECONDS = 1.0


def run(report: Report) -> None:
    """By turns with four pages open and none; each turn has its own mean."""
    from engine.control.web.server import Web

    with ExitStack() as stack:
        rack = open_rack(PRESET, [])[0]
        host = Host(Order(DeviceChoice("virtual", 48000, 64)), rack)
        stack.callback(host.stop)
        desk = Desk(host, [(rack, None)])
        web = Web(desk, port=0)
        stack.callback(web.close)
        web.start()
        say(f"page: {ROUNDS} turns of {2 * SLICE_SECONDS:g} s, with {PAGES} pages and without")
        time.sleep(2.0)
        alone, watched, rates = [], [], []
        for _ in range(ROUNDS):
            alone.append(_slice(host))
            with FarEnd("pages", url=web.url, count=PAGES, turns=0, addresses=[]) as pages:
                pages.told()
                _wait(web, PAGES)
                watched.append(_slice(host))
                pages.let_go()
                rates.append(pages.told()["rate"] / PAGES)
            _wait(web, 0)
        _rows(report, np.array(alone), np.array(watched), rates)


def _wait(web: Web, wanted: int) -> None:
    """Wait until so many pages are open, and a little for all to be at rest."""
    until = time.monotonic() + 20.0
    while web.pages != wanted:
        if time.monotonic() > until:
            raise StageError(f"{web.pages} pages are open instead of {wanted}")
        time.sleep(0.02)
    time.sleep(SETTLE_SECONDS)


def _slice(host: Host) -> tuple[float, float]:
    """The audio thread's mean block in us, and our own share of a core in percent."""
    row, ours = host.shared.control[0], psutil.Process()
    busy, blocks = int(row["busy_ns"]), int(row["blocks"])
    began, first = time.monotonic(), sum(ours.cpu_times()[:2])
    time.sleep(SLICE_SECONDS)
    spent, passed = sum(ours.cpu_times()[:2]) - first, time.monotonic() - began
    mean = (int(row["busy_ns"]) - busy) / max(int(row["blocks"]) - blocks, 1) / 1000.0
    return mean, 100.0 * spent / passed


def _rows(report: Report, alone: Any, watched: Any, rates: list[float]) -> None:
    """The quickest turns are compared: a neighbour on the machine slows some, and hurries none."""
    ratio = float(watched[:, 0].min() / alone[:, 0].min())
    report.add("pages open", PAGES, "pages")
    report.add("updates a second that each page got", float(np.median(rates)), "", "60, to 3",
               abs(float(np.median(rates)) - 60.0) <= 3.0)  # fmt: skip
    report.add("mean block without a page, quickest turn", float(alone[:, 0].min()), "us")
    report.add("mean block with four pages, quickest turn", float(watched[:, 0].min()), "us")
    report.add("mean block with four pages, of that without", ratio, "ratio",
               "costs the audio thread nothing, to 5 %", ratio <= 1.05)  # fmt: skip
    report.add("the same between turns without", _spread(alone[:, 0]), "ratio")
    report.add("CPU of the serving process without a page", float(np.median(alone[:, 1])),
               "% of a core")  # fmt: skip
    report.add("CPU of the serving process with four pages", float(np.median(watched[:, 1])),
               "% of a core")  # fmt: skip


def _spread(means: Any) -> float:
    """How far turns that should be alike differ: the slowest against the fastest."""
    return float(means.max() / means.min())


__all__ = ["run"]
