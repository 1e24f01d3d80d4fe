"""What all our pages have in common: a port, a token at the door, fixed files, small requests."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.control.web.guard import HEADERS, Asgi, Tokens

BACKLOG = 64
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
NO_TOKEN = "Open the address that taraf shows when it starts: it has a token in it.\n"


class WebError(ValueError):
    """A page that cannot be served, or a request that is none; the message says why."""


def bound(host: str, port: int, option: str = "--port") -> socket.socket:
    """A socket that listens, so that a browser waits and is not turned away; or WebError."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_REUSEPORT"):  # not on Windows, where it would share the port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or error
        told = f"{option} {port}: {reason}; 0 takes any port that is free"
        raise WebError(told) from None
    return found


def server(app: Asgi, **more: Any) -> uvicorn.Server:
    """A server that says nothing, neither to a terminal nor of itself."""
    quiet: dict[str, Any] = {"log_level": "critical", "access_log": False, "server_header": False}
    return uvicorn.Server(uvicorn.Config(app, lifespan="off", backlog=BACKLOG, **quiet, **more))


class Entrance:
    """Lets in who has a token, which a cookie keeps, to the fixed files of a page.

    They are read once: afterwards nothing from the network reaches a file.
    """

    def __init__(
        self, pages: Path, cookie: str, tokens: Tokens, lan: bool, *,
        roles: tuple[str, ...] = ("play", "watch"), more: str = "",
    ) -> None:  # fmt: skip
        """``roles`` are let in; ``more`` is added to the content security policy."""
        self._cookie, self._tokens, self._roles = cookie, tokens, roles
        self.headers = {**HEADERS}
        self.headers["content-security-policy"] += more
        if lan:  # over plain http browsers heed this one on 127.0.0.1 only, and complain elsewhere
            del self.headers["cross-origin-opener-policy"]
        self._files = {p.name: p.read_bytes() for p in sorted(pages.iterdir()) if p.suffix in KINDS}

    def role(self, connection: HTTPConnection) -> str | None:
        """Who that is, or None for whoever has no token that lets in."""
        given = connection.query_params.get("token") or connection.cookies.get(self._cookie)
        role = self._tokens.role(given)
        return role if role in self._roles else None

    def refused(self) -> Response:
        """What whoever has no token is told."""
        return PlainTextResponse(NO_TOKEN, 401, self.headers)

    def routes(self) -> Iterator[Route]:
        """The page, at /, and its files."""
        yield Route("/", self._page)
        yield from (Route(f"/{name}", self._file) for name in self._files)

    async def _page(self, request: Request) -> Response:
        if self.role(request) is None:
            return self.refused()
        token = request.query_params.get("token")
        if not token:  # an empty one would take the cookie away
            return self._answer("index.html")
        answer = RedirectResponse("/", 303, self.headers)  # so that the token is in no history
        answer.set_cookie(self._cookie, token, httponly=True, samesite="lax")
        return answer

    async def _file(self, request: Request) -> Response:
        return (
            self.refused()
            if self.role(request) is None
            else self._answer(request.scope["path"][1:])
        )

    def _answer(self, name: str) -> Response:
        kind = KINDS[Path(name).suffix] + "; charset=utf-8"
        return Response(self._files[name], headers={**self.headers, "content-type": kind})


async def json_object(request: Request, most: int) -> dict[str, Any]:
    """The JSON object that was sent, of at most ``most`` bytes; none is an empty one."""
    text = b""
    async for piece in request.stream():
        text += piece
        if len(text) > most:
            raise WebError(f"a request is at most {most} bytes")
    try:
        found = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WebError("a request is a JSON object")
    return found


__all__ = ["Entrance", "WebError", "bound", "json_object", "server"]
