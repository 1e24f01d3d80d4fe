"""What somebody's plug-ins cost here, how late they are, and that they sound as they should."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import Report
from engine.rack import Lane, Link, Rack
from engine.render import Renderer
from plugins.vst.cache import Found
from plugins.vst.errors import VstError
from plugins.vst.scan import found_in, look
from plugins.vst.trial import attempt

RATE = 48000
ROUNDING = 1e-6


def measured(block: int, seconds: float) -> Report:
    """The report: every plug-in looked into anew, and played against pedalboard alone."""
    report = Report("vst")
    began = time.monotonic()
    records = [look(path) for path in found_in(())]
    report.add(f"scan of {len(records)} bundles", time.monotonic() - began, "s")
    if not records:
        raise VstError("no plug-in is here to be measured; VST3_PATH says where to look")
    for record in records:
        for bad in record.bad:
            report.add(f"{bad.name}: {bad.reason}", 0.0, "", "usable", False)
        for found in record.plugins:
            if not found.instrument:
                _measure(report, found, block, seconds)
    return report


def _measure(report: Report, found: Found, block: int, seconds: float) -> None:
    rng = np.random.default_rng(0)
    sound = (0.1 * rng.standard_normal((round(seconds * RATE), 2))).astype(np.float32)
    sound = sound[:, : found.channels[0]]
    alone = _alone(found, sound)
    link = Link("vst", "vst", {}, {"plugin": str(found.path), "part": found.part})
    source = "stereo" if sound.shape[1] == 2 else "left"
    rack = Rack("bench", lanes=(Lane("a", source, (link,)),))
    renderer = Renderer(rack, RATE, sound.shape[1], block)
    made = np.concatenate([renderer.push(sound), renderer.finish()])[:, : sound.shape[1]]
    error = float(np.abs(made - alone["sound"]).max())
    report.add(f"{found.name}: 64 frames, median", alone["median_us"], "us")
    report.add(f"{found.name}: 64 frames, 99 %", alone["p99_us"], "us")
    report.add(f"{found.name}: latency", renderer.table.latency, "samples")
    unsteady = alone["unsteady"]
    said = f"<= {ROUNDING:g}" + (f", or the {unsteady:.1g} it differs by alone" if unsteady else "")
    report.add(f"{found.name}: error", error, "", said, error <= max(ROUNDING, 2 * unsteady))


def _alone(found: Found, sound: Any) -> dict[str, Any]:
    """What a process that has pedalboard alone makes of ``sound``, and how long it takes."""
    with tempfile.TemporaryDirectory(prefix="taraf-vst-") as folder:
        file = Path(folder) / "sound.npy"
        np.save(file, sound.T)
        request = {"do": "measure", "path": str(found.path), "part": found.part}
        outcome = attempt({**request, "sound": str(file), "rate": RATE})
        if not outcome.plugins:
            raise VstError(f"{found.path}: {outcome.refused[0][1]}")
        return {**outcome.plugins[0], "sound": np.load(file).T}


__all__ = ["measured"]
