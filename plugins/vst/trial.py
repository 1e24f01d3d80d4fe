"""Runs a throw-away process on a bundle, and says in words how it ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plugins.vst.errors import VstError

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.02
MOST_PRINTED = 1 << 24
"""Bytes that a plug-in's own printing may take on disk; then it is thrown away."""


@dataclass
class Outcome:
    """What a throw-away process learnt before it ended: plug-ins, and (part, reason) of others."""

    plugins: list[dict[str, Any]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    crashed: bool = False


def attempt(request: dict[str, Any], seconds: float = PATIENCE_SECONDS) -> Outcome:
    """Let a throw-away process do what is asked; ``seconds`` is how long it may be silent.

    Raises VstError where it is not the plug-in's fault.
    """
    with tempfile.TemporaryDirectory(prefix="taraf-vst-", ignore_cleanup_errors=True) as folder:
        out, log = Path(folder) / "out", Path(folder) / "log"
        asked = Path(folder) / "request"  # a state in it may be too long for a command line
        asked.write_text(json.dumps({**request, "seconds": seconds}))
        with _running(asked, out, log) as process:
            ended = _wait(process, out, log, seconds)
        return _told(out, ended, process.returncode, seconds, log)


@contextmanager
def _running(
    asked: Path, out: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """The process, gone with all its children when the block is left, however."""
    command = [sys.executable, "-P", "-m", "plugins.vst.probe", str(asked), str(out)]
    with log.open("ab") as printed:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            cwd=out.parent,
            start_new_session=sys.platform != "win32",
        )
    try:
        yield process
    finally:
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        if process.poll() is None:
            process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], out: Path, log: Path, seconds: float) -> bool:
    """Wait for its end, or until it has been silent for too long; whether it ended."""
    size, since = -1, time.monotonic()
    while process.poll() is None:
        now = out.stat().st_size if out.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > seconds:
            return False
        if log.stat().st_size > MOST_PRINTED:
            with suppress(OSError):  # Windows, where nobody may do that to an open file
                os.truncate(log, 0)
        time.sleep(LOOK_SECONDS)
    return True


def _told(out: Path, ended: bool, status: int, seconds: float, log: Path) -> Outcome:
    outcome, stage, done = Outcome(), {"stage": "", "part": ""}, False
    for line in out.read_text().splitlines() if out.exists() else []:
        with suppress(json.JSONDecodeError):  # cut off in the middle
            facts = json.loads(line)
            if "failed" in facts:
                raise VstError(facts["failed"])
            if "stage" in facts:
                stage = facts
            elif "plugin" in facts:
                outcome.plugins.append(facts["plugin"])
            elif "refused" in facts:
                outcome.refused.append((facts["part"], facts["refused"]))
            done = done or "done" in facts
    if done:
        return outcome
    if not stage["stage"]:
        lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise VstError(f"the process that looks into plug-ins does not start: {lines[-1][:200]}")
    how = ending(status) if ended else f"was still busy after {seconds:g} s"
    outcome.crashed = True
    known = [*(one.get("part") for one in outcome.plugins), *(part for part, _ in outcome.refused)]
    if not stage["part"] or stage["part"] not in known:  # else it failed as it was unloaded
        outcome.refused.append((stage["part"], f"{how} while it was {stage['stage']}"))
    return outcome


def ending(status: int) -> str:
    """How a process ended, in words."""
    if status < 0:
        with suppress(ValueError):
            return f"crashed with {signal.Signals(-status).name}"
    if status > 0xFFFF or status < 0:  # Windows: the number of an exception
        return f"crashed with {status & 0xFFFFFFFF:#010x}"
    return f"exited with status {status}"


__all__ = ["PATIENCE_SECONDS", "Outcome", "attempt", "ending"]
