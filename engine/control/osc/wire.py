"""OSC packets: taken apart without trust, and made.

python-osc reads the arguments. Bundles are taken apart here, because there a negative size
never ends; and only types that we have a use for are let through, because others are logged.
"""

from __future__ import annotations

import struct
import time
from typing import Any

from engine.control.osc.places import OscError

BUNDLE = b"#bundle\0"
TYPES = frozenset("ifshdTFb")
NTP_SECONDS = 2_208_988_800  # from 1900 to 1970
DEEPEST = 8
"""Bundles in bundles; nobody sends more than one or two."""

Message = tuple[str, list[Any]]


class Malformed(ValueError):
    """Bytes that are not OSC 1.0."""


def ready() -> None:
    """Bring python-osc in before the first message is here; raises OscError."""
    try:
        import pythonosc.osc_message
        import pythonosc.osc_message_builder  # noqa: F401
    except ImportError:
        raise OscError("OSC needs python-osc; pip install python-osc") from None


def messages(packet: bytes, deep: int = 0) -> list[Message]:
    """The messages of a packet in order; time tags are read as "now". Raises Malformed.

    Open Sound Control Specification 1.0, Wright, 2002.
    """
    if not packet.startswith(BUNDLE):
        return [_message(packet)]
    if deep == DEEPEST:
        raise Malformed("bundles in bundles in bundles")
    found: list[Message] = []
    at = len(BUNDLE) + 8
    while at < len(packet):
        size = int.from_bytes(packet[at : at + 4], "big")
        element = packet[at + 4 : at + 4 + size]
        if not 0 < len(element) == size:
            raise Malformed("a bundle that is cut off")
        found += messages(element, deep + 1)
        at += 4 + size
    return found


def _message(packet: bytes) -> Message:
    from pythonosc.osc_message import OscMessage, ParseError

    _check_types(packet)
    try:
        message = OscMessage(packet)
        return message.address, list(message.params)
    except (ParseError, ValueError, IndexError, OverflowError, struct.error):
        raise Malformed("a message whose arguments do not fit its types") from None


def _check_types(packet: bytes) -> None:
    end = packet.find(b"\0")
    if not packet.startswith(b"/") or end < 0 or len(packet) % 4:
        raise Malformed("a packet that is not an OSC message")
    first = (end // 4 + 1) * 4
    last = packet.find(b"\0", first)
    if packet[first : first + 1] not in (b",", b"") or last < first < len(packet):
        raise Malformed("a message without types")
    unknown = set(packet[first + 1 : max(last, first)].decode("latin-1")) - TYPES
    if unknown:
        raise Malformed(f"arguments of type {', '.join(sorted(unknown))}")


def bundle(stamp_ns: int, *packets: bytes) -> bytes:
    """A bundle that is for a time of ``time.monotonic_ns``.

    Its time tag is NTP's: seconds since 1900 and 2**-32 of them.
    """
    unix_ns = time.time_ns() + stamp_ns - time.monotonic_ns()
    seconds, rest = divmod(unix_ns, 1_000_000_000)
    tag = struct.pack(">II", seconds + NTP_SECONDS & 0xFFFFFFFF, (rest << 32) // 1_000_000_000)
    return BUNDLE + tag + b"".join(struct.pack(">i", len(one)) + one for one in packets)


def made(address: str, *arguments: float | str) -> bytes:
    """The packet of one message."""
    from pythonosc.osc_message_builder import OscMessageBuilder

    builder = OscMessageBuilder(address)
    for argument in arguments:
        if isinstance(argument, str):  # a file's name may hold bytes that are no letters
            argument = argument.encode(errors="replace").decode()
        builder.add_arg(argument)
    packet: bytes = builder.build().dgram
    return packet
