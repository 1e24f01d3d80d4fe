"""How another device finds this page: this machine's address, and a QR code to photograph."""

from __future__ import annotations

import io
import socket

WHITE_ON_BLACK, PLAIN = "\x1b[97;40m", "\x1b[0m"  # whatever the terminal's own colours


def lan_address() -> str:
    """This machine's address in its network; 127.0.0.1 if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; asks which way it would go
            return str(probe.getsockname()[0])
        except OSError:
            pass
    return _first_interface()


def _first_interface() -> str:
    """Where no way leads out: a network of a stage often has no router."""
    import psutil

    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family == socket.AF_INET and not one.address.startswith("127."):
                return str(one.address)
    return "127.0.0.1"


def qr(text: str) -> str:
    """A QR code as lines of half blocks for a terminal."""
    import segno

    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, border=2, compact=True)
    lines = out.getvalue().splitlines()
    return "\n".join(f"{WHITE_ON_BLACK}{line}{PLAIN}" for line in lines if line) + "\n"


__all__ = ["lan_address", "qr"]
