"""A performance from start to end: what was asked, the host, the recorder, what it came to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine import preset as presets
from engine.control.desk import Desk
from engine.control.log import Log
from engine.host import Host, HostError, Order, sounding
from engine.rack import Rack, RackError
from engine.recorder import Recorder
from engine.single import Playing as Models
from engine.single import with_defaults
from engine.stream import DeviceChoice, DeviceError, devices


@dataclass(frozen=True)
class Plan:
    """What to play, on what."""

    rack: Rack
    order: Order
    warnings: tuple[str, ...] = ()
    path: Path | None = None
    others: tuple[tuple[Rack, Path | None], ...] = ()
    """The presets that come after it in the set list."""


def open_rack(
    name: str, changes: list[str], playing: Models | None = None
) -> tuple[Rack, tuple[str, ...]]:
    """The preset called ``name`` with ``address=value`` changes made, and what to say of it.

    ``playing`` says how its models are played where it does not.
    """
    path = presets.find(name)
    loaded = presets.load(path)
    rack, said = with_defaults(loaded.rack, playing or Models())
    return changed(rack, changes), (*loaded.warnings, *midi_mistakes(loaded.rack, path), *said)


def midi_mistakes(rack: Rack, path: Path) -> list[str]:
    """What a rack's [[midi]] tables, read from ``path``, have that will do nothing."""
    if not rack.midi:
        return []
    from engine.control.midi import mistakes

    return mistakes(rack, str(path))


def changed(rack: Rack, changes: list[str]) -> Rack:
    """The rack with ``address=value`` changes made."""
    for change in changes:
        address, equals, value = change.partition("=")
        if not equals:
            raise RackError(f"{change!r} is not lane.plugin.param=value")
        rack = rack.set(address.strip(), _from_here(rack, address.strip(), value.strip()))
    return rack


def _from_here(rack: Rack, address: str, value: str) -> str:
    """A file named on the command line lies where the command was given, not by the preset."""
    lane, _, rest = address.partition(".")
    name, _, key = rest.partition(".")
    for where, link in rack.links():
        if link is not None and (where, link.name) == (lane, name):
            setting = link.plugin.settings.get(key)
            if setting is None or setting.kind not in ("file", "model"):
                return value
            file = setting.kind == "file" and Path(value).suffix  # not a name that is built in
            if Path(value).exists() or (file and not (rack.folder / value).exists()):
                return str(Path(value).absolute())
    return value


def plan(
    rack: Rack,
    warnings: tuple[str, ...] = (),
    device: str | None = None,
    rate: int = 48000,
    block: int = 64,
    seconds: float | None = None,
    input: Path | None = None,
    fast: bool = False,
    record: bool = False,
    path: Path | None = None,
    others: tuple[tuple[Rack, Path | None], ...] = (),
) -> Plan:
    """Check everything that can be checked before a sound is made."""
    name, said = (device, ()) if device else _first_device(input is not None or fast)
    if name != "virtual" and (input is not None or fast):
        raise DeviceError(f"--input and --fast are for the virtual device, not for {name!r}")
    if input is not None:
        from engine.soundfiles import read

        read(input, rate)
    if fast and seconds is None:
        raise DeviceError("--fast needs --seconds")
    order = Order(
        device=DeviceChoice(name, rate, block),
        input=str(input.absolute()) if input else "",
        loop=True,
        frames=None if seconds is None else round(seconds * rate),
        fast=fast,
        armed=record,
    )
    return Plan(rack, order, (*warnings, *said, *_orphans()), path, others)


def _first_device(virtual: bool) -> tuple[str, tuple[str, ...]]:
    """The sound card if there is one, else the virtual device, and what to say of that."""
    if virtual:
        return "virtual", ()
    try:
        found = devices()
    except DeviceError as error:
        return "virtual", (f"playing on the virtual device: {error}",)
    if any(d["outputs"] and d["inputs"] for d in found):
        return "default", ()
    return "virtual", ("no sound card here: playing the built-in guitar, unheard; see --record",)


def _orphans() -> tuple[str, ...]:
    return tuple(
        f"process {pid} still sounds without its window: taraf attach {pid}, or taraf stop"
        for pid, window in sounding().items()
        if window is None
    )


@dataclass
class Session:
    """A performance under way; ``result`` is there when it is over."""

    host: Host
    desk: Desk
    warnings: tuple[str, ...]
    log: Log
    recorder: Recorder | None = None
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def latency_ms(self) -> float:
        """Rack and device together, as far as the driver tells."""
        report = self.host.report()
        frames = report["latency_frames"] + report["device_latency_frames"]
        return 1000.0 * float(frames) / self.host.order.device.rate

    def finish(self) -> None:
        """Take stock, and close the recording."""
        host = self.host
        report, statistics = host.report(), host.statistics()
        taken = self.desk.close()
        recorded = self.recorder.stop() if self.recorder else taken
        device = host.order.device
        if host.order.fast:
            statistics["blocks_due"] = statistics["blocks"]
        self.result.update(
            preset=host.rack.name,
            device=report["device"],
            rate=device.rate,
            block=device.block,
            rack_latency_frames=report["latency_frames"],
            device_latency_frames=report["device_latency_frames"],
            latency_ms=round(self.latency_ms, 3),
            **statistics,
            muted=report["muted"],
            worker_restarts=report["worker_restarts"],
            restarts=host.restarts,
            longest_gap_seconds=round(host.gap_seconds, 3),
            priority=report["priority"],
            memory=report["memory"],
            processors=report["processors"],
            warnings=[*self.warnings, *report["warnings"]],
            events=[asdict(event) for event in host.events],
            recorded=recorded,
            takes=self.log.takes,
            messages=self.log.lines,
        )


@contextmanager
def session(
    plan: Plan,
    record: Path | None = None,
    kind: str = "wav",
    progress: Callable[[str], None] | None = None,
    takes: Path | None = None,
) -> Iterator[Session]:
    """Play ``plan``; on leaving, the sound stops and ``result`` is filled in.

    ``record`` is a folder for a take of the whole; ``takes`` for those that the player begins.

    ``progress`` is told the name of each kernel that a first start has to compile.
    """
    host = Host(plan.order, plan.rack, progress)
    try:
        racks = ((plan.rack, plan.path), *plan.others)
        desk = Desk(host, racks, _recording(host, takes, kind, record))
        running = Session(host, desk, (*plan.warnings, *host.report()["warnings"]), Log(desk))
        desk.build()
        try:
            if record is not None:
                running.recorder = Recorder(host, record, kind)
            yield running
        except BaseException:
            desk.close()
            if running.recorder:
                running.recorder.stop()
            raise
        running.finish()
    finally:
        host.stop()


def _recording(
    host: Host, takes: Path | None, kind: str, record: Path | None
) -> Callable[[], Recorder]:
    """What the player's record button does; nothing where all is recorded already."""

    def begin() -> Recorder:
        if record is not None or takes is None:
            raise RackError(f"all of it is being recorded already, into {record}")
        return Recorder(host, takes, kind)

    return begin


def _found(host: Host, takes: Path | None) -> Desk:
    """The desk of a rack that has lost its window: bypass and tempo are as they were."""
    control = host.shared.control
    desk = Desk(host, ((host.rack, None),), _recording(host, takes, "wav", None))
    desk.bypassed = bool(control["bypass"][0])
    desk.clock.follow(float(control["beat"][0, 0]), source="preset")
    return desk


@contextmanager
def adopt(pid: int | None, takes: Path | None = None) -> Iterator[Session]:
    """Take over an orphaned audio process: ``pid``, or the only one there is."""
    if pid is None:
        lost = [found for found, window in sounding().items() if window is None]
        if not lost:
            raise HostError("nothing sounds without a window")
        if len(lost) != 1:
            known = ", ".join(map(str, lost))
            raise HostError(f"say which process to take over; without a window are: {known}")
        pid = lost[0]
    host = Host.attach(pid)
    try:
        warnings = ("its recording ended with its window",) if host.order.armed else ()
        desk = _found(host, takes)
        running = Session(host, desk, warnings, Log(desk))
        yield running
        running.finish()
    finally:
        host.stop()


def stop_all() -> int:
    """Stop every rack of this user that sounds; returns how many there were.

    One that has a window is stopped by it; one that has lost its window, by us.
    """
    racks = sounding()
    for pid, window in racks.items():
        if window is not None:
            os.kill(window, signal.SIGINT)
            continue
        try:
            Host.attach(pid).stop()
        except (HostError, OSError, EOFError):
            os.kill(pid, signal.SIGTERM)
    return len(racks)
