"""Serves a listening test to one browser on this machine, and ends when the test is over.

What is X never leaves this process before the answer: every trial has three fresh addresses
without meaning, of files of one length, and the addresses of the trial before are gone.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.control.web.guard import HEADERS, Guard
from engine.control.web.serving import WebError, bound, json_object, server
from models.judging.abx.excerpts import Material, as_wav
from models.judging.abx.sitting import Sitting
from models.judging.errors import JudgeError

PAGES = Path(__file__).parents[1] / "pages"
FILES = {
    "": ("abx.html", "text/html; charset=utf-8"),
    "abx.css": ("abx.css", "text/css; charset=utf-8"),
    "abx.js": ("abx.js", "text/javascript; charset=utf-8"),
}
BODY_BYTES = 1000
LINGER_SECONDS = 0.5  # after the last answer, so that the page has its result


class Listening:
    """The server of one test.

    listening = Listening(material, Sitting(16, len(material.excerpts)))
    print(listening.url)
    listening.run()         # until the test is over, or KeyboardInterrupt
    """

    def __init__(self, material: Material, sitting: Sitting, port: int = 0) -> None:
        self.material, self.sitting = material, sitting
        self._token = secrets.token_urlsafe(24)
        self._noise = np.random.default_rng(secrets.randbits(128))
        self._sounds: dict[str, bytes] = {}
        self._ids: dict[str, str] = {}
        self._socket = bound("127.0.0.1", port)
        self.port = int(self._socket.getsockname()[1])
        guard = Guard(self._app(), self.port)
        self._server = server(guard, ws="none", timeout_graceful_shutdown=2)
        self._load()

    @property
    def url(self) -> str:
        """Where the page is, for this test only."""
        return f"http://127.0.0.1:{self.port}/{self._token}/"

    def run(self, begun: Callable[[], None] | None = None) -> None:
        """Serve until the test is over; KeyboardInterrupt stops it and is raised again."""
        try:
            with _ending():
                if begun:
                    begun()
                self._server.run(sockets=[self._socket])
        finally:
            self.sitting.stop()
            self._socket.close()

    def stop(self) -> None:
        """End it, from any thread."""
        self._server.should_exit = True

    def _app(self) -> Starlette:
        def at(path: str, what: Any, method: str = "GET") -> Route:
            return Route("/{token}/" + path, self._known(what), methods=[method])

        app = Starlette(
            routes=[
                *(at(name, self._file(*told)) for name, told in FILES.items()),
                at("trial", self._trial),
                at("sound/{id}", self._sound),
                at("answer", self._answer, "POST"),
                at("stop", self._stop, "POST"),
            ]
        )
        app.router.redirect_slashes = False
        return app

    def _known(self, what: Any) -> Any:
        """Answer only who knows the token, and nothing else than 404 to anyone else."""

        async def endpoint(request: Request) -> Response:
            given = request.path_params["token"].encode()
            if not secrets.compare_digest(given, self._token.encode()):
                return Response("not found", 404, HEADERS)
            response: Response = await what(request)
            response.headers.update(HEADERS)
            return response

        return endpoint

    def _file(self, name: str, kind: str) -> Any:
        async def endpoint(_: Request) -> Response:
            return Response((PAGES / name).read_bytes(), headers={"content-type": kind})

        return endpoint

    def _load(self) -> None:
        """Make the three sounds of the trial that is asked, and forget those before."""
        self._sounds, self._ids = {}, {}
        if self.sitting.over:
            return
        trial = self.sitting.trial
        excerpt = self.material.excerpts[trial.excerpt]
        sounds = {"a": excerpt.a, "b": excerpt.b}
        sounds["x"] = sounds[trial.x.lower()]
        for name, sound in sounds.items():
            self._ids[name] = secrets.token_urlsafe(18)
            self._sounds[self._ids[name]] = as_wav(sound, self.material.sample_rate, self._noise)

    async def _trial(self, _: Request) -> Response:
        return JSONResponse(self._now())

    def _now(self) -> dict[str, Any]:
        """What the page may know: the trial's number and addresses, or the result."""
        sitting, told = self.sitting, {"a": self.material.a, "b": self.material.b}
        if not sitting.over:
            count = {"number": sitting.number, "of": len(sitting.trials)}
            return {"over": False, **count, "names": told, "sounds": self._ids}
        each = [{"x": one.x, "answer": one.answer} for one in sitting.answers]
        return {
            "over": True,
            "finished": sitting.finished,
            "correct": sitting.correct,
            "of": sitting.number,
            "p": sitting.p_value,
            "names": told,
            "each": each,
        }

    async def _sound(self, request: Request) -> Response:
        sound = self._sounds.get(request.path_params["id"])
        if sound is None:
            return JSONResponse({"error": "there is no such sound"}, 404)
        return Response(sound, media_type="audio/wav")

    async def _answer(self, request: Request) -> Response:
        try:
            given = await json_object(request, BODY_BYTES)
            number, answer = given.get("number"), given.get("answer")
            if type(number) is not int or not isinstance(answer, str):
                raise JudgeError("an answer has a number and an answer")
            self.sitting.answer(number, answer)
        except (JudgeError, WebError) as error:
            return JSONResponse({"error": str(error)}, 409)
        self._load()
        return self._told()

    async def _stop(self, _: Request) -> Response:
        self.sitting.stop()
        self._load()
        return self._told()

    def _told(self) -> Response:
        if self.sitting.over:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self.stop)
        return JSONResponse(self._now())


@contextmanager
def _ending() -> Iterator[None]:
    """Let a closed terminal or a kill end the test as Ctrl-C does: answers are kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    for name in names:
        signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


__all__ = ["Listening"]
