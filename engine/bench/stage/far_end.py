"""Processes at the far ends of the bench's cables: they send, listen, look on, and end with us."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Self

from engine.bench.stage.telling import StageError


class FarEnd:
    """``module`` of this package run as a process that is given ``job`` and tells JSON lines.

    A name with dots is a module of another package.
    """

    def __init__(self, module: str, **job: Any) -> None:
        path = module if "." in module else f"engine.bench.stage.{module}"
        command = [sys.executable, "-P", "-m", path, json.dumps(job)]
        self._name = module
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe nobody reads would fill up
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the bench, which ends it
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def told(self, seconds: float = 60.0) -> dict[str, Any]:
        """The next that it tells; raises StageError if it ends or is silent for too long."""
        assert self._process.stdout is not None
        silent = threading.Timer(seconds, self._process.kill)
        silent.daemon = True  # Ctrl-C may come before it can be cancelled
        silent.start()
        try:
            for line in self._process.stdout:
                if line.startswith('{"'):  # and not a sound server's chatter
                    found: dict[str, Any] = json.loads(line)
                    return found
        finally:
            silent.cancel()
        self._process.wait()
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
        raise StageError(f"{self._name} ended: {' '.join(last) or self._process.returncode}")

    def let_go(self) -> None:
        """Tell it to end: it does when its input ends. What it tells then can still be had."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def close(self) -> None:
        """Let it go, and wait until it has ended."""
        assert self._process.stdout is not None
        self.let_go()
        try:
            self._process.wait(3.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()


def job() -> dict[str, Any]:
    """What this process was asked to do; from now on it ends when the bench lets go of it."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def tell(**facts: Any) -> None:
    """Tell the bench."""
    print(json.dumps(facts), flush=True)


def until_let_go() -> None:
    """Wait until the bench lets go, or has died."""
    sys.stdin.read()


def let_go() -> threading.Event:
    """An event that is set when the bench lets go, or has died."""
    gone = threading.Event()

    def wait() -> None:
        until_let_go()
        gone.set()

    threading.Thread(target=wait, daemon=True).start()
    return gone


def sleep_until(stamp_ns: int) -> None:
    """Sleep until a time of ``time.monotonic_ns``."""
    time.sleep(max(0, stamp_ns - time.monotonic_ns()) / 1e9)


__all__ = ["FarEnd", "job", "let_go", "sleep_until", "tell", "until_let_go"]
