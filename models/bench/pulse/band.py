"""A JACK client of its own process: plays files into racks and writes down what comes back."""

from __future__ import annotations

import gc
import os
import sys
import time
from contextlib import suppress
from typing import Any

import numpy as np

from engine.bench.stage.far_end import job, tell, until_let_go


def main() -> None:
    """Play each file of ``play`` (.npy, mono) round and round into the port of ``to`` beside it.

    Without ``to`` it goes to the engine's first input. ``hear`` is a port whose sound is kept for
    ``seconds`` from the start on and saved as ``save``; when that is done, it is told.
    """
    import jack

    given = job()
    sounds = [np.load(path).astype(np.float32) for path in given["play"]]
    client = jack.Client("taraf-bench-band", no_start_server=True)
    outs = [client.outports.register(f"out{k}") for k in range(len(sounds))]
    ear = client.inports.register("in")
    size = client.blocksize
    sounds = [np.concatenate([one, np.zeros(-len(one) % size, np.float32)]) for one in sounds]
    kept = np.zeros(round(given.get("seconds", 0.0) * client.samplerate), np.float32)
    at = [0, 0]  # blocks played, 1 once it is to begin

    def process(frames: int) -> None:
        if not at[1]:
            for out in outs:
                out.get_array()[:] = 0.0
            return
        first = at[0] * frames
        for out, sound in zip(outs, sounds, strict=True):
            begin = first % len(sound)
            out.get_array()[:] = sound[begin : begin + frames]
        if first + frames <= len(kept):
            kept[first : first + frames] = ear.get_array()
        at[0] += 1

    client.set_process_callback(process)
    gc.freeze()
    gc.disable()
    with client:
        _plug(client, outs, ear, given)
        at[1] = 1
        tell(ready=True)
        if len(kept):
            while at[0] * size < len(kept):
                time.sleep(0.05)
            np.save(given["save"], kept)
            tell(saved=given["save"])
        until_let_go()


def _plug(client: Any, outs: list[Any], ear: Any, given: dict[str, Any]) -> None:
    """Into the inputs, and nothing else into them."""
    import jack

    from engine import jackplug

    known = jackplug.pairs([port.name for port in client.get_ports()])
    wanted = given.get("to") or [known[0][1]]
    for out, to in zip(outs, wanted, strict=True):
        for other in client.get_all_connections(to):
            with suppress(jack.JackError):
                client.disconnect(other, to)
        client.connect(out, to)
    if given.get("hear"):
        client.connect(given["hear"], ear)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the library may wait for a server that is gone
