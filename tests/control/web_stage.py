"""What the tests of the web page share: a desk over a real host, its page, and who talks to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from browsing import size
from websockets.sync.client import ClientConnection, connect

from engine.control.desk import Desk
from engine.control.web.server import Web
from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
from engine.recorder import Recorder

GAIN = "a.gain.gain_db"
ROOM = 12_000_000
"""The longest message a test takes."""


def racks() -> list[tuple[Rack, Path | None]]:
    """Three presets: a tuner and a gain; a delay; a master."""
    gain = Link("gain", "gain", {"gain_db": -6.0})
    chain = (Link("tuner", "tuner"), gain, Link("delay", "delay", {"mix": 0.2}))
    return [
        (Rack("One", "the first", (Lane("a", "left", chain),), xy=(GAIN, "a.delay.mix")), None),
        (Rack("Two", "the second", (Lane("a", "left", (gain,)),)), None),
        (Rack("Three", "", (Lane("a", "left", (gain,)),), (Link("limiter", "limiter"),)), None),
    ]


@contextmanager
def stage(takes: Path) -> Iterator[tuple[Desk, Web]]:
    """A sounding desk and its page."""
    first = racks()[0][0]
    host = Host(Order(armed=True), first)
    desk = Desk(host, racks(), record=lambda: Recorder(host, takes))
    desk.build()
    assert wait_for(lambda: desk.ready == len(desk.slots))
    try:
        with served(desk) as web:
            yield desk, web
    finally:
        desk.close()
        host.stop()


@contextmanager
def served(desk: Desk) -> Iterator[Web]:
    """Its page, on a port of its own."""
    web = Web(desk, port=0)
    web.start()
    try:
        yield web
    finally:
        web.close()


@contextmanager
def opened(browser: Any, web: Web) -> Iterator[Any]:
    """The page, opened as a player opens it; afterwards its console must be empty."""
    size(browser, "laptop")
    browser.get_log("browser")
    browser.get(web.url)
    assert wait_for(lambda: ready(browser) == "0")
    yield browser
    complaints = browser.get_log("browser")
    browser.get("about:blank")
    assert complaints == []


def ready(browser: Any) -> Any:
    """Which preset the page shows, once it does."""
    return browser.execute_script("return document.body.dataset.ready")


def hands(browser: Any) -> Any:
    from selenium.webdriver.common.action_chains import ActionChains

    return ActionChains(browser, duration=20)


class Page:
    """One websocket, as a page has it."""

    def __init__(self, web: Web, token: str | None = None, **headers: Any) -> None:
        token = web.tokens.play if token is None else token
        host = f"127.0.0.1:{web.port}"
        headers.setdefault("origin", f"http://{host}")
        where = f"ws://{host}/socket?token={token}"
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(where, max_size=ROOM, open_timeout=10, close_timeout=2, **headers)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    def send(self, do: str, **more: Any) -> None:
        self.socket.send(json.dumps({"do": do, **more}))

    def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 10.0) -> Any:
        """The first facts that are wanted."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.socket.recv(timeout=seconds)
            if isinstance(found, str) and wanted(json.loads(found)):
                return json.loads(found)
        raise AssertionError("it was not told")

    def told(self, key: str) -> Any:
        """The next facts called ``key``."""
        return self.until(lambda facts: key in facts)[key]

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Do it and wait for the answer: done, or an error."""
        self.send(do, id="asked", **more)
        return dict(self.until(lambda facts: facts.get("done", facts.get("id")) == "asked"))


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


class FakeLearner:
    """Learns what it is told to, and says so."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.known = desk, dict[str, str]()

    def learn(self, target: str) -> None:
        self.desk.tell("learn", "midi", target=target, waiting=True, mapping="")

    def hears(self, target: str) -> None:
        """A controller moves."""
        self.known[target] = "cc 20 of any port"
        mapping = self.known[target]
        self.desk.tell("learn", "midi", target=target, waiting=False, mapping=mapping)

    def cancel(self) -> None:
        self.desk.tell("learn", "midi", target="", waiting=False, mapping="")

    def forget(self, target: str) -> None:
        self.known.pop(target, None)
        self.desk.tell("learn", "midi", target=target, waiting=False, mapping="")

    def described(self) -> list[dict[str, Any]]:
        return [{"target": k, "control": v, "keep": "preset"} for k, v in self.known.items()]
