"""Who may talk to a server of ours: the right host, our own page, someone with a token.

A web page anywhere may ask a browser to call 127.0.0.1 (cross-site requests, DNS rebinding); what
it cannot do is send our host and origin, or know the token. A websocket is no exception: browsers
let any page open one to anywhere.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
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
    """Refuses, with 403, what did not come from a page of this server itself.

    Without ``lan`` the host is 127.0.0.1 or localhost. With it, it may also be any address in
    figures or this machine's own name: DNS rebinding needs a name of the attacker's.
    """

    def __init__(self, app: Asgi, port: int, lan: bool = False) -> None:
        self.app, self.port, self.lan = app, port, lan
        own = socket.gethostname().lower().removesuffix(".local")
        self._names = {"localhost", "127.0.0.1"} | ({own, f"{own}.local"} if lan else set())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hand on what is allowed."""
        kind = scope["type"]
        if kind == "websocket" and not self.allows(Headers(scope=scope), "WEBSOCKET"):
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # 403, before the handshake
        elif kind == "http" and not self.allows(Headers(scope=scope), scope["method"]):
            await PlainTextResponse("refused", 403, HEADERS)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def allows(self, headers: Headers, method: str) -> bool:
        """Whether a request comes from our page: its host, its origin, where it was made."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._known(host):
            return False
        reading = method in ("GET", "HEAD")
        if not (reading if origin is None else origin == f"http://{host}"):
            return False
        if reading and headers.get("sec-fetch-mode") == "navigate":  # a link was followed to us
            return str(headers.get("sec-fetch-dest", "document")) == "document"
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")

    def _known(self, host: str) -> bool:
        name, colon, port = host.rpartition(":")
        if not colon or port != str(self.port):
            return False
        return name.lower() in self._names or (self.lan and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Tokens:
    """Two secrets: one that may play, one that may only watch."""

    play: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    watch: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def role(self, given: str | None) -> str | None:
        """ "play", "watch" or None; how long it takes tells nothing of the tokens."""
        found = None
        for role, token in (("watch", self.watch), ("play", self.play)):
            if hmac.compare_digest((given or "").encode(), token.encode()):
                found = role
        return found


class Bucket:
    """A token bucket: ``rate`` a second on and on, ``most`` at once."""

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most, self._full, self._at = rate, most, most, 0.0

    def take(self, now: float) -> bool:
        """Whether there is one left at time ``now``, in seconds."""
        self._full = min(self._most, self._full + (now - self._at) * self._rate)
        self._at = now
        if self._full < 1.0:
            return False
        self._full -= 1.0
        return True


__all__ = ["HEADERS", "Bucket", "Guard", "Tokens"]
