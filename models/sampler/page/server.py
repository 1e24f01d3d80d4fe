"""Serves the page of trainings, to whoever has its token, on this machine unless told otherwise."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn

from engine.control.web import pairing
from engine.control.web.door import Door
from engine.control.web.guard import Guard, Tokens
from engine.sampler.errors import SamplerError
from models.sampler.page.answers import Answers
from models.sampler.page.sources import Sources
from models.sampler.page.trainings import Trainings

PORT = 8471
LOOPBACK = ("127.0.0.1", "localhost")
LONGEST_SECONDS = 900.0
TEND_SECONDS = 0.5


class LongDoor(Door):
    """A door that stays open while a recording is uploaded or a report is made."""

    def connection_made(self, transport: Any) -> None:
        """Let it in, for longer."""
        super().connection_made(transport)
        if self._over is not None:
            self._over.cancel()
        self._over = self.loop.call_later(LONGEST_SECONDS, self._end)


class SamplerPage:
    """The page of the trainings in ``runs``, with the recordings under ``folder``.

    page = SamplerPage(Path("runs/sampler"), Path("."))    # SamplerError if the port is taken
    page.start()
    print(page.url)
    page.close()
    """

    def __init__(self, runs: Path, folder: Path, port: int = PORT, host: str = "127.0.0.1") -> None:
        self.host, self.lan, self.tokens = host, host not in LOOPBACK, Tokens()
        self._socket = _bound(host, port)
        self.port = int(self._socket.getsockname()[1])
        try:
            self.trainings = Trainings(runs)
        except SamplerError:
            self._socket.close()
            raise
        sources = Sources(folder, self.trainings.runs)
        app = Answers(self.trainings, sources, self.tokens, self.port, self.lan).app()
        self._server = uvicorn.Server(
            uvicorn.Config(
                Guard(app, self.port, self.lan), http=LongDoor, log_level="critical",
                access_log=False, lifespan="off", server_header=False, ws="none",
                timeout_graceful_shutdown=1,
            )
        )  # fmt: skip
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve, name="sampler-page", daemon=True),
            threading.Thread(target=self._tend, name="sampler-turns", daemon=True),
        ]

    @property
    def url(self) -> str:
        """Where it is, with its token: who knows it may do everything."""
        host = self.host
        if self.lan and host in ("0.0.0.0", "::", ""):
            host = pairing.lan_address()
        return f"http://{host}:{self.port}/?token={self.tokens.play}"

    def start(self) -> None:
        """Serve, until ``close``; trainings that waited when a page was closed go on waiting."""
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Wait until it is closed."""
        while not self._over.wait(0.5):
            pass

    def close(self) -> None:
        """Stop serving; a training that runs goes on."""
        self._server.should_exit = True
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(5.0)
        self._socket.close()
        self.trainings.close()

    def _serve(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        finally:
            self._over.set()

    def _tend(self) -> None:
        while not self._over.is_set():
            try:
                self.trainings.tend()
            except (OSError, SamplerError):  # a full disk, a folder that is gone: it may come back
                time.sleep(TEND_SECONDS)
            self._over.wait(TEND_SECONDS)


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket; SamplerError if it cannot be had."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_REUSEPORT"):  # not on Windows, where it would share the port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(64)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or error
        told = "--port 0 takes any port that is free"
        raise SamplerError(f"--host {host} --port {port}: {reason}; {told}") from None
    return found


__all__ = ["PORT", "SamplerPage"]
