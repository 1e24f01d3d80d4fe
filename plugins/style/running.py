"""The worker seen from the audio process: started, waited for, started again, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import IO, Any

from engine import processes
from engine.plugin import PluginError
from plugins.style.sharing import BEATS, READY, STOP, Memory

START_SECONDS = 60.0
HUNG_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 10.0  # before a worker that dies at once is tried again
END_SECONDS = 1.0
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker's matrices keep to one core: the others play."""


class Worker:
    """A process that makes answers into ``memory``; ``restarts`` counts its further beginnings."""

    def __init__(self, memory: Memory, order: dict[str, Any]) -> None:
        self.restarts = 0
        self._memory, self._order = memory, {**order, "memory": memory.block.name}
        self._log: IO[bytes] | None = None
        self._closed = False
        self._spawn()

    def _spawn(self) -> None:
        self._memory["header"][READY] = 0
        if self._log is not None:
            self._log.close()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe nobody reads would fill up
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "plugins.style.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env={**os.environ, **ALONE},
            start_new_session=True,
        )
        processes.tell(self.process, self._order)
        self._spawned = time.monotonic()
        self._seen = (int(self._memory["header"][BEATS]), self._spawned)

    def wait(self) -> None:
        """Until it works; PluginError with what it said if it does not."""
        until = time.monotonic() + START_SECONDS
        while not self._memory["header"][READY]:
            if self.process.poll() is not None:
                said = self.last_words()
                self.close()
                raise PluginError(said)
            if time.monotonic() > until:
                self.close()
                raise PluginError(f"its worker did not start within {START_SECONDS:.0f} s")
            time.sleep(0.01)

    def last_words(self) -> str:
        """The last line that it wrote."""
        assert self._log is not None
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its worker ended with {self.process.returncode}"

    def look(self) -> None:
        """Start it again if it has died or hangs."""
        if self._closed:
            return
        header, now = self._memory["header"], time.monotonic()
        if self.process.poll() is not None:
            if now - self._spawned > min(2.0 ** (self.restarts - 3), LONGEST_PAUSE_SECONDS):
                self.restarts += 1
                self._spawn()
        elif int(header[BEATS]) != self._seen[0]:
            self._seen = (int(header[BEATS]), now)
        elif now - self._seen[1] > (HUNG_SECONDS if header[READY] else START_SECONDS):
            processes.end(self.process.pid)

    def close(self) -> None:
        """End it; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        self._memory["header"][STOP] = 1
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            processes.end(self.process.pid)
            self.process.wait()
        if self._log is not None:
            self._log.close()
        self._memory.block.unlink()


__all__ = ["Worker"]
