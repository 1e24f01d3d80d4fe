"""One process that does tasks and may crash or hang: that costs the task at hand and no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from models.cluster.unit import Program, Task


@dataclass(frozen=True)
class Answer:
    """What a task brought: ``told``, or ``error``; ``crashed`` where the process is no more."""

    told: dict[str, Any]
    error: str = ""
    asked: bool = False
    crashed: bool = False


class Hand:
    """A worker process of a program, begun when there is something to do and anew after a crash.

    A crash counts if the process was new: else what it did before may be why, and it is tried
    once more in a new one.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._over = False

    def do(self, task: Task) -> Answer:
        """The answer to a task."""
        while True:
            used = self._worker is not None
            worker = self._worker or self._hire()
            told, error = worker.ask(task, self._program.timeout_s)
            if not error:
                return Answer(told, str(told.get("error", "")), bool(told.get("asked")))
            self._retire()
            if not used or self._over or error.startswith("no answer"):
                return Answer({}, error, crashed=True)

    def stop(self) -> None:
        """Kill the process at once, from any thread; what it did is lost."""
        with self._lock:
            self._over = True
            if self._worker is not None:
                self._worker.kill()

    def end(self) -> None:
        """Let the process leave."""
        self._retire()

    def _hire(self) -> Worker:
        worker = Worker(self._program)
        with self._lock:
            self._worker = worker
            if self._over:
                worker.kill()
        return worker

    def _retire(self) -> None:
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()


class Worker:
    """One process. It has a session of its own, so that Ctrl-C is for us alone to hear."""

    def __init__(self, program: Program) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", program.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        self._late = False
        self._send(dict(program.setup))

    def ask(self, task: Task, timeout_s: float) -> tuple[dict[str, Any], str]:
        """The answer to a task, or why there is none."""
        timer = None
        if timeout_s <= threading.TIMEOUT_MAX:
            timer = threading.Timer(timeout_s, self._too_late)
            timer.daemon = True  # Ctrl-C may come before it can be cancelled
            timer.start()
        try:
            self._send(task)
            assert self._process.stdout
            line = self._process.stdout.readline()
        finally:
            if timer is not None:
                timer.cancel()
        if line.endswith(b"\n"):
            return json.loads(line), ""
        if self._late:
            return {}, f"no answer within {timeout_s:g} s"
        try:  # its output is closed; a crash takes a moment to write its core
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        return {}, f"the worker process ended with {ending(code)}"

    def _send(self, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # readline will say so
            assert self._process.stdin
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def _too_late(self) -> None:
        self._late = True
        self.kill()

    def kill(self) -> None:
        """End it and the programs that it started."""
        if self._process.poll() is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "posix":
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def end(self) -> None:
        """Let it leave by itself, and make it leave if it does not."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                assert pipe
                pipe.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()


def ending(code: int) -> str:
    """What the exit code of a process means."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


__all__ = ["Answer", "Hand", "Worker", "ending"]
