"""A set list of 20 presets with models: how soon a switch is heard, what waiting presets cost."""

from __future__ import annotations

import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from engine.bench import Report
from engine.bench.stage import presets, spilling
from engine.bench.stage.telling import StageError, say
from engine.control.desk import Desk
from engine.host import Host, Order
from engine.rack import Rack
from engine.recorder import Recorder
from engine.stream import DeviceChoice

RATE, BLOCK = 48000, 64
SWITCHES = 200
GAPS_SECONDS = (0.06, 0.14)
IDLE_SECONDS = 10.0
BUILD_SECONDS = 120.0
SEED = 11


def run(report: Report) -> None:
    """Play, build the rest of the list, wait, switch at random; then look at single samples."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        presets.source(folder / "in.wav", RATE)
        racks = [presets.marked(number) for number in range(presets.COUNT)]
        device = DeviceChoice("virtual", RATE, BLOCK)
        _compiled(device, racks)
        host = Host(Order(device, input=str(folder / "in.wav"), armed=True), racks[0])
        stack.callback(host.stop)
        recorder = Recorder(host, folder)
        stack.callback(recorder.stop)
        desk = Desk(host, [(rack, None) for rack in racks])
        say(f"set-list: one preset alone for {IDLE_SECONDS:g} s")
        time.sleep(2.0)
        alone = _spent(host)
        _built(desk, report)
        say(f"set-list: {presets.COUNT} presets, nobody touches them, for {IDLE_SECONDS:g} s")
        time.sleep(2.0)
        waiting = _spent(host)
        say(f"set-list: {SWITCHES} switches at random")
        busy, asked = _switched(host, desk)
        recorded = recorder.stop()
        _cost_rows(report, alone, waiting)
        _switch_rows(report, _right(recorded["wet"]), asked)
        _late_rows(report, waiting, busy)
    spilling.run(report, RATE, BLOCK)


def _compiled(device: DeviceChoice, racks: list[Rack]) -> None:
    """Let another process compile what is not in the cache: a compiler takes 200 MB."""
    host = Host(Order(device), racks[0])
    try:
        _build(Desk(host, [(rack, None) for rack in racks]))
    finally:
        host.stop()


def _spent(host: Host) -> dict[str, float]:
    """What the audio process and its workers use while nothing is touched."""
    whole = psutil.Process(host.pid)
    processes = [whole, *whole.children(recursive=True)]
    began, first, late = time.monotonic(), _cpu(processes), host.statistics()
    time.sleep(IDLE_SECONDS)
    last = host.statistics()
    return {
        "mb": sum(one.memory_info().rss for one in processes) / 1e6,
        "cpu_percent": 100.0 * (_cpu(processes) - first) / (time.monotonic() - began),
        **_lateness(late, last),
    }


def _cpu(processes: list[psutil.Process]) -> float:
    times = [one.cpu_times() for one in processes]
    return float(sum(one.user + one.system for one in times))


def _lateness(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    blocks = max(after["blocks"] - before["blocks"], 1)
    lost = after["lost"] - before["lost"]
    return {
        "late_percent": 100.0 * (after["late"] - before["late"] + lost) / (blocks + lost),
        "blocks": blocks,
    }


def _build(desk: Desk) -> float:
    """Build the list, as `taraf live` does, while the first preset plays; returns the seconds."""
    began = time.monotonic()
    desk.build()
    while desk.ready < len(desk.slots):
        if time.monotonic() > began + BUILD_SECONDS:
            raise StageError(f"only {desk.ready} presets were built in {BUILD_SECONDS:g} s")
        time.sleep(0.02)
    return time.monotonic() - began


def _built(desk: Desk, report: Report) -> None:
    before = desk.host.statistics()
    took = _build(desk)
    late = _lateness(before, desk.host.statistics())["late_percent"]
    report.add("presets on the shelf", desk.ready, "presets")
    report.add("building the rest of the list, in the background", took, "s")
    report.add("late blocks while it is built", late, "% of blocks")


def _switched(host: Host, desk: Desk) -> tuple[dict[str, float], list[tuple[int, int, int]]]:
    """Late blocks meanwhile; and for each switch the frame before and after it was asked for."""
    rng, asked = random.Random(SEED), []
    before = host.statistics()
    for _ in range(SWITCHES):
        time.sleep(rng.uniform(*GAPS_SECONDS))
        number = rng.choice([n for n in range(len(desk.slots)) if n != desk.at])
        began = time.monotonic_ns()
        desk.select(number, "bench")
        ended = time.monotonic_ns()
        asked.append((host.shared.frame_at(began), host.shared.frame_at(ended), number))
    time.sleep(0.2)
    return _lateness(before, host.statistics()), asked


def _right(path: str) -> Any:
    import soundfile

    return soundfile.read(path, dtype="float32", always_2d=True)[0][:, 1]


def _cost_rows(report: Report, alone: dict[str, float], waiting: dict[str, float]) -> None:
    idle = presets.COUNT - 1
    report.add("memory for each waiting preset", (waiting["mb"] - alone["mb"]) / idle, "MB")
    cpu = (waiting["cpu_percent"] - alone["cpu_percent"]) / idle
    report.add("CPU for each waiting preset", cpu, "% of a core")
    report.add("memory of the audio process, one preset", alone["mb"], "MB")
    report.add("memory of the audio process, 20 presets", waiting["mb"], "MB")
    report.add("CPU of the audio process, one preset", alone["cpu_percent"], "% of a core")
    report.add("CPU of the audio process, 20 presets", waiting["cpu_percent"], "% of a core")


def _switch_rows(report: Report, right: Any, asked: list[tuple[int, int, int]]) -> None:
    """From asking to the first sample of the crossfade: the mark's level begins to move."""
    ends = [*(begin for begin, _, _ in asked[1:]), len(right)]
    heard, after, full = [], [], 0
    for (began, ended, number), end in zip(asked, ends, strict=True):
        moved = np.flatnonzero(right[began:end] != right[began])
        if not len(moved):
            continue
        heard.append(float(moved[0]) / BLOCK)
        after.append((began + float(moved[0]) - ended) / BLOCK)
        level = presets.MARK_LEVEL * 10.0 ** (presets.MARK_STEP_DB * number / 20.0)
        full += abs(right[end - 1] / level - 1.0) < 1e-3
    report.add("switches heard", len(heard), "switches", f"all {SWITCHES}", len(heard) == SWITCHES)
    report.add("switches fully gone over to in time", full, "switches", f"all {SWITCHES}",
               full == SWITCHES)  # fmt: skip
    if not heard:
        return
    for part in (50, 99):
        report.add(f"from the desk's switch to its first sample p{part}",
                   float(np.percentile(heard, part)), "blocks")  # fmt: skip
    report.add("from the desk's switch to its first sample, worst", max(heard), "blocks")
    for part in (50, 99):
        at = float(np.percentile(after, part))
        report.add(f"from the message to the crossfade's first sample p{part}", at, "blocks",
                   "under one block after the message", at <= 1.0)  # fmt: skip
    report.add("from the message to the crossfade's first sample, worst", max(after), "blocks",
               "under one block after the message", max(after) <= 1.0)  # fmt: skip


def _late_rows(report: Report, waiting: dict[str, float], busy: dict[str, float]) -> None:
    calm, stirred = waiting["late_percent"], busy["late_percent"]
    report.add("late blocks while switching", stirred, "% of blocks",
               "no more than without, to 0.1 %", stirred <= calm + 0.1)  # fmt: skip
    report.add("late blocks without switching", calm, "% of blocks")


__all__ = ["run"]
