"""Worker processes that may crash or hang: that costs the task at hand and nothing else."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from models.pairs.command import ending

Task = dict[str, Any]
GIVE_UP = 12  # crashes or time-outs in a row: it will not get better


@dataclass(frozen=True)
class Outcome:
    """What became of a task: ``answer`` of the worker, or ``error`` in one line."""

    task: Task
    answer: dict[str, Any]
    error: str = ""
    asked: bool = False  # the error is in what was asked for, so it is the same everywhere


class Pool:
    """``jobs`` processes that work off tasks; each task may take ``timeout_s``."""

    def __init__(self, jobs: int, setup: dict[str, Any], timeout_s: float) -> None:
        self._jobs, self._setup, self._timeout_s = jobs, setup, timeout_s
        self._lock = threading.Lock()
        self._failed_in_a_row = 0
        self._stopped = False
        self._running: set[_Worker] = set()

    def run(self, tasks: list[Task]) -> Iterator[Outcome]:
        """Yield the outcomes as they come; leaving early ends the workers."""
        waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
        outcomes: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        for task in tasks:
            waiting.put(task)
        jobs = [
            threading.Thread(target=self._work, args=(waiting, outcomes), daemon=True)
            for _ in range(min(self._jobs, len(tasks)))
        ]
        try:
            for job in jobs:
                job.start()
            for _ in tasks:
                outcome = outcomes.get()
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        finally:
            self._stop()
            for job in jobs:
                job.join()

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for worker in self._running:
                worker.kill()

    def _work(
        self,
        waiting: queue.SimpleQueue[Task],
        outcomes: queue.SimpleQueue[Outcome | BaseException],
    ) -> None:
        worker: _Worker | None = None
        try:
            while not self._stopped:
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    break
                if self._failed_in_a_row >= GIVE_UP:
                    outcomes.put(Outcome(task, {}, f"given up after {GIVE_UP} crashes in a row"))
                    continue
                worker, outcome = self._try(worker, task)
                outcomes.put(outcome)
        except BaseException as error:
            outcomes.put(error)
        finally:
            if worker:
                self._retire(worker)

    def _try(self, worker: _Worker | None, task: Task) -> tuple[_Worker | None, Outcome]:
        """Do a task. A crash counts if the worker was new: else what it did before may be why."""
        while True:
            used = worker is not None
            worker = worker or self._hire()
            answer, error = worker.ask(task, self._timeout_s)
            if not error:
                self._failed_in_a_row = 0
                if said := answer.get("error"):
                    return worker, Outcome(task, {}, said, bool(answer.get("asked")))
                return worker, Outcome(task, answer)
            self._retire(worker)
            worker = None
            if not used or self._stopped or error.startswith("no answer"):
                self._failed_in_a_row += 1
                return None, Outcome(task, {}, error)

    def _hire(self) -> _Worker:
        worker = _Worker(self._setup)
        with self._lock:
            self._running.add(worker)
            if self._stopped:
                worker.kill()
        return worker

    def _retire(self, worker: _Worker) -> None:
        worker.end()
        with self._lock:
            self._running.discard(worker)


class _Worker:
    """One process. It has a session of its own, so that Ctrl-C is for us alone to hear."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "models.pairs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        self._late = False
        self._send(setup)

    def ask(self, task: Task, timeout_s: float) -> tuple[dict[str, Any], str]:
        """The answer to a task, or why there is none."""
        timer = threading.Timer(timeout_s, self._too_late)
        timer.daemon = True  # Ctrl-C may come before it can be cancelled
        timer.start()
        try:
            self._send(task)
            assert self._process.stdout
            line = self._process.stdout.readline()
        finally:
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
