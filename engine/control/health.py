"""Tells the player by name which plugin has died or hangs, and what plugins warn of since.

That one is back shows by itself.
"""

from __future__ import annotations

import threading

from engine.control.desk import Desk
from engine.host import HostError

LOOK_SECONDS = 0.5


class Health:
    """Looks at the workers of the rack that sounds, twice a second."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[str, int] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking; a second time does nothing."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        table, warned = -1, set[str]()
        while not self._closing.wait(LOOK_SECONDS):
            try:
                report = self._desk.host.report()
            except HostError:
                continue
            if report["table"] != table:
                table, self._known = report["table"], dict(report["workers"])
                warned = set(report["warnings"])  # told when it was built
            for name, restarts in report["workers"].items():
                if restarts > self._known.get(name, 0):
                    text = f"{name} has crashed or hung: it was passed by, and started again"
                    self._desk.tell("message", "health", text=text)
            self._known = dict(report["workers"])
            for text in report["warnings"]:
                if text not in warned:
                    warned.add(text)
                    self._desk.tell("message", "health", text=text)
