"""How long sound takes from the output back to the input, counted in samples.

With a cable from output to input, or on a JACK server where this bench plugs the two together
itself, an impulse goes out every 500 ms and is looked for in what comes in.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import Report
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
from engine.recorder import Recorder
from engine.stream import DeviceChoice, DeviceError

EVERY_MS = 500


def run(device: str = "JACK", block: int = 64, seconds: float = 5.0, rate: int = 48000) -> Report:
    """The delay of every impulse; on JACK's own loop-back it is exactly two blocks."""
    rack = Rack(
        "ping", lanes=(Lane("ping", "none", (Link("ping", "ping", {}, {"every_ms": EVERY_MS}),)),)
    )
    host = Host(Order(DeviceChoice(device, rate, block), armed=True), rack)
    try:
        plugged = "jack" in device.lower() and _plug()
        with tempfile.TemporaryDirectory() as folder:
            recorder = Recorder(host, Path(folder))
            time.sleep(seconds)
            recorded = recorder.stop()
            delays = _delays(recorded, rate)
        statistics = host.statistics()
    finally:
        host.stop()
    if not len(delays):
        raise DeviceError(
            "nothing came back: connect the output to the input with a cable; on JACK, "
            "pip install JACK-Client and it is plugged for you"
        )
    report = Report("roundtrip")
    wanted = 2 * block
    if plugged:
        target, holds = f"exactly {wanted} frames", bool(np.all(delays == wanted))
    else:
        target, holds = "", None
    report.add("round trip", float(np.median(delays)), "frames", target, holds)
    report.add("round trip, spread", float(np.ptp(delays)), "frames")
    report.add("round trip, time", 1000 * float(np.median(delays)) / rate, "ms")
    report.add("impulses", len(delays), "")
    report.add("blocks run of due", 100 * statistics["blocks"] / statistics["blocks_due"], "%")
    return report


def _plug() -> bool:
    """On JACK, connect our outputs to our inputs; False where there is no JACK."""
    try:
        import jack
    except (ImportError, OSError):
        return False
    try:
        client = jack.Client("taraf-bench", no_start_server=True)
    except jack.JackError:
        return False
    with client:
        for number in (0, 1):
            source, sink = f"PortAudio:out_{number}", f"PortAudio:in_{number}"
            _unplug(client, jack, source)
            _unplug(client, jack, sink)
            client.connect(source, sink)
    return True


def _unplug(client: Any, jack: Any, port: str) -> None:
    for other in client.get_all_connections(port):
        ends = (port, other.name) if ":out" in port else (other.name, port)
        try:
            client.disconnect(*ends)
        except jack.JackError:
            continue


def _delays(recorded: dict[str, Any], rate: int) -> Any:
    import soundfile

    dry = soundfile.read(recorded["dry"], always_2d=True)[0][:, 0]
    wet = soundfile.read(recorded["wet"], always_2d=True)[0][:, 0]
    came, went = np.flatnonzero(np.abs(dry) > 0.2), np.flatnonzero(np.abs(wet) > 0.2)
    if not len(went) or not len(came):
        return np.zeros(0)
    last = np.searchsorted(went, came, side="right") - 1
    delays = (came - went[np.maximum(last, 0)])[last >= 0]
    return delays[delays < EVERY_MS * rate // 1000]
