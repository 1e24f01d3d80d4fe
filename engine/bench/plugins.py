"""What each plugin costs for 64 stereo frames, beside pedalboard's C++ in the same run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine import catalogue
from engine.bench import Report
from engine.bench.callback import DEMO
from engine.playing import open_rack
from engine.plugin import PluginError
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Renderer
from engine.worker import WorkerPlugin

BLOCK, RATE = 64, 48000
SECONDS = 4
ROUNDS = 5
COPIES = 4  # in a row: one cheap plugin alone is lost in the noise of the clock
IR_SECONDS = 0.5


def run(block: int = BLOCK, rate: int = RATE) -> Report:
    """Microseconds for one block, the share of its deadline, and the ratio to pedalboard."""
    report = Report("plugins")
    sound = _sound(rate)
    with tempfile.TemporaryDirectory() as folder:
        ir = _impulse_response(Path(folder), rate)
        peers = _peers(ir)
        empty = _best(_engine(Rack("empty", lanes=(Lane("a", "stereo"),)), sound, block, rate))
        for name in catalogue.entries():
            link = _link(name, ir)
            if link is None:
                continue
            chain = tuple(replace(link, name=f"{name}{k}") for k in range(COPIES))
            rack = Rack("some", lanes=(Lane("a", "stereo", chain),))
            try:
                ours = _engine(rack, sound, block, rate)
            except RackError:
                continue
            _compare(report, name, ours, empty, peers.get(name), sound, block, rate)
    _demo(report, sound, block, rate)
    return report


def _compare(
    report: Report,
    name: str,
    ours: Callable[[], float],
    empty: float,
    peer: Any,
    sound: Any,
    block: int,
    rate: int,
) -> None:
    """Time ours and the peer in turn, so that a slow moment hits both."""
    blocks = len(sound) / block
    deadline = 1e6 * block / rate
    best, theirs = 1e9, 1e9
    for _ in range(ROUNDS):
        best = min(best, ours())
        if peer is not None:
            theirs = min(theirs, _pedalboard(peer, sound, block, rate))
    cost = max(0.0, best - empty) / COPIES / blocks * 1e6
    report.add(name, cost, "us")
    report.add(f"{name}, share", 100 * cost / deadline, "% of deadline")
    if peer is not None:
        other = theirs / blocks * 1e6
        report.add(f"{name}, pedalboard", other, "us")
        ratio = cost / other
        report.add(f"{name} against pedalboard", ratio, "ratio", "at most 1", ratio <= 1.0)


def _demo(report: Report, sound: Any, block: int, rate: int) -> None:
    rack = open_rack(DEMO, [])[0]
    renderer = Renderer(rack, rate, 2, block)
    renderer.push(sound)
    counts = renderer.shared.control["histogram"][0]
    p50 = 100 * (np.searchsorted(np.cumsum(counts), counts.sum() / 2) + 0.5) / 2048
    report.add("demo rack p50", p50, "% of deadline", "at most 15 %", p50 <= 15.0)
    renderer.stage.close()


def _sound(rate: int) -> Any:
    from engine.performance import guitar

    mono = guitar(rate)[: SECONDS * rate]
    return np.ascontiguousarray(np.stack([mono, np.roll(mono, 37)], axis=1))


def _engine(rack: Rack, sound: Any, block: int, rate: int) -> Callable[[], float]:
    renderer = Renderer(rack, rate, 2, block)
    renderer.push(sound[: block * 100])

    def once() -> float:
        began = time.perf_counter()
        renderer.push(sound)
        return time.perf_counter() - began

    return once


def _best(once: Callable[[], float]) -> float:
    return min(once() for _ in range(ROUNDS))


def _pedalboard(plugin: Any, sound: Any, block: int, rate: int) -> float:
    planar = np.ascontiguousarray(sound.T)
    plugin.process(planar[:, : block * 100], rate, buffer_size=block, reset=True)
    began = time.perf_counter()
    plugin.process(planar, rate, buffer_size=block, reset=False)
    return time.perf_counter() - began


def _impulse_response(folder: Path, rate: int) -> Path:
    import soundfile

    noise = np.random.default_rng(1).standard_normal(int(IR_SECONDS * rate))
    decay = np.exp(-np.arange(len(noise)) / (0.1 * rate))
    path = folder / "room.wav"
    soundfile.write(path, (0.1 * noise * decay).astype(np.float32), rate, subtype="FLOAT")
    return path


def _link(name: str, ir: Path) -> Link | None:
    """The plugin as it is commonly set: nothing is switched off to be quick."""
    try:
        plugin = catalogue.find(name)
    except PluginError:
        return None
    if issubclass(plugin, WorkerPlugin):
        return None
    knobs: dict[str, dict[str, float]] = {
        "gain": {"gain_db": -3.0},
        "gate": {"threshold_db": -40.0},
        "compressor": {"threshold_db": -30.0, "ratio": 4.0},
        "eq": {"low_db": 3.0, "mid1_db": -2.0, "mid2_db": 2.0, "high_db": 3.0},
        "limiter": {"ceiling_db": -12.0},
    }
    settings: dict[str, dict[str, str | int]] = {"cabinet": {"ir": str(ir)}}
    return Link(name, name, knobs.get(name, {}), settings.get(name, {}))


def _peers(ir: Path) -> dict[str, Any]:
    """Pedalboard's plugins that do the same, or nothing where it is not installed."""
    try:
        import pedalboard as pb
    except ImportError:
        return {}
    return {
        "gain": pb.Gain(-3.0),
        "gate": pb.NoiseGate(threshold_db=-40.0),
        "compressor": pb.Compressor(threshold_db=-30.0, ratio=4.0),
        "eq": pb.Pedalboard(
            [
                pb.HighpassFilter(30.0),
                pb.LowShelfFilter(120.0, 3.0),
                pb.PeakFilter(500.0, -2.0),
                pb.PeakFilter(2500.0, 2.0),
                pb.HighShelfFilter(6000.0, 3.0),
                pb.LowpassFilter(18000.0),
            ]
        ),
        "cabinet": pb.Convolution(str(ir)),
        "delay": pb.Delay(0.35, 0.4, 0.5),
        "chorus": pb.Chorus(),
        "reverb": pb.Reverb(),
        "limiter": pb.Limiter(threshold_db=-12.0),
    }
