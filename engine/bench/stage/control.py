"""From a MIDI port to the sound: how late a turned knob is heard; whether any message is lost."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine import jackplug
from engine.bench import Report
from engine.bench.stage import sound_server, storm
from engine.bench.stage.far_end import FarEnd
from engine.bench.stage.telling import Missing, StageError, say
from engine.control.desk import Desk
from engine.control.midi import Midi
from engine.host import Host, Order
from engine.recorder import Recorder
from engine.render import play
from engine.stream import DeviceChoice

PORT = "taraf-bench"
LEVEL = 0.5
TURNS = 200
GAPS_SECONDS = (0.035, 0.075)  # and 20 ms more: the ramp before is over
MESSAGES = 10_000
A_SECOND = 2000.0
"""Twice what a MIDI cable carries."""
SEED = 5
TARGET = "2 blocks plus the smoothing time"


class Heard(Midi):
    """The MIDI surface, with a list of all that came."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.log: list[bytes] = []

    def hear(self, data: bytes, stamp_ns: int, port: str = "") -> None:
        """Write it down and act on it."""
        self.log.append(data)
        super().hear(data, stamp_ns, port)


def run(report: Report) -> None:
    """Turn a knob through a virtual port while a steady level is played, then let it storm."""
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        raise Missing("needs JACK-Client (pip install JACK-Client) and JACK's library") from None
    with sound_server.running() as device, tempfile.TemporaryDirectory() as folder:
        with stage(device, Path(folder)) as (host, midi, desk, turn):
            recorder = Recorder(host, Path(folder))
            try:
                say(f"control: {TURNS} controller messages, one at a time")
                sent = [frame + turn for frame in _turned(host)]
                say(f"control: {MESSAGES} mixed messages at {A_SECOND:g} a second")
                seconds = _stormed(midi)
                wanted = storm.positions(storm.messages(SEED, MESSAGES))
                ends = all(abs(desk.position(k) - x) < 1e-6 for k, x in wanted.items())
                rack, late = host.rack, host.statistics()["late"]
            finally:
                recorded = recorder.stop()
        dry, wet = (_read(recorded[name]) for name in ("dry", "wet"))
        _turn_rows(report, device, dry, wet, sent)
        silent = play(rack, np.full((sound_server.RATE, 1), LEVEL, np.float32), device.rate)
        off = abs(float(wet[-1]) / float(silent[-1, 0]) - 1.0)
        _storm_rows(report, midi, ends, off, seconds)
        report.add("late blocks meanwhile", late, "blocks")


@contextmanager
def stage(device: DeviceChoice, folder: Path) -> Iterator[tuple[Host, Heard, Desk, int]]:
    """A host fed with a steady level, a virtual MIDI port to play it from, its desk.

    The number is the frames between the beginning of a JACK cycle and the engine's turn in it.
    """
    (folder / "midi.toml").write_text(storm.mappings(*storm.KNOBS))
    with ExitStack() as stack:
        host = Host(Order(device, armed=True), storm.RACK)
        stack.callback(host.stop)
        desk = Desk(host, [(storm.RACK, None)])
        midi = Heard(desk, (), virtual=PORT, programs=False, file=folder / "midi.toml")
        stack.callback(midi.close)
        midi.start()
        feeder = stack.enter_context(FarEnd("feeder", level=LEVEL, to=_input()))
        turn = round(feeder.told()["turn_frames"])
        yield host, midi, desk, turn


def _input() -> str:
    import jack

    with jack.Client("taraf-bench-look", no_start_server=True) as client:
        ours = jackplug.pairs([port.name for port in client.get_ports()])
    if not ours:
        raise StageError("the engine has no ports on the JACK server")
    return ours[0][1]


def _turned(host: Host) -> list[int]:
    """Let a device turn the knob; returns the frame at which it sent each message.

    They are counted from where the engine's turn in the cycle begins.
    """
    sent = []
    with FarEnd(
        "midi_player", do="turn", port=f"{PORT}:", controller=storm.CONTROLLER, count=TURNS,
        gaps=GAPS_SECONDS, seed=SEED,
    ) as player:  # fmt: skip
        while "stamp_ns" in (facts := player.told()):
            sent.append(host.shared.frame_at(facts["stamp_ns"]))
    time.sleep(0.1)
    return [*sent, host.shared.frame_at(time.monotonic_ns())]


def _stormed(midi: Heard) -> float:
    """Let it storm; returns how long it took."""
    midi.log.clear()
    with FarEnd(
        "midi_player", do="storm", port=f"{PORT}:", count=MESSAGES, rate=A_SECOND, seed=SEED
    ) as player:
        seconds = float(player.told()["seconds"])
        heard, until = -1, time.monotonic() + 30.0
        while time.monotonic() < until and heard != len(midi.log):
            heard = len(midi.log)
            time.sleep(0.3)
    return seconds


def _read(path: str) -> Any:
    import soundfile

    return soundfile.read(path, dtype="float32", always_2d=True)[0][:, 0]


def _turn_rows(report: Report, device: DeviceChoice, dry: Any, wet: Any, sent: list[int]) -> None:
    """The first and the last sample that each message changed."""
    first, last = [], []
    for begin, end in itertools.pairwise(sent):
        if np.ptp(dry[begin:end]) != 0.0:  # the level that is fed was not steady
            continue
        changes = np.flatnonzero(np.diff(wet[begin:end]))
        if len(changes):
            first.append(int(changes[0]) + 1)
            last.append(int(changes[-1]) + 1)
    report.add("controller messages found in the sound", len(first), "messages",
               f"all {len(sent) - 1}", len(first) == len(sent) - 1)  # fmt: skip
    if not first:
        return
    smooth = storm.RACK.addresses()[storm.GAIN][2].smooth_ms
    block_ms = 1000.0 * device.block / device.rate
    begins, ends = np.array(first) / device.block, np.array(last) / device.rate * 1000.0
    most = 2 * block_ms + smooth
    for part in (50, 99):
        at = float(np.percentile(begins, part)) * block_ms
        report.add(f"controller to first changed sample p{part}", at, "ms", TARGET, at <= most)
    for part in (50, 99):
        at = float(np.percentile(begins, part))
        report.add(f"controller to first changed sample p{part}, in blocks", at, "blocks")
    report.add("controller to first changed sample, worst", begins.max(), "blocks")
    for part in (50, 99):
        at = float(np.percentile(ends, part))
        report.add(f"controller to the new level p{part}", at, "ms", f"{TARGET}, to 0.1 ms",
                   at <= most + 0.1)  # fmt: skip
    report.add("smoothing time of the knob", smooth, "ms")


def _storm_rows(report: Report, midi: Heard, ends: bool, off: float, seconds: float) -> None:
    sent = Counter(map(bytes, storm.messages(SEED, MESSAGES)))
    heard = Counter(midi.log)
    lost, doubled = (sent - heard).total(), (heard - sent).total()
    report.add("mixed messages sent", sent.total(), "messages")
    report.add("sent a second", sent.total() / seconds, "messages")
    report.add("messages lost", lost, "messages", "none", lost == 0)
    report.add("messages doubled", doubled, "messages", "none", doubled == 0)
    report.add("knobs are where the last message says", ends, "", "1", ends)
    report.add("and so is the sound, off by", off, "of its level", "1e-5", off < 1e-5)
    faults = midi.faults + midi.malformed + midi.actor.failed
    report.add("messages not understood", faults, "messages", "none", faults == 0)


__all__ = ["PORT", "run", "stage"]
