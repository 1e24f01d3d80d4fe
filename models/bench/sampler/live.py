"""A guitar plays phrases to the preset ``dream``: how soon it answers, and for an hour."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine import preset
from engine.bench import Report
from engine.bench.stage import sound_server
from engine.bench.stage.far_end import FarEnd
from engine.bench.stage.telling import Missing
from engine.host import Host, Order
from engine.rack import Link, Rack
from engine.recorder import Recorder
from engine.stream import DeviceChoice
from models.bench.sampler import hour
from models.bench.sampler.guitar import PHRASE_S, RATE, performance
from models.bench.sampler.telling import say

PRESET = "dream"
BLOCK = 64
PAUSE_S = 3.0
FEWEST = 4
WARM_S = 1.0
MOST_MS = 100.0
FLOOR_DB = -50.0
ABOVE = 4.0
"""An answer is heard where it is above FLOOR_DB and so much above what rang on just before."""
BEFORE_S = 0.03

Sound = npt.NDArray[np.float32]


def run(report: Report, seconds: float) -> None:
    """Add rows of ``seconds`` live, of late blocks without the sampler, and of an hour."""
    wanted = preset.load(preset.shipped_folder() / f"{PRESET}.toml").rack
    sound, begins = performance(max(FEWEST, round(seconds / (PHRASE_S + PAUSE_S))), PAUSE_S)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            needs_jack()
            with sound_server.running(BLOCK) as device:
                where = f"JACK at {BLOCK} frames"
                heard, ours = through_jack(device, wanted, sound, folder)
                _, bare = through_jack(device, _without(wanted), sound, folder)
        except Missing as error:
            say(f"live: on the virtual device: {error}")
            where = f"virtual device at {BLOCK} frames"
            heard, ours = on_virtual(wanted, sound, folder)
            _, bare = on_virtual(_without(wanted), sound, folder)
    _answers(report, where, sampler_of(wanted), sound, begins, heard)
    report.add(f"{where}: late blocks", ours["late"], "blocks", "none", ours["late"] == 0)
    report.add(f"{where}: blocks", ours["blocks"], "blocks")
    report.add(f"{where}: p99", ours["p99_percent"], "% of deadline")
    report.add(f"{where}: late blocks without the sampler", bare["late"], "blocks")
    report.add(f"{where}: p99 without the sampler", bare["p99_percent"], "% of deadline")
    hour.run(report, sampler_of(wanted), seconds)


def needs_jack() -> None:
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        raise Missing("needs JACK-Client (pip install JACK-Client) and JACK's library") from None


def sampler_of(rack: Rack) -> Link:
    """The sampler of a preset."""
    return next(link for lane in rack.lanes for link in lane.chain if link.use == "sampler")


def _without(rack: Rack) -> Rack:
    lanes = tuple(
        replace(lane, chain=tuple(link for link in lane.chain if link.use != "sampler"))
        for lane in rack.lanes
    )
    return replace(rack, lanes=lanes)


def _answers(
    report: Report, where: str, link: Link, sound: Sound, begins: npt.NDArray[np.int64],
    heard: Sound,
) -> None:  # fmt: skip
    pause = round(0.001 * float(link.knobs["pause_ms"]) * RATE)
    ends = [_end(sound, int(at), float(link.knobs["threshold_db"])) for at in begins]
    found = [first_sound(heard, end + pause) for end in ends]
    late = np.array([1000.0 * at / RATE for at in found if at >= 0])
    name = f"{where}: first answering sound after the pause is long enough"
    report.add(f"{where}: phrases answered", len(late), f"of {len(begins)}", "all",
               len(late) == len(begins))  # fmt: skip
    if len(late):
        report.add(f"{name}, worst", float(late.max()), "ms", f"at most {MOST_MS:g} ms",
                   float(late.max()) <= MOST_MS)  # fmt: skip
        report.add(f"{name}, median", float(np.median(late)), "ms")
        report.add(f"{where}: that is after the guitar's last sound",
                   float(np.median(late)) + 1000.0 * pause / RATE, "ms")  # fmt: skip


def first_sound(heard: Sound, trigger: int) -> int:
    """Frames from the trigger to the first sound of an answer, heard (n,); -1 if there is none."""
    rest = heard[max(0, trigger - round(BEFORE_S * RATE)) : trigger]
    least = 10.0 ** (FLOOR_DB / 20.0)
    if len(rest):
        least = max(least, ABOVE * float(np.abs(rest).max()))
    above = np.abs(heard[trigger : trigger + round(PAUSE_S * RATE)]) >= least
    return int(above.argmax()) if above.any() else -1


def _end(sound: Sound, begin: int, threshold_db: float) -> int:
    """The first frame of a phrase's pause: after it nothing reaches the threshold."""
    part = sound[begin : begin + round(PHRASE_S * RATE)]
    loud = np.flatnonzero(np.abs(part) >= 10.0 ** (threshold_db / 20.0))
    return begin + int(loud[-1]) + 1


def through_jack(
    device: DeviceChoice, wanted: Rack, sound: Sound, folder: Path
) -> tuple[Sound, dict[str, Any]]:
    """What a listener records (n,) while the guitar plays, and what the audio thread counted."""
    np.save(folder / "guitar.npy", sound)
    with ExitStack() as stack:
        host = Host(Order(device), wanted)
        stack.callback(host.stop)
        time.sleep(WARM_S)
        before = host.statistics()
        host.shared.control["histogram"] = 0
        band = stack.enter_context(
            FarEnd(
                "models.bench.pulse.band", play=[str(folder / "guitar.npy")], hear=_output(),
                seconds=len(sound) / RATE, save=str(folder / "heard.npy"),
            )
        )  # fmt: skip
        band.told()
        band.told(len(sound) / RATE + 30.0)
        after = host.statistics()
    return np.load(folder / "heard.npy"), _counted(before, after)


def _output() -> str:
    """The port that our rack plays from."""
    import jack

    from engine import jackplug

    with jack.Client("taraf-bench-look", no_start_server=True) as client:
        return jackplug.pairs([port.name for port in client.get_ports()])[0][0]


def on_virtual(wanted: Rack, sound: Sound, folder: Path) -> tuple[Sound, dict[str, Any]]:
    import soundfile

    soundfile.write(folder / "guitar.wav", sound, RATE, subtype="FLOAT")
    device = DeviceChoice("virtual", RATE, BLOCK)
    order = Order(device, input=str(folder / "guitar.wav"), loop=False, frames=len(sound),
                  armed=True)  # fmt: skip
    host = Host(order, wanted)
    try:
        recorder = Recorder(host, folder)
        before = {"late": 0, "blocks": 0}
        host.wait(len(sound) / RATE + 30.0)
        after = host.statistics()
        recorded = recorder.stop()
    finally:
        host.stop()
    heard = soundfile.read(recorded["wet"], dtype="float32", always_2d=True)[0][:, 0]
    return heard, _counted(before, after)


def _counted(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    added = {name: after[name] - before[name] for name in ("late", "blocks")}
    return {**added, "p99_percent": after["p99_percent"]}


__all__ = ["first_sound", "needs_jack", "on_virtual", "run", "sampler_of", "through_jack"]
