"""A MIDI device in a process of its own: turns a controller, storms, ticks, or listens."""

from __future__ import annotations

import os
import random
import sys
import time
from typing import Any

from engine.bench.stage import storm
from engine.bench.stage.far_end import job, let_go, sleep_until, tell
from engine.control.midi import api
from engine.priority import urgent

TELL_AFTER_SECONDS = 0.02  # so that our telling does not wake the bench while it acts
BURST = 20
PROGRAM, RARELY = 0xC0, 0.05
CLOCK, START = [0xF8], [0xFA]
LOOK_SECONDS = 0.0005


def main() -> None:
    """Do what the job says; ``port`` is part of the name of the port to plug into."""
    given = job()
    urgent(5)
    {"turn": turn, "storm": play_storm, "tick": tick, "listen": listen, "rehearse": rehearse}[
        given["do"]
    ](given)


def _plugged(kind: str, part: str) -> Any:
    """An rtmidi port that is connected to the one whose name holds ``part``."""
    module = api.rtmidi()
    chosen = api.choose()
    end: Any = getattr(module, kind)(chosen, name=f"taraf-bench-{kind.lower()}")
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        found = [n for n, name in enumerate(end.get_ports()) if part in name]
        if found:
            end.open_port(found[0], "cable")
            time.sleep(0.1)
            return end
        time.sleep(0.05)
    raise SystemExit(f"no MIDI port is called {part}")


def turn(given: dict[str, Any]) -> None:
    """Send one controller again and again; tell when each message was handed to the system."""
    out, rng = _plugged("MidiOut", given["port"]), random.Random(given["seed"])
    last = -1
    for _ in range(given["count"]):
        time.sleep(rng.uniform(*given["gaps"]))
        last = rng.choice([value for value in range(30, 110) if abs(value - last) > 9])
        out.send_message([0xB0, given["controller"], last])
        stamp = time.monotonic_ns()  # now it is the system's: the call itself takes 50 us
        time.sleep(TELL_AFTER_SECONDS)
        tell(stamp_ns=stamp)
    tell(done=True)


def play_storm(given: dict[str, Any]) -> None:
    """Send the storm in bursts."""
    out, rng = _plugged("MidiOut", given["port"]), random.Random(given["seed"])
    messages = storm.messages(given["seed"], given["count"])
    began, at = time.monotonic(), 0
    while at < len(messages):
        burst = rng.randrange(1, BURST + 1)
        for message in messages[at : at + burst]:
            out.send_message(message)
        at += burst
        time.sleep(burst / given["rate"])
    tell(sent=len(messages), seconds=time.monotonic() - began)
    let_go().wait()  # the port stays open until all has been heard


def rehearse(given: dict[str, Any]) -> None:
    """Send mixed messages at ``rate`` a second until let go; a program change now and then."""
    out, rng, gone = _plugged("MidiOut", given["port"]), random.Random(given["seed"]), let_go()
    tell(ready=True)
    sent = 0
    while not gone.is_set():
        for message in storm.messages(rng.randrange(1 << 30), given["rate"]):
            if gone.wait(1.0 / given["rate"]):
                break
            if message[0] == PROGRAM:
                if rng.random() > RARELY:
                    continue
                message[1] %= given["presets"]
            out.send_message(message)
            sent += 1
    tell(sent=sent)


def tick(given: dict[str, Any]) -> None:
    """Send a MIDI clock; tell first when its first tick will be."""
    out = _plugged("MidiOut", given["port"])
    gone = let_go()
    begin = time.monotonic_ns() + 50_000_000
    tell(begin_ns=begin)
    out.send_message(START)
    for n in range(given["count"]):
        if gone.is_set():
            return
        sleep_until(begin + round(n * 60e9 / given["tempo"] / 24))
        out.send_message(CLOCK)
    gone.wait()


def listen(given: dict[str, Any]) -> None:
    """Hear a clock for some seconds; tell when each tick arrived, in seconds."""
    module_in = _plugged("MidiIn", given["port"])
    module_in.ignore_types(sysex=True, timing=False, active_sense=True)
    tell(ready=True)
    ticks: list[float] = []
    at, until = 0.0, time.monotonic() + given["seconds"]
    while time.monotonic() < until:
        while (found := module_in.get_message()) is not None:
            at += found[1]  # rtmidi's time since the message before, taken where it arrives
            if found[0] == CLOCK:
                ticks.append(at)
        time.sleep(LOOK_SECONDS)
    tell(ticks=ticks)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # rtmidi's farewell may wait for a server that is gone
