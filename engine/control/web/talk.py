"""What is said over one page's websocket: read, done in order, answered; ended when it goes."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.control.web.client import COMMANDS_A_SECOND, Client
from engine.control.web.hub import Hub
from engine.control.web.protocol import Commands, Message, ProtocolError, parse

MOST_PAGES = 24


class Talks:
    """All open pages: each says one thing at a time, none waits for another."""

    def __init__(self, commands: Commands, hub: Hub) -> None:
        self._commands, self._hub = commands, hub
        self._pool = ThreadPoolExecutor(MOST_PAGES, "web")
        self._learning: Client | None = None  # the page that waits for a controller
        self.pages = 0
        self.counts = {"commands": 0, "mistakes": 0, "dropped": 0, "closed": 0}

    def close(self) -> None:
        """Do nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def talk(self, page: WebSocket, role: str) -> None:
        """Let a page in, if there is room, and do what it asks until it goes."""
        if self.pages >= MOST_PAGES:
            await page.close(1008)
            return
        self.pages += 1
        try:
            await page.accept()
            await self._serve(page, Client(role))
        finally:
            self.pages -= 1

    async def _serve(self, page: WebSocket, client: Client) -> None:
        writing = asyncio.create_task(self._write(page, client))
        try:
            await self._hub.join(client.outbox, client.awake, client.role)
            await self._read(page, client)
        except (WebSocketDisconnect, RuntimeError, OSError):
            pass  # it has gone
        finally:
            self._hub.leave(client.outbox)
            writing.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError, OSError):
                await writing
            await self._let_go(client)

    async def _let_go(self, client: Client) -> None:
        """End what a page that has gone can end no more: notes it held, a control it learnt."""
        left = [{"do": "note", "note": note, "velocity": 0} for note in sorted(client.notes)]
        if self._learning is client:
            self._learning = None
            left.append({"do": "cancel"})
        for message in left:
            with suppress(Exception):
                await self._run(message)

    def _run(self, message: Message) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._pool, self._commands.do, message)

    async def _write(self, page: WebSocket, client: Client) -> None:
        while True:
            await client.awake.wait()
            client.awake.clear()
            for part in client.outbox.take():
                if isinstance(part, bytes):
                    await page.send_bytes(part)
                else:
                    await page.send_text(part)

    async def _read(self, page: WebSocket, client: Client) -> None:
        while True:
            received = await page.receive()
            if received["type"] == "websocket.disconnect":
                return
            now = time.monotonic()
            if not client.commands.take(now):
                self.counts["dropped"] += 1
                error = f"more than {COMMANDS_A_SECOND:g} commands a second; some are dropped"
                client.outbox.newest(error=error)
                await asyncio.sleep(1.0 / COMMANDS_A_SECOND)  # read no faster than that
                continue
            answer = await self._handle(received.get("text"), client)
            if not answer:
                continue
            if "error" in answer:
                self.counts["mistakes"] += 1
                if not client.mistakes.take(now):
                    self.counts["closed"] += 1
                    await page.close(1008, "too many mistakes")
                    return
            client.outbox.message(**answer)
            client.awake.set()

    async def _handle(self, text: str | None, client: Client) -> dict[str, Any]:
        """Do what a message asks; what to answer, if anything. One at a time for each page."""
        number: Any = None
        try:
            if text is None:
                raise ProtocolError("a message is text")
            message = parse(text)
            if message["do"] == "seen":
                client.outbox.seen()
                return {}
            found = message.get("id")
            number = found if isinstance(found, (int, str)) else None
            if client.role != "play":
                raise ProtocolError("this page may only watch")
            self.counts["commands"] += 1
            await self._run(message)
            self._remember(client, message)
        except ValueError as error:
            return {"error": str(error), "id": number}
        except Exception as error:  # a fault of ours or a plugin's must not cost the others
            return {"error": f"{type(error).__name__}: {error}", "id": number}
        return {} if number is None else {"done": number}

    def _remember(self, client: Client, message: Message) -> None:
        """Take note of what has to be ended should the page go."""
        if message["do"] == "note":
            hold = client.notes.add if message["velocity"] else client.notes.discard
            hold(int(message["note"]))
        elif message["do"] in ("learn", "cancel"):
            self._learning = client if message["do"] == "learn" else None


__all__ = ["MOST_PAGES", "Talks"]
