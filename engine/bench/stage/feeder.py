"""A JACK client of its own process that feeds a steady level into our input, with JACK-Client."""

from __future__ import annotations

import gc
import os
import statistics
import sys
import time
from contextlib import suppress

from engine.bench.stage.far_end import job, tell, until_let_go

COUNTED = 500


def main() -> None:
    """Feed ``level`` into the input port ``to``, and nothing else into that.

    Tell how many frames after the beginning of a cycle we are done, and the engine has its turn.
    """
    import jack
    import numpy as np

    given = job()
    client = jack.Client("taraf-bench-feed", no_start_server=True)
    out = client.outports.register("out")
    steady = np.full(client.blocksize, given["level"], np.float32)

    turns: list[int] = []

    def process(frames: int) -> None:
        out.get_array()[:] = steady
        if len(turns) < COUNTED:
            turns.append(client.frames_since_cycle_start)

    client.set_process_callback(process)
    gc.freeze()
    gc.disable()
    with client:
        for other in client.get_all_connections(given["to"]):
            with suppress(jack.JackError):
                client.disconnect(other, given["to"])
        client.connect(out, given["to"])
        while len(turns) < COUNTED:
            time.sleep(0.02)
        tell(turn_frames=statistics.median(turns))
        until_let_go()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the library may wait for a server that is gone
