"""Lets in one page of one browser: the right address, the right host, no other site's requests.

A web page anywhere may ask a browser to call 127.0.0.1 (cross-site requests, DNS rebinding);
what it cannot do is send our host and origin, or know the token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Guard:
    """Refuses, with 403, what did not come from the page itself at 127.0.0.1:port."""

    def __init__(self, app: Asgi, port: int) -> None:
        self.app = app
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not self.allows(Headers(scope=scope), scope["method"]):
            refused = PlainTextResponse("refused", 403, HEADERS)
            await refused(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def allows(self, headers: Headers, method: str) -> bool:
        """Whether a request comes from our page: its host, its origin, where it was made."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self.hosts:
            return False
        own = method in ("GET", "HEAD") if origin is None else origin == f"http://{host}"
        return own and headers.get("sec-fetch-site", "none") in ("none", "same-origin")


__all__ = ["HEADERS", "Guard"]
