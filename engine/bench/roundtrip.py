"""How long sound takes from the output back to the input; `taraf latency` explains more."""

from __future__ import annotations

from engine.bench import Report
from engine.latency import measure
from engine.stream import DeviceChoice


def run(device: str = "JACK", block: int = 64, seconds: float = 5.0, rate: int = 48000) -> Report:
    """The delay of every impulse; on JACK's own loop-back it is exactly two blocks."""
    trip = measure(DeviceChoice(device, rate, block), seconds)
    report = Report("roundtrip")
    wanted = 2 * block
    if trip.plugged:
        target, holds = f"exactly {wanted} frames", set(trip.delays) == {wanted}
    else:
        target, holds = "", None
    report.add("round trip", trip.frames, "frames", target, holds)
    report.add("round trip, spread", trip.spread_frames, "frames")
    report.add("round trip, time", trip.ms, "ms")
    report.add("impulses", len(trip.delays), "")
    report.add("blocks run of due", 100 * trip.blocks / trip.blocks_due, "%")
    return report
