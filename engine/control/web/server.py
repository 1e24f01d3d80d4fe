"""Serves the page from a thread of the front process; the audio thread knows nothing of it.

Whoever has no token gets nothing. A page is a few fixed files; all else goes over one websocket
(``protocol``), and no path or file name from the network is ever looked up.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from engine.control.desk import Desk
from engine.control.web import pairing
from engine.control.web.door import Door
from engine.control.web.guard import HEADERS, Guard, Tokens
from engine.control.web.hub import Hub
from engine.control.web.protocol import Commands
from engine.control.web.talk import Talks

PORT = 8470
MESSAGE_BYTES = 4096
BACKLOG = 64
SEND_BYTES = 1 << 16  # what the system may hold back for a slow page
PAGES = Path(__file__).parent / "pages"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
NO_TOKEN = "Open the address that taraf shows when it starts: it has a token in it.\n"


class WebError(ValueError):
    """A page that cannot be served; the message says why."""


class Web:
    """The page of one desk.

    web = Web(desk, lan=True)       # WebError if the port is taken
    web.start()
    print(web.qr(), web.url)
    web.close()
    """

    def __init__(
        self, desk: Desk, port: int = PORT, lan: bool = False, tokens: Tokens | None = None
    ) -> None:
        self._desk, self.lan = desk, lan
        self.tokens = tokens or Tokens()
        self._socket = _bound(port, lan)
        self.port = int(self._socket.getsockname()[1])
        self._files = _files()
        # Over plain http browsers heed this one on 127.0.0.1 only, and complain elsewhere.
        self._headers = dict(HEADERS)
        if lan:
            del self._headers["cross-origin-opener-policy"]
        self._hub = Hub(desk)
        self._talks = Talks(Commands(desk), self._hub)
        self._server = uvicorn.Server(
            uvicorn.Config(
                Guard(self._app(), self.port, lan),
                http=Door,
                backlog=BACKLOG,
                log_level="critical",
                access_log=False,
                lifespan="off",
                server_header=False,
                ws_max_size=MESSAGE_BYTES,
                ws_per_message_deflate=False,
                ws_ping_interval=10.0,
                ws_ping_timeout=10.0,
                timeout_graceful_shutdown=1,
            )
        )
        logging.getLogger("websockets").setLevel(logging.CRITICAL)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    # --- where it is

    @property
    def url(self) -> str:
        """Where to play: for a browser here, or with ``lan`` for any in the network."""
        return self._address(self.tokens.play)

    @property
    def watch_url(self) -> str:
        """Where one may only look on."""
        return self._address(self.tokens.watch)

    def qr(self, watch: bool = False) -> str:
        """The address as a QR code for a terminal."""
        return pairing.qr(self.watch_url if watch else self.url)

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return self._talks.pages

    @property
    def counts(self) -> dict[str, int]:
        """What pages have asked for, and what of it was a mistake or too much."""
        return self._talks.counts

    def _address(self, token: str) -> str:
        host = pairing.lan_address() if self.lan else "127.0.0.1"
        return f"http://{host}:{self.port}/?token={token}"

    # --- its life

    def start(self) -> None:
        """Serve, until ``close``."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving; a second time does nothing."""
        self._server.should_exit = True
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(5.0)
        self._talks.close()
        self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # whatever it is, the sound and other surfaces go on
            self._desk.tell("message", "web", text=f"the web page has stopped: {error}")

    async def _serve(self) -> None:
        hub = asyncio.create_task(self._hub.run())
        hub.add_done_callback(self._hub_ended)
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            hub.cancel()
            with suppress(asyncio.CancelledError):
                await hub

    def _hub_ended(self, hub: asyncio.Task[None]) -> None:
        if not hub.cancelled() and hub.exception() is not None:
            text = f"the web page shows nothing new any more: {hub.exception()}"
            self._desk.tell("message", "web", text=text)
            self._server.should_exit = True

    # --- files

    def _app(self) -> Starlette:
        routes: list[Any] = [Route("/", self._page), WebSocketRoute("/socket", self._socket_opened)]
        routes += [Route(f"/{name}", self._file(name)) for name in self._files]
        app = Starlette(routes=routes)
        app.router.redirect_slashes = False
        return app

    @property
    def _cookie(self) -> str:
        return f"taraf-{self.port}"  # cookies know no ports

    def _role(self, connection: HTTPConnection) -> str | None:
        given = connection.query_params.get("token") or connection.cookies.get(self._cookie)
        return self.tokens.role(given)

    async def _page(self, request: Request) -> Response:
        if self._role(request) is None:
            return PlainTextResponse(NO_TOKEN, 401, self._headers)
        token = request.query_params.get("token")
        if not token:  # an empty one would take the cookie away
            return self._answer("index.html")
        answer = RedirectResponse("/", 303, self._headers)  # so that the token is in no history
        answer.set_cookie(self._cookie, token, httponly=True, samesite="lax")
        return answer

    def _file(self, name: str) -> Any:
        async def endpoint(request: Request) -> Response:
            if self._role(request) is None:
                return PlainTextResponse(NO_TOKEN, 401, self._headers)
            return self._answer(name)

        return endpoint

    def _answer(self, name: str) -> Response:
        kind = KINDS[Path(name).suffix] + "; charset=utf-8"
        return Response(self._files[name], headers={**self._headers, "content-type": kind})

    # --- the websocket

    async def _socket_opened(self, page: WebSocket) -> None:
        role = self._role(page)
        if role is None:
            await page.close(1008)
        else:
            await self._talks.talk(page, role)


def _files() -> dict[str, bytes]:
    """The page, read once: afterwards nothing from the network reaches a file."""
    return {
        path.name: path.read_bytes() for path in sorted(PAGES.iterdir()) if path.suffix in KINDS
    }


def _bound(port: int, lan: bool) -> socket.socket:
    """A listening socket; WebError if the port cannot be had."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_REUSEPORT"):  # not on Windows, where it would share the port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        found.bind(("0.0.0.0" if lan else "127.0.0.1", port))
        found.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or error
        raise WebError(f"--web-port {port}: {reason}; 0 takes any port that is free") from None
    return found


__all__ = ["PORT", "Web", "WebError"]
