"""Serves the page of trainings, to whoever has its token, on this machine unless told otherwise."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path

from engine.control.web import pairing
from engine.control.web.door import Door
from engine.control.web.guard import Guard, Tokens
from engine.control.web.serving import bound, server
from engine.sampler.errors import SamplerError
from models.sampler.page.answers import Answers
from models.sampler.page.sources import Sources
from models.sampler.page.trainings import Trainings

PORT = 8471
LOOPBACK = ("127.0.0.1", "localhost")
TEND_SECONDS = 0.5


class LongDoor(Door):
    """A door that stays open while a recording is uploaded or a report is made."""

    longest_seconds = 900.0


class SamplerPage:
    """The page of the trainings in ``runs``, with the recordings under ``folder``.

    page = SamplerPage(Path("runs/sampler"), Path("."))    # WebError if the port is taken
    page.start()
    print(page.url)
    page.close()
    """

    def __init__(self, runs: Path, folder: Path, port: int = PORT, host: str = "127.0.0.1") -> None:
        self.host, self.lan, self.tokens = host, host not in LOOPBACK, Tokens()
        self._socket = bound(host, port, f"--host {host} --port")
        self.port = int(self._socket.getsockname()[1])
        try:
            self.trainings = Trainings(runs)
        except SamplerError:
            self._socket.close()
            raise
        sources = Sources(folder, self.trainings.runs)
        app = Answers(self.trainings, sources, self.tokens, self.port, self.lan).app()
        guard = Guard(app, self.port, self.lan)
        self._server = server(guard, http=LongDoor, ws="none", timeout_graceful_shutdown=1)
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


__all__ = ["PORT", "SamplerPage"]
