"""Waits a little for room in the ring to the audio thread."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.host import HostError

PATIENCE_SECONDS = 0.2


def patiently(call: Callable[[], None]) -> None:
    """Do it, again and again while there is no room; raises HostError if none comes."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except HostError:
            if time.monotonic() > until:
                raise
            time.sleep(0.001)
