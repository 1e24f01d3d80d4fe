"""What waits to be sent to one page: bounded, and the newest wins."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from typing import Any

MESSAGES_KEPT = 20
ROWS_KEPT = 480
AHEAD = 30
"""Frames of meters that may be under way unseen: a page that draws slowly gets fewer."""


def text(**facts: Any) -> str:
    """Facts as JSON, without spaces."""
    return json.dumps(facts, separators=(",", ":"), default=str)


class Outbox:
    """A page that takes half a second to read gets what is new then, and no backlog.

    Values of a rack that has gone since are not sent: each has the ``epoch`` of its rack.
    """

    def __init__(self) -> None:
        self._picture: str | None = None
        self._epoch = 0
        self._values: dict[str, tuple[int, float, float]] = {}
        self._newest: dict[str, Any] = {}
        self._messages: deque[dict[str, Any]] = deque(maxlen=MESSAGES_KEPT)
        self._rows: deque[list[float]] = deque(maxlen=ROWS_KEPT)
        self._meters: bytes | None = None
        self._sent = self._seen = 0
        self._answers = False  # it says what it has seen

    def picture(self, picture: str, epoch: int) -> None:
        """The whole rack, as JSON text."""
        self._picture, self._epoch = picture, epoch

    def values(self, values: dict[str, tuple[float, float]], epoch: int) -> None:
        """Where knobs have gone: value and position by address."""
        for address, (value, position) in values.items():
            self._values[address] = epoch, value, position

    def newest(self, **facts: Any) -> None:
        """Facts of which only the latest counts."""
        self._newest.update(facts)

    def message(self, **facts: Any) -> None:
        """Something of which each is to be read, as long as there are few."""
        self._messages.append(facts)

    def row(self, row: list[float]) -> None:
        """One more line of the history."""
        self._rows.append(row)

    def meters(self, frame: bytes) -> None:
        """The latest meters, unless the page has yet to see those of half a second."""
        if not self._answers or self._sent - self._seen < AHEAD:
            self._meters = frame

    def seen(self) -> None:
        """The page has drawn all it was sent until now."""
        self._answers, self._seen = True, self._sent

    def take(self) -> Iterator[str | bytes]:
        """What to send now, in order; it counts as sent when it is taken."""
        if self._picture is not None:
            picture, self._picture = self._picture, None
            yield picture
        facts, self._newest = self._newest, {}
        values, self._values = self._values, {}
        current = {k: [v, p] for k, (epoch, v, p) in values.items() if epoch >= self._epoch}
        if current:
            facts["values"] = current
        if self._rows:
            facts["rows"] = list(self._rows)
            self._rows.clear()
        if facts:
            yield text(**facts)
        while self._messages:
            yield text(**self._messages.popleft())
        if self._meters is not None:
            frame, self._meters = self._meters, None
            self._sent += 1
            yield frame


__all__ = ["Outbox", "text"]
