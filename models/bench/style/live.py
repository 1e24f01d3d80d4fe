"""A guitar plays to the preset glass: when it is answered, how near the style, what it costs."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import preset
from engine.bench import Report
from engine.bench.stage import sound_server
from engine.bench.stage.telling import Missing
from engine.rack import Link, Rack
from engine.render import Renderer
from models.bench.sampler.guitar import PHRASE_S, RATE, performance
from models.bench.sampler.live import first_sound, needs_jack, on_virtual, through_jack
from models.bench.style.telling import say

PRESET = "glass"
BLOCK, LOOK = 64, 64
PHRASES, PAUSE_S = 4, 3.0
ANSWERS, BEHIND, LEFT, ITERATIONS, TOOK, LATE = range(6)
MOST_S = 1.5
"""In which an answer should be heard: what 500 ms between answers allow."""

Sound = npt.NDArray[np.float32]


def run(report: Report) -> None:
    """Add rows of the preset live, beside the same without the layer, and of what it reaches."""
    wanted = preset.load(preset.shipped_folder() / f"{PRESET}.toml").rack
    sound, begins = performance(PHRASES, PAUSE_S)
    where, heard, ours, bare = compared(wanted, without(wanted, "style"), sound)
    late = [first_sound(heard, int(at)) for at in begins]
    found = [at / RATE for at in late if at >= 0]
    report.add(f"{where}: phrases answered", len(found), f"of {len(begins)}", "all",
               len(found) == len(begins))  # fmt: skip
    if found:
        report.add(f"{where}: first answering sound after a phrase begins, median",
                   1000.0 * statistics.median(found), "ms", f"at most {1000 * MOST_S:g} ms",
                   statistics.median(found) <= MOST_S)  # fmt: skip
    counts(report, where, ours, bare, "the layer")
    _reached(report, wanted, sound[: round((PHRASE_S + 1.0) * RATE)])


def compared(wanted: Rack, bare: Rack, sound: Sound) -> tuple[str, Sound, Any, Any]:
    """Where it was played, what was heard with its lane alone, the counts with and without."""
    alone = replace(wanted, lanes=wanted.lanes[-1:])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            needs_jack()
            with sound_server.running(BLOCK) as device:
                heard, ours = through_jack(device, alone, sound, folder)
                _, without_it = through_jack(device, bare, sound, folder)
            return f"JACK at {BLOCK} frames", heard, ours, without_it
        except Missing as error:
            say(f"on the virtual device: {error}")
            heard, ours = on_virtual(alone, sound, folder)
            _, without_it = on_virtual(bare, sound, folder)
            return f"virtual device at {BLOCK} frames", heard, ours, without_it


def counts(report: Report, where: str, ours: Any, bare: Any, what: str) -> None:
    """Late blocks and the slowest, with and without."""
    report.add(f"{where}: late blocks", ours["late"], "blocks", "none", ours["late"] == 0)
    report.add(f"{where}: blocks", ours["blocks"], "blocks")
    report.add(f"{where}: p99", ours["p99_percent"], "% of deadline")
    report.add(f"{where}: late blocks without {what}", bare["late"], "blocks")
    report.add(f"{where}: p99 without {what}", bare["p99_percent"], "% of deadline")


def without(rack: Rack, use: str) -> Rack:
    """The same rack without plugins of that kind, its last lane alone."""
    (*_, lane) = rack.lanes
    return replace(rack, lanes=(replace(lane, chain=tuple(k for k in lane.chain if k.use != use)),))


def _reached(report: Report, wanted: Rack, sound: Sound) -> None:
    """In a render, where the worker is waited for: what is left, and what it costs."""
    link = next(k for lane in wanted.lanes for k in lane.chain if k.use == "style")
    for name, after_s in (("as soon as can be", 0.0), ("2.5 s later", 2.5)):
        told, cpu = _told(wanted, link, sound, after_s)
        report.add(f"render, {name}: behind the performer", float(told[-1, BEHIND]), "s")
        if not after_s:
            left = told[told[:, ANSWERS] > 1, LEFT]
            report.add("render: left of the way to the style, median of answers",
                       100.0 * float(np.median(left)), "%")  # fmt: skip
            report.add("render: the worker, of one core",
                       100.0 * cpu * RATE / len(sound), "%")  # fmt: skip


def _told(wanted: Rack, link: Link, sound: Sound, after_s: float) -> tuple[Any, float]:
    """The layer's readouts at every look, and CPU seconds of the worker."""
    changed = replace(link, knobs={**link.knobs, "after_s": after_s})
    lane = replace(wanted.lanes[-1], chain=(changed,))
    renderer = Renderer(replace(wanted, lanes=(lane,), master=()), RATE, 1, BLOCK)
    began = _worker_seconds()
    told = []
    for first in range(0, len(sound) // LOOK * LOOK, LOOK):
        renderer.push(sound[first : first + LOOK, None])
        told.append(renderer.shared.control["readouts"][0, 0, :6].copy())
    spent = _worker_seconds() - began
    renderer.finish()
    return np.array(told), spent


def _worker_seconds() -> float:
    """CPU seconds of the processes that this one has started and that run."""
    import psutil

    total = 0.0
    for child in psutil.Process().children(recursive=True):
        used = child.cpu_times()
        total += used.user + used.system
    return total


__all__ = ["compared", "counts", "run", "without"]
