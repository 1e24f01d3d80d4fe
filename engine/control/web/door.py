"""How many connections there may be, and for how long: whoever has no token can hold nothing.

A connection that never says what it wants costs nothing to open. Hundreds of them would take all
the files that this process may have open, and with them takes and presets.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_WAITING = 64
LONGEST_SECONDS = 10.0
"""A page is a few small files: no browser needs a connection for longer, and opens another."""


class Door(H11Protocol):  # type: ignore[misc]  # it is typed where it is installed
    """One connection: it ends after a while, or as the oldest of too many.

    So newcomers get in however many wait. One that has become a websocket is none of these.
    """

    longest_seconds = LONGEST_SECONDS
    _over: asyncio.TimerHandle | None = None
    _began = 0.0

    def connection_made(self, transport: Any) -> None:
        """Let it in, and the oldest out if there are too many."""
        super().connection_made(transport)
        self._began = self.loop.time()
        self._over = self.loop.call_later(self.longest_seconds, self._end)
        waiting = [one for one in self.connections if isinstance(one, Door)]
        if len(waiting) > MOST_WAITING:
            min(waiting, key=lambda one: one._began)._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._forget()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """It becomes a websocket; those are counted elsewhere."""
        self._forget()
        super().handle_websocket_upgrade(event)

    def _end(self) -> None:
        self.connections.discard(self)
        self.transport.abort()

    def _forget(self) -> None:
        if self._over is not None:
            self._over.cancel()


__all__ = ["LONGEST_SECONDS", "MOST_WAITING", "Door"]
