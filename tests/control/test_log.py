"""What the player reads: messages in order, takes, plugins that died."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

from engine.control.desk import Desk
from engine.control.health import Health
from engine.control.log import Log
from engine.control.news import News
from engine.host import HostError


class Teller:
    """As much of a desk as a log and a nurse need."""

    def __init__(self, reports: list[Any] | None = None) -> None:
        self.reports, self.host = reports or [], self
        self.calls: list[Callable[[News], None]] = []

    def listen(self, call: Callable[[News], None]) -> None:
        self.calls.append(call)

    def tell(self, kind: str, source: str = "", **facts: Any) -> None:
        for call in self.calls:
            call(News(kind, source, facts))

    def report(self) -> Any:
        found = self.reports.pop(0) if len(self.reports) > 1 else self.reports[0]
        if isinstance(found, Exception):
            raise found
        return found


def test_messages_saves_and_takes_are_lines_and_all_else_is_not() -> None:
    desk, heard = Teller(), list[str]()
    log = Log(cast(Desk, desk))
    log.tell = heard.append
    desk.tell("value", "web", address="a.b.c", value=1.0)
    desk.tell("message", "midi", text="no MIDI input is called 'x' yet")
    desk.tell("saved", "keys", number=0, path="lead.toml")
    desk.tell("record", "keys", on=True)
    desk.tell("record", "keys", on=False, take={"dry": "dry.wav", "wet": "wet.wav"})
    said = ["no MIDI input is called 'x' yet", "saved as lead.toml", "recorded wet.wav"]
    assert log.lines == heard == log.recent() == said
    assert log.takes == [{"dry": "dry.wav", "wet": "wet.wav"}]


def test_a_plugin_that_died_is_named_once() -> None:
    known, new = "it is slow here", "A.vst3: has no drive any more"
    alive = {"table": 1, "workers": {"guitar.vst": 0}, "warnings": [known]}
    dead = {"table": 1, "workers": {"guitar.vst": 1}, "warnings": [known, new]}
    other = {"table": 2, "workers": {"guitar.vst": 7}, "warnings": ["told at the start"]}
    desk = Teller([alive, HostError("the audio process has gone"), dead, dead, other, other])
    log = Log(cast(Desk, desk))
    health = Health(cast(Desk, desk))
    health.start()
    until = time.monotonic() + 20.0
    while len(desk.reports) > 1 and time.monotonic() < until:
        time.sleep(0.05)
    health.close()
    health.close()
    died = "guitar.vst has crashed or hung: it was passed by, and started again"
    assert log.lines == [died, new]
