"""What the follower costs: a hop, a block through JACK, and whether live is what a render is."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.bench import Report
from engine.bench.stage import sound_server
from engine.bench.stage.far_end import FarEnd
from engine.bench.stage.telling import Missing
from engine.dsp.beats import NOTES
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
from engine.recorder import Recorder
from engine.render import Renderer, play
from engine.stream import DeviceChoice
from models.bench.pulse.sounds import RATE, drums

HOP = RATE // 100
HOPS = 2000
WARM_HOPS = 200
RUNS = 3
MOST_MEAN_MS, MOST_P99_MS = 0.3, 0.6
BLOCK = 64
LEAST_PLAYED = 0.95  # of the blocks there is time for: none are late where none are played
EQUAL_SECONDS = 20.0
LINK = Link("pulse", "pulse")
ECHO = Link("delay", "delay", {"mix": 0.5, "feedback": 0.0, "sync": float(NOTES.index("1/4"))})
"""What is heard of the beat: an echo that follows it."""


def run(report: Report, seconds: float) -> None:
    """Add rows for a hop, for live against render, and for ``seconds`` through JACK."""
    sound = drums()
    _hops(report, sound)
    _equal(report, sound)
    _through_jack(report, sound, seconds)


def rack(*links: Link) -> Rack:
    """One lane of plugins."""
    return Rack("pulse bench", lanes=(Lane("a", "left", links),))


def _hops(report: Report, sound: npt.NDArray[np.float32]) -> None:
    """Time of this thread, 10 ms of sound at a time, less that of the same rack without it."""
    bare = _times(rack(), sound)
    ours = np.array([_times(rack(LINK), sound) for _ in range(RUNS)])
    spent = ours.min(axis=0) - float(np.median(bare))  # what a neighbour took is not ours
    mean, p99 = float(spent.mean()), float(np.percentile(spent, 99))
    report.add("cost per hop of 10 ms, mean", mean, "ms", f"{MOST_MEAN_MS:g} ms",
               mean <= MOST_MEAN_MS)  # fmt: skip
    report.add("cost per hop of 10 ms, p99", p99, "ms", f"{MOST_P99_MS:g} ms", p99 <= MOST_P99_MS)
    report.add("cost per hop of 10 ms, worst", float(spent.max()), "ms")


def _times(wanted: Rack, sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    renderer, times = Renderer(wanted, RATE, 1, HOP), []
    try:
        for k in range(WARM_HOPS + HOPS):
            part = np.take(sound, np.arange(k * HOP, (k + 1) * HOP), mode="wrap")[:, None]
            began = time.thread_time_ns()
            renderer.push(part)
            times.append((time.thread_time_ns() - began) / 1e6)
    finally:
        renderer.stage.close()
    return np.array(times[WARM_HOPS:])


def _equal(report: Report, sound: npt.NDArray[np.float32]) -> None:
    """The virtual device, recorded, in blocks of 256; the render in blocks of 64."""
    import soundfile

    part = sound[: round(EQUAL_SECONDS * RATE)]
    wanted = rack(LINK, ECHO)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        soundfile.write(folder / "in.wav", part, RATE, subtype="FLOAT")
        device = DeviceChoice("virtual", RATE, 4 * BLOCK)
        order = Order(device, input=str(folder / "in.wav"), loop=False, frames=len(part),
                      fast=True, armed=True)  # fmt: skip
        host = Host(order, wanted)
        try:
            recorder = Recorder(host, folder)
            host.wait(10 * EQUAL_SECONDS)
            recorded = recorder.stop()
        finally:
            host.stop()
        live = soundfile.read(recorded["wet"], dtype="float32", always_2d=True)[0]
    made = play(wanted, part[:, None], RATE, BLOCK)
    still = play(rack(ECHO), part[:, None], RATE, BLOCK)
    count = min(len(live), len(made))
    error = float(np.abs(live[:count] - made[:count]).max())
    report.add("echo that follows the beat, live against render", error, "of full scale", "equal",
               error == 0.0 and count > len(part) // 2)  # fmt: skip
    differs = float(np.abs(still[:count] - made[:count]).max())
    report.add("for contrast: the same echo at 120 BPM", differs, "of full scale", "above 0",
               differs > 0.0)  # fmt: skip


def _through_jack(report: Report, sound: npt.NDArray[np.float32], seconds: float) -> None:
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        raise Missing("needs JACK-Client (pip install JACK-Client) and JACK's library") from None
    with sound_server.running(BLOCK) as device, tempfile.TemporaryDirectory() as name:
        ours = _late(device, rack(LINK, ECHO), sound, seconds, Path(name))
        bare = _late(device, rack(ECHO), sound, seconds, Path(name))
    report.add("through JACK at 64 frames: late blocks", ours["late"], "blocks", "none",
               ours["late"] == 0)  # fmt: skip
    least = round(LEAST_PLAYED * seconds * device.rate / BLOCK)
    report.add("through JACK at 64 frames: blocks", ours["blocks"], "blocks", f"at least {least}",
               ours["blocks"] >= least)  # fmt: skip
    report.add("through JACK at 64 frames: p99", ours["p99_percent"], "% of deadline")
    report.add("without the follower: late blocks", bare["late"], "blocks")
    report.add("without the follower: p99", bare["p99_percent"], "% of deadline")


def _late(
    device: DeviceChoice, wanted: Rack, sound: npt.NDArray[np.float32], seconds: float, folder: Path
) -> dict[str, Any]:
    """What the audio thread counted while drums came in for ``seconds``."""
    np.save(folder / "drums.npy", sound)
    with ExitStack() as stack:
        host = Host(Order(device), wanted)
        stack.callback(host.stop)
        band = stack.enter_context(
            FarEnd("models.bench.pulse.band", play=[str(folder / "drums.npy")])
        )
        band.told()
        time.sleep(1.0)
        before = host.statistics()
        host.shared.control["histogram"] = 0
        time.sleep(seconds)
        after = host.statistics()
    return {
        "late": after["late"] - before["late"],
        "blocks": after["blocks"] - before["blocks"],
        "p99_percent": after["p99_percent"],
    }


__all__ = ["rack", "run"]
