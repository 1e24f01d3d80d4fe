"""Processes that we start: their order on standard input, and their end with all they started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any


def tell(process: subprocess.Popen[Any], order: dict[str, Any]) -> None:
    """Hand ``order`` over; a command line has too little room for a plug-in's state."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already, and says why elsewhere
        getattr(process.stdin, "buffer", process.stdin).write(json.dumps(order).encode())
    with suppress(BrokenPipeError):
        process.stdin.close()


def told() -> dict[str, Any]:
    """The order that ``tell`` hands over, in the process that was started."""
    order: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    return order


def end(pid: int) -> None:
    """Kill a process that leads a session of its own, and what it has started."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)
