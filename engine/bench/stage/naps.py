"""A process that does nothing but nap on one processor, before all others there: what wakes it late
makes audio late too, whatever plays. `stalls` asks for one a processor."""

from __future__ import annotations

import os
import sys
import time

from engine.bench.stage.far_end import job, let_go, tell
from engine.priority import urgent

PRIORITY = 90  # above JACK's and every audio thread's
NAP_S, LATE_S = 0.0005, 0.001


def main() -> None:
    """Nap on the job's ``processor`` until let go; tell whether it may come first, then stalls."""
    given = job()
    gone = let_go()
    if sys.platform == "linux":
        os.sched_setaffinity(0, {given["processor"]})
    tell(first=sys.platform == "linux" and "refused" not in urgent(PRIORITY))
    stalls = []
    woken = time.monotonic()
    while not gone.is_set():
        time.sleep(NAP_S)
        before, woken = woken, time.monotonic()
        if woken - before > LATE_S:
            stalls.append((before, woken))
    tell(stalls=stalls)


if __name__ == "__main__":
    main()
