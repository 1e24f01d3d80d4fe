"""Presets switched every 100 ms while the virtual device plays: what is late, what clicks."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

import numpy as np

from engine import preset
from engine.bench import Report
from engine.host import Host, Order
from engine.playing import open_rack
from engine.recorder import Recorder
from engine.render import play
from engine.stream import DeviceChoice


def run(seconds: float = 60.0, block: int = 64, rate: int = 48000, every: float = 0.1) -> Report:
    """Late blocks with and without switching, and the largest step between two samples."""
    import soundfile

    from engine.performance import guitar

    racks = [open_rack(name, [])[0] for name in preset.names()]
    own = max(
        float(np.abs(np.diff(play(rack, guitar(rate)[:, None], rate, block), axis=0)).max())
        for rack in racks
    )
    calm = _late(rate, block, min(seconds, 20.0))
    host = Host(Order(DeviceChoice("virtual", rate, block), armed=True), racks[0])
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(host, Path(folder))
        until, switches, slowest = time.monotonic() + seconds, 0, 0.0
        for rack in itertools.cycle(racks):
            began = time.monotonic()
            if began > until:
                break
            host.load(rack)
            slowest = max(slowest, time.monotonic() - began)
            switches += 1
            time.sleep(max(0.0, every - (time.monotonic() - began)))
        found = host.statistics()
        recorded = recorder.stop()
        host.stop()
        wet, _ = soundfile.read(recorded["wet"], dtype="float32")
    step = float(np.abs(np.diff(wet, axis=0)).max())
    report = Report("switch")
    share = 100 * found["late"] / found["blocks"]
    report.add("switches", switches, "")
    report.add("late blocks while switching", share, "% of blocks",
               "no more than without, to 0.1 %", share <= calm + 0.1)  # fmt: skip
    report.add("late blocks without switching", calm, "% of blocks")
    report.add("blocks run of due", 100 * found["blocks"] / found["blocks_due"], "%")
    report.add("largest step while switching", step, "", "the presets' own", step <= own)
    report.add("largest step of the presets", own, "")
    report.add("slowest switch", 1000 * slowest, "ms")
    report.add("callback p99 while switching", found["p99_percent"], "% of deadline")
    return report


def _late(rate: int, block: int, seconds: float) -> float:
    rack = open_rack(next(iter(preset.names())), [])[0]
    order = Order(DeviceChoice("virtual", rate, block), frames=int(seconds * rate))
    host = Host(order, rack)
    host.wait(seconds + 5)
    found = host.statistics()
    host.stop()
    return float(100 * found["late"] / max(found["blocks"], 1))
