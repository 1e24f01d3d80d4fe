"""One open page: what it may do, how often, and what waits to be sent to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from engine.control.web.guard import Bucket
from engine.control.web.outbox import Outbox

COMMANDS_A_SECOND = 500.0
MISTAKES_A_SECOND, MISTAKES_AT_ONCE = 2.0, 100.0


@dataclass
class Client:
    """One open page."""

    role: str
    outbox: Outbox = field(default_factory=Outbox)
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    commands: Bucket = field(default_factory=lambda: Bucket(COMMANDS_A_SECOND, COMMANDS_A_SECOND))
    notes: set[int] = field(default_factory=set)  # that sound because of it
    mistakes: Bucket = field(default_factory=lambda: Bucket(MISTAKES_A_SECOND, MISTAKES_AT_ONCE))


__all__ = ["COMMANDS_A_SECOND", "Client"]
