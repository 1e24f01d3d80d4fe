"""A MIDI keyboard in a process of its own: notes, a controller in steps or sweeps, or both."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from engine.bench.stage.far_end import job, let_go, tell
from engine.bench.stage.midi_player import _plugged
from engine.priority import urgent

ON, OFF, CONTROLLER = 0x90, 0x80, 0xB0
TELL_AFTER_S = 0.03
"""So that telling does not wake the bench while it acts."""
Send = Callable[[list[int]], None]


def main() -> None:
    """Do what the job says through the port whose name holds ``port``, then stay until let go."""
    given = job()
    urgent(5)
    out = _plugged("MidiOut", given["port"])
    play: dict[str, Callable[[Send, dict[str, Any]], None]] = {
        "steps": steps, "notes": notes, "sweeps": sweeps, "long": long,
    }  # fmt: skip
    play[given["do"]](out.send_message, given)


def steps(send: Send, given: dict[str, Any]) -> None:
    """Hold ``key``; the controller jumps between ``values`` in turn; tells when."""
    rng, gone = random.Random(given["seed"]), let_go()
    send([CONTROLLER, given["controller"], given["values"][-1]])
    send([ON, given["key"], 100])
    time.sleep(given["settle"])
    for n in range(given["count"]):
        if gone.wait(rng.uniform(*given["gaps"])):
            break
        _told(send, [CONTROLLER, given["controller"], given["values"][n % len(given["values"])]])
    time.sleep(given["gaps"][0])
    send([OFF, given["key"], 0])
    tell(done=True)


def notes(send: Send, given: dict[str, Any]) -> None:
    """Play ``keys`` in turn, each for a moment; tells when each was struck."""
    rng, gone = random.Random(given["seed"]), let_go()
    for n in range(given["count"]):
        key = given["keys"][n % len(given["keys"])]
        _told(send, [ON, key, 100])
        gone.wait(given["held"])
        send([OFF, key, 0])
        if gone.wait(rng.uniform(*given["gaps"])):
            break
    tell(done=True)


def sweeps(send: Send, given: dict[str, Any]) -> None:
    """Hold ``key``; rest at each of ``values``, then sweep up and down; tells where both begin."""
    send([ON, given["key"], 100])
    time.sleep(given["settle"])
    for value in given["values"]:
        send([CONTROLLER, given["controller"], value])
        time.sleep(0.1)
        tell(stamp_ns=time.monotonic_ns(), rests=True)
        time.sleep(given["rest"])
    send([CONTROLLER, given["controller"], 0])
    time.sleep(0.2)
    for _ in range(given["count"]):
        tell(stamp_ns=time.monotonic_ns(), rests=False)
        for value in (*range(128), *range(127, -1, -1)):
            send([CONTROLLER, given["controller"], value])
            time.sleep(given["every"])
    tell(stamp_ns=time.monotonic_ns(), rests=True)
    send([OFF, given["key"], 0])
    tell(done=True)


def long(send: Send, given: dict[str, Any]) -> None:
    """Eight keys held, all struck again every ``again`` seconds, the controller never still, until
    let go."""
    gone, value, up = let_go(), 0, True
    tell(ready=True)
    while not gone.is_set():
        for key in given["keys"]:
            send([ON, key, 100])
        until = time.monotonic() + given["again"]
        while time.monotonic() < until and not gone.wait(0.01):
            value += 1 if up else -1
            up = value < 127 if up else value <= 0
            send([CONTROLLER, given["controller"], value])
        for key in given["keys"]:
            send([OFF, key, 0])
    tell(done=True)


def _told(send: Send, message: list[int]) -> None:
    send(message)
    stamp = time.monotonic_ns()  # now it is the system's
    threading.Event().wait(TELL_AFTER_S)
    tell(stamp_ns=stamp)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # rtmidi's farewell may wait for a server that is gone
