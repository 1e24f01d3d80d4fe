"""Feedback: what a knob on the screen does, LED rings and motor faders show."""

from __future__ import annotations

from collections.abc import Callable

from engine.control.desk import Desk, News
from engine.control.midi.book import Book
from engine.control.midi.mapping import RELATIVE, Mapping


class Feedback:
    """Sends a mapped control its new place, unless a control has moved it (source "midi")."""

    def __init__(self, desk: Desk, book: Book, send: Callable[[bytes], None]) -> None:
        self._desk, self._book, self._send = desk, book, send

    def hear(self, news: News) -> None:
        """Show one knob, or all of them when another preset sounds."""
        if news.kind == "value" and news.source != "midi":
            self.show(news.facts["address"])
        elif news.kind == "rack":
            for address in {m.target for m, _ in self._book.all()}:
                self.show(address)

    def show(self, address: str) -> None:
        """Send where ``address`` stands to every control that turns it."""
        if address in self._desk.params():
            position = self._desk.position(address)
            for one, _ in self._book.all():
                if one.target == address and one.mode not in RELATIVE:
                    for data in moved(one, position):
                        self._send(data)


def moved(one: Mapping, position: float) -> list[bytes]:
    """The messages that put a control where its knob is; only controllers can be put."""
    status = 0xB0 | (one.channel or 1) - 1
    x = one.inverse(position)
    if one.kind == "cc":
        return [bytes((status, one.number or 0, round(127 * x)))]
    if one.kind == "cc14":
        value, number = round(16383 * x), one.number or 0
        return [bytes((status, number, value >> 7)), bytes((status, number + 32, value & 127))]
    return []
