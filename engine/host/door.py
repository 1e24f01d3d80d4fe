"""Questions to an audio process, one at a time, and its answers."""

from __future__ import annotations

import json
import threading
from multiprocessing.connection import Client, Connection
from typing import Any

from engine.host.order import HostError
from engine.host.watchdog import Watchdog
from engine.rack import RackError

ANSWER_SECONDS = 120.0  # a rack may have to be compiled


class Door:
    """The connection to the audio process that runs now."""

    def __init__(self, watchdog: Watchdog) -> None:
        self.lock = threading.RLock()
        self._watchdog = watchdog
        self._client: Connection
        self._asked = 0

    def open(self, known: dict[str, Any]) -> None:
        """Connect to the process that has written down ``known``."""
        self._client = Client(known["address"], authkey=bytes.fromhex(known["key"]))

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask for something; raises RackError if it is refused, HostError without an answer."""
        self._refuse_if_down()
        with self.lock:
            self._refuse_if_down()
            self._asked += 1
            try:
                self._client.send_bytes(json.dumps({**request, "number": self._asked}).encode())
                answer: dict[str, Any] = {}
                while answer.get("number") != self._asked:  # an earlier call may have given up
                    if not self._client.poll(ANSWER_SECONDS):
                        raise HostError("the audio process does not answer")
                    answer = json.loads(self._client.recv_bytes())
            except (OSError, EOFError):
                raise HostError("the audio process has gone") from None
        if "error" in answer:
            raise RackError(answer["error"])
        return answer

    def _refuse_if_down(self) -> None:
        if self._watchdog.away():
            raise HostError("the audio process is being started again")

    def close(self) -> None:
        """Hang up."""
        self._client.close()
