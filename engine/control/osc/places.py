"""Where OSC comes from and goes to: ports, who may send, and who is listened to at all."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

LISTEN = "127.0.0.1:9000"

Address = tuple[str, int]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class OscError(ValueError):
    """An address or a port that OSC cannot use; the message says what is allowed."""


@dataclass(frozen=True)
class Places:
    """Where to listen, where to send, and the networks that may send to us."""

    listen: Address
    send: tuple[Address, ...] = ()
    allow: tuple[Network, ...] = ()

    def allows(self, host: str) -> bool:
        """Whether a message from ``host`` is listened to; this computer's own always are."""
        at = ipaddress.ip_address(host.partition("%")[0])
        if at.version == 6 and at.ipv4_mapped is not None:
            at = at.ipv4_mapped
        return at.is_loopback or any(at in network for network in self.allow)


def places(
    listen: str = LISTEN, send: Sequence[str] = (), allow: Sequence[str] = ()
) -> Places:  # fmt: skip
    """Check what a player wrote: ``listen`` is [HOST:]PORT, ``send`` HOST:PORT, ``allow`` IPs.

    Raises OscError. A port of 0 to listen at lets the system choose one.
    """
    host, port = _split(listen, "--osc", "127.0.0.1", least=0)
    at = _resolved(host, port, "--osc")
    networks = tuple(_network(text) for text in allow)
    if not is_loopback(at[0]) and not networks:
        raise OscError(
            f"--osc {listen} is open to the network, and nobody is allowed to send there; "
            "name who may: --osc-allow 192.168.1.20 (or 192.168.1.0/24)"
        )
    targets = tuple(_target(text, at) for text in send)
    return Places(at, tuple(dict.fromkeys(targets)), networks)


def _target(text: str, listen: Address) -> Address:
    at = _resolved(*_split(text, "--osc-to"), "--osc-to")
    if at[1] == listen[1] and is_here(at[0]):
        raise OscError(f"--osc-to {text} is where taraf itself listens; send to another port")
    return at


def _split(text: str, option: str, host: str = "", least: int = 1) -> Address:
    """Host and port of "host:port" or "[v6]:port"; of "port", if there is a ``host`` to take.

    ``option`` is what an error calls it by.
    """
    before, colon, port = text.strip().rpartition(":")
    name = before.strip("[]") if colon else host
    if not name or not (port.isascii() and port.isdigit()) or not least <= int(port) <= 65535:
        wanted = "HOST:PORT" if not host else "[HOST:]PORT"
        raise OscError(f"{option} {text!r} is not {wanted} with a port from 1 to 65535")
    return name, int(port)


def _resolved(host: str, port: int, option: str) -> Address:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise OscError(f"{option}: {host!r} is not a host that is known here") from None
    first = min(found, key=lambda one: one[0] != socket.AF_INET)  # as most controllers speak it
    return str(first[4][0]), port


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise OscError(
            f"--osc-allow {text!r} is not an address like 192.168.1.20 "
            "or a network like 192.168.1.0/24"
        ) from None


def is_loopback(host: str) -> bool:
    """Whether only programs of this computer can be at ``host``."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def is_here(host: str) -> bool:
    """Whether ``host`` is an address of this computer: only such can be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((host, 0))
        except OSError:
            return False
    return True
