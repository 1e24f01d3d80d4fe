"""Models switched, sizes of a model stepped, a new shape loaded, all while the sound goes on."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import Report
from engine.bench.models.builtin import SHAPES, nam, write
from engine.host import Host, Order
from engine.rack import Lane, Rack, RackError
from engine.render import Move, play
from engine.single import Playing, model_rack
from engine.stream import DeviceChoice

ADDRESS = "guitar.model.quality"
STEP_SECONDS = 0.3
"""Longer than a step takes: 132 ms to know its past, 20 ms to fade in."""
LOAD_PERCENT = 35.0
"""Much, and yet little enough that a neighbour who halves the clock makes no block late."""


def run(report: Report, rate: int, block: int, seconds: float, steps: Callable[..., Any]) -> None:
    """Add rows for two models in turn, for the sizes of one, and for a shape never seen."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [*write(folder, ["A1 standard", "A2 full"]).values(), container(folder)]
        racks = [model_rack(str(file), Playing("normalised")) for file in files]
        _switched(report, racks, rate, block, seconds, steps)
        small = write(folder, ["LSTM 1x40"])["LSTM 1x40"]
        _stepped(report, racks[-1], str(small), rate, block, seconds)
        _new_shape(report, racks[-1], folder, rate, block)


def container(folder: Path) -> Path:
    """A slimmable model of two sizes, as the community trains them now."""
    sizes = [
        {"max_value": edge, "model": nam(SHAPES[name], seed)}
        for seed, (edge, name) in enumerate([(0.5, "A2 lite"), (1.0, "A2 full")])
    ]
    document = {
        "version": "0.7.0",
        "architecture": "SlimmableContainer",
        "config": {"submodels": sizes},
        "weights": [],
        "sample_rate": 48000,
    }
    path = folder / "slimmable.nam"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _switched(
    report: Report, racks: list[Rack], rate: int, block: int, seconds: float,
    steps: Callable[..., Any],
) -> None:  # fmt: skip
    def change(host: Host, count: int) -> None:
        host.load(racks[count % len(racks)])

    late, count, _ = _live(racks[0], rate, block, seconds, change, every=0.1)
    _, ratio, _ = steps(racks, rate, block, 0.1)
    report.add("models switched", count, "")
    report.add("late blocks while models are switched", late, "% of blocks", "at most 0.1 %",
               late <= 0.1)  # fmt: skip
    report.add("step at a model switch, of the two models' own", ratio, "ratio", "at most 1",
               ratio <= 1)  # fmt: skip


def _stepped(
    report: Report, rack: Rack, filler: str, rate: int, block: int, seconds: float
) -> None:
    """Up and down every 300 ms; models of another kind, small in memory, make the load."""
    (model,) = rack.lanes[0].chain
    heavy = replace(model, settings={"model": filler, "oversample": 4})
    count = _fillers(replace(rack, lanes=(Lane("load", "left", (heavy,)),)), rate, block)
    fillers = tuple(replace(heavy, name=f"model{k}") for k in range(count))
    busy = Lane("load", "left", fillers, {"mute": 1.0})
    loaded = replace(rack, lanes=(rack.lanes[0], busy))

    late, calm, count, share = _by_turns(loaded, rate, block, seconds)
    report.add("quality steps", count, "")
    report.add("callback p50 meanwhile", share, "% of deadline")
    report.add("late blocks while quality steps under load", late, "% of blocks",
               "no more than without, to 0.1 %", late <= calm + 0.1)  # fmt: skip
    report.add("late blocks under load without steps", calm, "% of blocks")
    ratio = step_ratio(rack, rate, block)
    report.add("largest jump at a quality step, of the two sizes' own", ratio, "ratio",
               "at most 1", ratio <= 1)  # fmt: skip


def _by_turns(rack: Rack, rate: int, block: int, seconds: float) -> tuple[float, float, int, float]:
    """Late blocks in percent with steps and without, in turn on one stage; steps; p50."""
    host = Host(Order(DeviceChoice("virtual", rate, block)), rack)
    late, blocks, steps = [0, 0], [0, 0], 0
    try:
        time.sleep(STEP_SECONDS)  # the first blocks find nothing in the caches
        before = host.statistics()
        for turn in range(max(4, round(seconds / STEP_SECONDS))):
            stepping = turn // 4 % 2
            if stepping:
                host.set(ADDRESS, float(turn % 2))
                steps += 1
            time.sleep(STEP_SECONDS)
            after = host.statistics()
            late[stepping] += after["late"] - before["late"]
            blocks[stepping] += after["blocks"] - before["blocks"]
            before = after
    finally:
        host.stop()
    calm, busy = (100.0 * n / max(all_, 1) for n, all_ in zip(late, blocks, strict=True))
    return busy, calm, steps, before["p50_percent"]


def step_ratio(rack: Rack, rate: int, block: int) -> float:
    """The largest jump between samples with steps, against that of either size by itself."""
    from engine.performance import guitar

    sound = guitar(rate)[: 8 * rate, None]
    each = round(STEP_SECONDS * rate)
    moves = [Move(k * each, ADDRESS, float(k % 2)) for k in range(1, len(sound) // each)]
    own = [
        np.abs(np.diff(play(rack.set(ADDRESS, size), sound, rate, block), axis=0)).max()
        for size in (0.0, 1.0)
    ]
    made = play(rack, sound, rate, block, moves)
    return float(np.abs(np.diff(made, axis=0)).max() / max(own))


def _fillers(rack: Rack, rate: int, block: int) -> int:
    """How many more of this model bring the callback to about ``LOAD_PERCENT`` of its time."""
    from engine.render import Renderer

    renderer = Renderer(rack, rate, 1, block)
    try:
        share = renderer.table.nodes[0].plugin.share
    finally:
        renderer.stage.close()
    return max(1, min(48, int(LOAD_PERCENT / 100.0 / max(share, 1e-3))))


def _new_shape(report: Report, rack: Rack, folder: Path, rate: int, block: int) -> None:
    """A kernel that is in no cache is written, tuned and compiled while another model plays."""
    shape = SHAPES["A1 standard"]
    layers = [dict(layer) for layer in shape.config["layers"]]
    layers[0]["dilations"] = [2**k for k in range(9)] + [int(time.time()) % 500 + 1]
    path = folder / "never seen.nam"
    fresh = replace(shape, config={**shape.config, "layers": layers})
    path.write_text(json.dumps(nam(fresh, os.getpid())), encoding="utf-8")
    unseen, took = model_rack(str(path), Playing("normalised")), 0.0

    def change(host: Host, count: int) -> None:
        nonlocal took
        if count == 0:
            began = time.monotonic()
            host.load(unseen)
            took = time.monotonic() - began

    late, _, _ = _live(rack, rate, block, 1.0, change, every=1.0)
    report.add("a shape never seen, from asking to sounding", took, "s", "at most 4 s", took <= 4.0)
    report.add("late blocks meanwhile", late, "% of blocks", "at most 0.1 %", late <= 0.1)


def _live(
    rack: Rack, rate: int, block: int, seconds: float, change: Callable[[Host, int], None],
    every: float,
) -> tuple[float, int, float]:  # fmt: skip
    """Late blocks in percent, changes made and the callback's p50, on the virtual device."""
    host = Host(Order(DeviceChoice("virtual", rate, block)), rack)
    try:
        until = time.monotonic() + seconds
        for count in itertools.count():
            began = time.monotonic()
            if began > until:
                break
            with suppress(RackError):
                change(host, count)
            time.sleep(max(0.0, every - (time.monotonic() - began)))
        found = host.statistics()
    finally:
        host.stop()
    return 100.0 * found["late"] / max(found["blocks"], 1), count, found["p50_percent"]
