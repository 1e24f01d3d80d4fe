"""How long sound takes from the output back to the input, counted in samples.

With a cable from output to input, or on a JACK server where the two are plugged together here,
an impulse goes out every 500 ms and is looked for in what comes in. Both are recorded in the
same callback, so the count is exact: nothing is measured with a clock.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine import jackplug
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
from engine.recorder import Recorder
from engine.stream import DeviceChoice, DeviceError, devices

EVERY_MS = 500
FAINTEST = 0.003
"""An impulse of 0.5 that comes back at less than -50 dB is a cable that is not plugged in."""
ABOVE_NOISE = 8.0
BUFFERS = 2
"""Blocks that sound waits for in a driver with two buffers: one to fill, one to play."""
METRES_PER_MS = 0.343
"""Sound in air at 20 degrees."""

Progress = Callable[[str], None]
Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class RoundTrip:
    """What one block size came to. Times are in frames unless their name says otherwise."""

    device: str
    rate: int
    block: int
    delays: tuple[int, ...]
    sent: int
    level_db: float
    driver_frames: int
    """What the driver says; some say nothing, some guess."""
    plugged: bool
    """Whether it was JACK's own loop-back: no converter, no cable."""
    blocks: int
    blocks_due: int
    period: int = 0
    """The block of the JACK server, where there is one: PortAudio buffers between the two."""

    @property
    def frames(self) -> float:
        """The round trip: the median of all impulses."""
        return float(np.median(self.delays))

    @property
    def spread_frames(self) -> int:
        """The longest less the shortest."""
        return int(np.ptp(self.delays))

    @property
    def ms(self) -> float:
        """The round trip in milliseconds."""
        return 1000.0 * self.frames / self.rate


@dataclass(frozen=True)
class Cost:
    """What a block costs: ``buffers`` blocks that wait, and ``rest`` frames whatever the block."""

    buffers: float
    rest: float
    fitted: bool
    """Whether two block sizes or more were measured; else two buffers are taken for granted."""

    def frames(self, block: int) -> float:
        """The round trip at another block size, computed."""
        return self.buffers * block + self.rest


def cost(trips: Sequence[RoundTrip]) -> Cost:
    """How the round trip grows with the block: a straight line through what was measured."""
    blocks = np.array([trip.block for trip in trips], float)
    frames = np.array([trip.frames for trip in trips])
    if len(set(blocks)) > 1:
        slope, rest = (float(number) for number in np.polyfit(blocks, frames, 1))
        return Cost(round(slope, 6), round(rest, 6), True)
    adapted = trips[0].period not in (0, trips[0].block)
    buffers = min(1.0 if adapted else float(BUFFERS), float(frames[0] / blocks[0]))
    return Cost(buffers, float(frames[0] - buffers * blocks[0]), False)


def metres(ms: float) -> float:
    """How far from a loudspeaker sound arrives as late."""
    return METRES_PER_MS * ms


def real_device(name: str | None) -> str:
    """The device to measure: the one that was named, or the system's; raises DeviceError."""
    if name == "virtual":
        raise DeviceError(
            "the virtual device has no converters and no cable, so it has no round trip to "
            "measure; allowed are the devices that both play and record: see taraf devices"
        )
    if name is None and not any(d["inputs"] and d["outputs"] for d in devices()):
        raise DeviceError(
            "no device here both plays and records; plug a sound card in, or start JACK"
        )
    return name or "default"


def measure(
    choice: DeviceChoice, seconds: float = 5.0, progress: Progress | None = None
) -> RoundTrip:  # fmt: skip
    """Send impulses for ``seconds`` and find them; raises DeviceError if nothing comes back."""
    rack = Rack(
        "ping", lanes=(Lane("ping", "none", (Link("ping", "ping", {}, {"every_ms": EVERY_MS}),)),)
    )
    host = Host(Order(choice, armed=True), rack)
    try:
        report = host.report()
        if not int(host.shared.control[0]["inputs"]):
            raise DeviceError(f"{report['device']} does not record, so nothing can come back")
        on_jack = "jack" in f"{choice.name} {report['device']}".lower()
        plugged = on_jack and jackplug.plug()
        host.shared.ring().arm(True)  # from here on, not from before the two were connected
        with tempfile.TemporaryDirectory() as folder:
            recorder = Recorder(host, Path(folder))
            try:
                _wait(seconds, choice.block, progress)
            finally:
                recorded = recorder.stop()
            dry, wet = (_channel(recorded[name]) for name in ("dry", "wet"))
        statistics = host.statistics()
    finally:
        host.stop()
    delays, sent, peak = find(dry, wet, EVERY_MS * choice.rate // 1000)
    if not delays:
        raise DeviceError(_nothing(str(report["device"]), sent, float(np.abs(dry).max(initial=0))))
    return RoundTrip(
        device=str(report["device"]),
        rate=choice.rate,
        block=choice.block,
        delays=tuple(delays),
        sent=sent,
        level_db=round(20.0 * math.log10(peak), 1),
        driver_frames=int(report["device_latency_frames"]),
        plugged=plugged,
        blocks=int(statistics["blocks"]),
        blocks_due=int(statistics["blocks_due"]),
        period=jackplug.period() if on_jack else 0,
    )


def _wait(seconds: float, block: int, progress: Progress | None) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0.0:
        if progress is not None:
            progress(f"{block} frames: listening, {math.ceil(left)} s left")
        time.sleep(min(left, 0.5))


def _channel(path: str) -> Sound:
    import soundfile

    first: Sound = soundfile.read(path, dtype="float32", always_2d=True)[0][:, 0]
    return first


def find(dry: Sound, wet: Sound, every: int) -> tuple[list[int], int, float]:
    """The delays of the impulses in ``wet`` that are found again in ``dry``.

    Also how many were sent (and could have come back in time), and how loud they came back.
    A converter's filter smears an impulse: its largest sample is where it is.
    """
    went = [int(at) for at in np.flatnonzero(np.abs(wet) > 0.2) if at + every <= len(dry)]
    delays, peaks = [], []
    for at in went:
        heard = np.abs(dry[at : at + every])
        place = int(heard.argmax())
        peak = float(heard[place])
        if peak >= FAINTEST and peak >= ABOVE_NOISE * float(np.sqrt(np.mean(heard**2))):
            delays.append(place)
            peaks.append(peak)
    return delays, len(went), float(np.median(peaks)) if peaks else 0.0


def _nothing(device: str, sent: int, loudest: float) -> str:
    heard = f"the loudest sound was {20 * math.log10(loudest):.0f} dB" if loudest else "all silent"
    return (
        f"nothing came back of {sent} impulses through {device} ({heard}): plug a cable from "
        "output 1 to input 1, set the input to line and its gain to the middle, turn the output "
        "up and direct monitoring off; on JACK connect PortAudio's out to its in, or install "
        "jackd's jack_connect (or pip install JACK-Client), and it is plugged for you"
    )


__all__ = ["Cost", "RoundTrip", "cost", "find", "measure", "metres", "real_device"]
