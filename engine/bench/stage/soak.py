"""An hour in fast-forward, then real time with MIDI, OSC and web traffic: nothing may grow."""

from __future__ import annotations

import random
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from engine.bench import Report
from engine.bench.stage import presets, sound_server, storm
from engine.bench.stage.far_end import FarEnd
from engine.bench.stage.telling import Missing, StageError, say
from engine.bench.stage.watching import COUNTERS, Counted, Watch, counters, watched
from engine.control.desk import Desk
from engine.control.midi import Midi
from engine.control.osc import Osc
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
from engine.stream import DeviceChoice

PORT = "taraf-bench"
BASELINE_SECONDS = 300.0
HOUR_SECONDS = 3600
RATE = 48000
PRESETS = 6
KNOBS = (
    "guitar.gain_db", "guitar.delay.mix", "guitar.reverb.mix", "guitar.gate.threshold_db",
    "guitar.delay.bypass",
)  # fmt: skip
PAGES, PAGE_TURNS = 4, 10
MIDI_RATE, OSC_RATE = 200, 100
BATCH = 200
HOUR_LIMIT_SECONDS = 600.0


def run(report: Report, seconds: float) -> None:
    """The hour, then ``seconds`` with traffic, after as long (at most five minutes) without."""
    with tempfile.TemporaryDirectory() as folder:
        mapped = Path(folder) / "midi.toml"
        mapped.write_text(storm.mappings(*KNOBS))
        say("soak: an hour in fast-forward")
        _hour(report, mapped)
        try:
            with sound_server.running() as device:
                _real_time(report, device, mapped, seconds)
        except Missing as error:
            say(f"soak: on the virtual device and without MIDI ports: {error}")
            _real_time(report, DeviceChoice("virtual", RATE, 64), None, seconds)


# --- fast-forward


def _light(number: int) -> Rack:
    """A preset that takes little time: an hour of it is to pass in a minute."""
    delay = {"time_ms": 200.0 + 50.0 * number, "mix": 0.3}
    chain = (Link("gate", "gate"), Link("reverb", "reverb"), Link("delay", "delay", delay))
    return Rack(f"light {number + 1}", lanes=(Lane("guitar", "left", chain),))


def _hour(report: Report, mapped: Path) -> None:
    racks = [_light(number) for number in range(PRESETS)]
    order = Order(DeviceChoice("virtual", RATE, 64), frames=HOUR_SECONDS * RATE, fast=True)
    with ExitStack() as stack:
        host = Host(order, racks[0])
        stack.callback(host.stop)
        desk = Desk(host, [(rack, None) for rack in racks])
        desk.build()
        midi = Midi(desk, (), virtual="", file=mapped)  # no ports: messages are handed to it
        rng, watch, began = random.Random(3), Watch(host), time.monotonic()
        looked, messages = time.monotonic(), 0
        watch.look()
        while not host.wait(0.0):
            if time.monotonic() - began > HOUR_LIMIT_SECONDS:
                raise StageError(f"an hour takes longer than {HOUR_LIMIT_SECONDS:g} s here")
            for message in storm.messages(rng.randrange(1 << 30), BATCH):
                if message[0] == 0xC0:
                    message[1] %= PRESETS
                midi.hear(bytes(message), time.monotonic_ns())
            _press(desk, rng)
            messages += BATCH + 1
            if time.monotonic() - looked > 0.2:
                looked = time.monotonic()
                watch.look()
        took, found = time.monotonic() - began, counters(host)
        seconds = host.statistics()["seconds"]
    report.add("fast-forward: sound played", seconds, "s", "3600", seconds >= HOUR_SECONDS)
    report.add("fast-forward: it took", took, "s")
    report.add("fast-forward: messages and buttons", messages, "")
    watch.growth(report, "fast-forward", 1.0)
    still = sum(found[key] for key in (*COUNTERS, "stale_events", "restarts"))
    report.add("fast-forward: mutes, faults, misses, lost, restarts", still, "", "none", still == 0)
    wrong = midi.faults + midi.malformed + midi.actor.failed
    report.add("fast-forward: messages not acted on", wrong, "messages", "none", wrong == 0)


def _press(desk: Desk, rng: random.Random) -> None:
    """A button."""
    desk.act(rng.choice(("undo", "redo", "compare", "tap", "bypass", "panic", "next", "previous")))


# --- real time


def _real_time(
    report: Report, device: DeviceChoice, mapped: Path | None, seconds: float
) -> None:  # fmt: skip
    racks = [presets.plain(number) for number in range(PRESETS)]
    with ExitStack() as stack:
        host = Host(Order(device), racks[0])
        stack.callback(host.stop)
        desk = Desk(host, [(rack, None) for rack in racks])
        desk.build()
        surfaces = stack.enter_context(_surfaces(desk, mapped))
        until = time.monotonic() + 120.0
        while desk.ready < PRESETS and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.0)
        say(f"soak: {min(seconds, BASELINE_SECONDS):g} s without traffic")
        before = counters(host)
        watched(host, min(seconds, BASELINE_SECONDS))
        calm = Counted.since(before, counters(host))
        say(f"soak: {seconds:g} s with MIDI, OSC and {PAGES} pages")
        with _traffic(desk, surfaces, mapped is not None) as ends:
            before = counters(host)
            watch = watched(host, seconds)
            busy = Counted.since(before, counters(host))
            sent = [_sent(end) for end in ends]
            time.sleep(0.5)
        report.add("traffic: how long", seconds, "s")
        report.add("traffic: messages from MIDI and OSC", sum(sent), "messages")
        report.add("traffic: commands from pages", surfaces["web"].counts["commands"], "messages")
        watch.growth(report, "traffic")
        _counter_rows(report, calm, busy)
        _loss_rows(report, surfaces, sent)


def _sent(end: FarEnd) -> int:
    end.let_go()
    return int(end.told()["sent"])


@contextmanager
def _surfaces(desk: Desk, mapped: Path | None) -> Iterator[dict[str, Any]]:
    """The surfaces under test, by name; MIDI only where there are ports."""
    from engine.control.web.server import Web

    with ExitStack() as stack:
        sink = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sink.bind(("127.0.0.1", 0))  # somebody is told of every change, and never reads
        found: dict[str, Any] = {
            "osc": Osc(desk, "127.0.0.1:0", (f"127.0.0.1:{sink.getsockname()[1]}",)),
            "web": Web(desk, port=0),
        }
        if mapped is not None:
            found["midi"] = Midi(desk, (), virtual=PORT, file=mapped)
        for surface in found.values():
            stack.callback(surface.close)
            surface.start()
        yield found


@contextmanager
def _traffic(desk: Desk, surfaces: dict[str, Any], midi: bool) -> Iterator[list[FarEnd]]:
    """Everybody plays; yields those who count what they send."""
    faders = []
    for address in KNOBS[:4]:
        param = desk.param(address)
        faders.append(["/rack/" + address.replace(".", "/"), param.minimum, param.maximum])
    with ExitStack() as stack:
        web = stack.enter_context(
            FarEnd(
                "pages", url=surfaces["web"].url, count=PAGES, turns=PAGE_TURNS,
                addresses=list(desk.params()),
            )
        )  # fmt: skip
        ends = [
            FarEnd(
                "osc_player", port=surfaces["osc"].address[1], rate=OSC_RATE, presets=PRESETS,
                faders=faders,
            )
        ]  # fmt: skip
        if midi:
            ends.append(
                FarEnd(
                    "midi_player", do="rehearse", port=f"{PORT}:", rate=MIDI_RATE, seed=9,
                    presets=PRESETS,
                )
            )  # fmt: skip
        for end in ends:
            stack.callback(end.close)
        for end in (web, *ends):
            end.told()
        yield ends


def _counter_rows(report: Report, calm: Counted, busy: Counted) -> None:
    for key, name in (("late", "late blocks"), ("xruns", "xruns")):
        share, usual = busy.percent(key), calm.percent(key)
        report.add(f"traffic: {name}", share, "% of blocks", "the baseline's, to 0.1 %",
                   share <= usual + 0.1)  # fmt: skip
        report.add(f"without traffic: {name}", usual, "% of blocks")
    for key in (*COUNTERS, "stale_events", "restarts"):
        report.add(f"traffic: {key.replace('_', ' ')}", busy.values[key], "", "the baseline's",
                   busy.values[key] <= calm.values[key])  # fmt: skip


def _loss_rows(report: Report, surfaces: dict[str, Any], sent: list[int]) -> None:
    """What was sent and never came."""
    osc = surfaces["osc"].counts
    report.add("traffic: OSC messages lost", sent[0] - osc.messages, "messages", "none",
               sent[0] == osc.messages)  # fmt: skip
    report.add("traffic: OSC messages refused", osc.refused + osc.faults, "messages", "none",
               osc.refused + osc.faults == 0)  # fmt: skip
    counts = surfaces["web"].counts
    report.add("traffic: page commands dropped or refused",
               counts["dropped"] + counts["mistakes"], "messages")  # fmt: skip
    if "midi" in surfaces:
        midi = surfaces["midi"]
        report.add("traffic: MIDI messages lost", sent[1] - midi.received, "messages", "none",
                   sent[1] == midi.received)  # fmt: skip
        wrong = midi.faults + midi.malformed + midi.actor.failed
        report.add("traffic: MIDI messages not acted on", wrong, "messages", "none", wrong == 0)


__all__ = ["run"]
