"""Presets switched every 100 ms while the virtual device plays: what is late, what clicks."""

from __future__ import annotations

import itertools
import time
from functools import partial

import numpy as np
import numpy.typing as npt

from engine import preset
from engine.bench import Report, switch_models
from engine.host import Host, Order
from engine.performance import guitar
from engine.playing import open_rack
from engine.rack import Rack
from engine.render import play
from engine.shared import Shared
from engine.stage import Stage
from engine.stream import DeviceChoice
from engine.virtual import Pull

HEARD_S = 3.0
"""So much of the guitar at least is played to find steps."""


def run(seconds: float = 60.0, block: int = 64, rate: int = 48000, every: float = 0.1) -> Report:
    """Late blocks with and without switching; steps at a switch against the presets' own."""
    racks = [open_rack(name, [])[0] for name in preset.names()]
    calm = _late(rate, block, min(seconds, 20.0))
    host = Host(Order(DeviceChoice("virtual", rate, block)), racks[0])
    try:
        until, switches, slowest = time.monotonic() + seconds, 0, 0.0
        for rack in itertools.cycle(racks):
            began = time.monotonic()
            if began > until:
                break
            host.load(rack)
            slowest = max(slowest, time.monotonic() - began)
            switches += 1
            time.sleep(max(0.0, every - (time.monotonic() - began)))
        found, restarts = host.statistics(), host.restarts
    finally:
        host.stop()
    steps = partial(_steps, guitar(rate)[: round(max(seconds, HEARD_S) * rate), None])
    step, ratio, heard = steps(racks, rate, block, every)
    report = Report("switch")
    share = 100 * found["late"] / found["blocks"]
    report.add("switches", switches, "")
    report.add("late blocks while switching", share, "% of blocks",
               "no more than without, to 0.1 %", share <= calm + 0.1)  # fmt: skip
    report.add("late blocks without switching", calm, "% of blocks")
    report.add("blocks run of due", 100 * found["blocks"] / found["blocks_due"], "%")
    report.add("restarts", restarts, "", "none", restarts == 0)
    report.add("largest step at a switch", step, "")
    report.add("step at a switch, of the two presets' own", ratio, "ratio", "at most 1", ratio <= 1)
    report.add("switches whose samples were looked at", heard, "")
    report.add("slowest switch", 1000 * slowest, "ms")
    report.add("callback p99 while switching", found["p99_percent"], "% of deadline")
    switch_models.run(report, rate, block, min(seconds, 20.0), steps)
    return report


def _steps(
    sound: npt.NDArray[np.float32], racks: list[Rack], rate: int, block: int, every: float
) -> tuple[float, float, int]:
    """The largest step between two samples at any switch, and the worst ratio to what is usual.

    Usual is the largest step of the two presets concerned when each plays the whole of ``sound``
    (frames, 1) by itself. The switches are made with the engine's own callback, sample for sample
    as live.
    """
    alone = [np.abs(np.diff(play(rack, sound, rate, block), axis=0)).max() for rack in racks]
    racks = [rack for rack, step in zip(racks, alone, strict=True) if step > 0.0]
    own = [step for step in alone if step > 0.0]  # what waits for keys has no step of its own
    shared = Shared.private()
    stage, pull = Stage(shared, rate, block), Pull(shared, block, 1)
    piece = round(every * rate / block) * block
    worst, ratio, before, count = 0.0, 0.0, np.zeros((1, 2), np.float32), 0
    for k, first in enumerate(range(0, len(sound) - piece, piece)):
        stage.publish(stage.build(racks[k % len(racks)]))
        made = pull.run(sound[first : first + piece])
        if k:
            step = float(np.abs(np.diff(np.concatenate([before, made]), axis=0)).max())
            usual = float(max(own[k % len(racks)], own[(k - 1) % len(racks)]))
            worst, ratio, count = max(worst, step), max(ratio, step / usual), count + 1
        before = made[-1:]
        stage.tick()
    stage.close()
    return worst, ratio, count


def _late(rate: int, block: int, seconds: float) -> float:
    rack = open_rack(next(iter(preset.names())), [])[0]
    order = Order(DeviceChoice("virtual", rate, block), frames=int(seconds * rate))
    host = Host(order, rack)
    host.wait(seconds + 5)
    found = host.statistics()
    host.stop()
    return float(100 * found["late"] / max(found["blocks"], 1))
