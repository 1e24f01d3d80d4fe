"""What the player should read, in words and in order, until the screen has shown it long enough."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from engine.control.desk import Desk
from engine.control.news import News

KEPT = 200
SHOWN_SECONDS = 8.0


class Log:
    """Everything that was said since the start; ``tell`` hears each line as it comes."""

    def __init__(self, desk: Desk) -> None:
        self.tell: Callable[[str], None] | None = None
        self.takes: list[dict[str, Any]] = []
        self._lines: deque[tuple[float, str]] = deque(maxlen=KEPT)
        desk.listen(self._hear)

    @property
    def lines(self) -> list[str]:
        """All of it."""
        return [text for _, text in list(self._lines)]

    def recent(self) -> list[str]:
        """What was said in the last seconds, at most three lines."""
        since = time.monotonic() - SHOWN_SECONDS
        return [text for when, text in list(self._lines) if when >= since][-3:]

    def _hear(self, news: News) -> None:
        text = self._words(news)
        if not text:
            return
        self._lines.append((time.monotonic(), text))
        if self.tell is not None:
            self.tell(text)

    def _words(self, news: News) -> str:
        facts = news.facts
        if news.kind == "message":
            return str(facts.get("text", ""))
        if news.kind == "saved":
            return f"saved as {facts['path']}"
        if news.kind == "record" and not facts["on"]:
            take = facts.get("take") or {}
            self.takes.append(take)
            return f"recorded {take.get('wet', '')}"
        return ""
