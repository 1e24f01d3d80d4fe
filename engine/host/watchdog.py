"""Looks at the heartbeat of the audio process, and lets it be started again when it is silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from engine.host.process import Process

LOOK_SECONDS = 0.02


class Watchdog:
    """A thread beside one audio process; ``recover`` runs in it, told since when it was silent."""

    def __init__(self, process: Process, recover: Callable[[float], None]) -> None:
        self._process, self._recover = process, recover
        self.down, self.stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def away(self) -> bool:
        """Whether nobody is there to be told anything; whoever starts it again may tell it."""
        return self.down.is_set() and threading.current_thread() is not self._thread

    def finished(self) -> bool:
        """Whether all frames have run; while it is down, the count is the dead one's."""
        return self._process.ended and not self.down.is_set()

    def join(self) -> None:
        """Wait until it looks no more."""
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        seen, spared, since = -1, -1, time.monotonic()
        looked = since
        while not self.stopping.wait(LOOK_SECONDS):
            beat = self._process.blocks
            now = time.monotonic()
            patience = self._process.patience(beat)
            stood = now - looked > patience and beat != spared  # we did: so it may have, too
            looked = now
            if beat != seen or self.finished():
                seen, since = beat, now
            elif now - since <= patience or self._process.waits:
                continue
            elif stood:
                spared, since = beat, now
            else:
                self._recover(since)
                seen, spared, since = -1, -1, time.monotonic()
                looked = since
