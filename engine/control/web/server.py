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

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from engine.control.desk import Desk
from engine.control.web import pairing
from engine.control.web.door import Door
from engine.control.web.guard import Guard, Tokens
from engine.control.web.hub import Hub
from engine.control.web.jobs import WITH_SOUND, JobAnswers
from engine.control.web.protocol import Commands
from engine.control.web.serving import Entrance, WebError, bound, server
from engine.control.web.talk import Talks

PORT = 8470
MESSAGE_BYTES = 4096
SEND_BYTES = 1 << 16  # what the system may hold back for a slow page
PAGES = Path(__file__).parent / "pages"


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
        self._socket = bound("0.0.0.0" if lan else "127.0.0.1", port, "--web-port")
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        self.port = int(self._socket.getsockname()[1])
        cookie = f"taraf-{self.port}"  # cookies know no ports
        self._entrance = Entrance(PAGES, cookie, self.tokens, lan, more=WITH_SOUND)
        self._jobs = JobAnswers(self._entrance, "/jobs", desk)
        self._hub = Hub(desk)
        self._talks = Talks(Commands(desk), self._hub)
        self._server = server(
            Guard(self._app(), self.port, lan),
            http=Door,
            ws_max_size=MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=10.0,
            ws_ping_timeout=10.0,
            timeout_graceful_shutdown=1,
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
        socket_route = WebSocketRoute("/socket", self._socket_opened)
        app = Starlette(routes=[*self._entrance.routes(), *self._jobs.routes(), socket_route])
        app.router.redirect_slashes = False
        return app

    # --- the websocket

    async def _socket_opened(self, page: WebSocket) -> None:
        role = self._entrance.role(page)
        if role is None:
            await page.close(1008)
        else:
            await self._talks.talk(page, role)


__all__ = ["PORT", "Web", "WebError"]
