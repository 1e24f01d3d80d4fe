"""A worker's process seen from the audio process: started, waited for, started again, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from engine import processes
from engine.memory import SharedBytes
from engine.plugin import PluginError

STOP, BEATS, READY = 1, 2, 3
"""Words of a header: whether to end, the worker's heartbeat, whether it works."""
START_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 10.0  # before a worker that dies at once is tried again


class WorkerLife:
    """A process that runs ``module`` beside the sound; ``restarts`` counts its further beginnings.

    It is told ``order`` and the name of ``block``, the memory that both share and that is removed
    with it. ``header`` is an array in there with the words above. A worker whose heart has not
    beaten for ``hung_s`` is killed, and so is one that does not end in ``end_s``.
    """

    def __init__(
        self, module: str, order: dict[str, Any], block: SharedBytes,
        header: npt.NDArray[np.int64], hung_s: float, end_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.restarts = 0
        self._module, self._order = module, {**order, "memory": block.name}
        self._block, self._header = block, header
        self._hung_s, self._end_s = hung_s, end_s
        self._environment = environment or {}
        self._log: IO[bytes] | None = None
        self._spawn()

    def _spawn(self) -> None:
        self._header[READY] = 0
        if self._log is not None:
            self._log.close()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe nobody reads would fill up
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env={**os.environ, **self._environment},
            start_new_session=True,  # it ends with all that it has started
        )
        processes.tell(self.process, self._order)
        self._spawned = time.monotonic()
        self._seen = (int(self._header[BEATS]), self._spawned)

    def wait(self) -> None:
        """Until it works; PluginError with what it said if it does not."""
        until = time.monotonic() + START_SECONDS
        while not self._header[READY]:
            if self.process.poll() is not None:
                said = self._last_words()
                self.close()
                raise PluginError(said)
            if time.monotonic() > until:
                self.close()
                raise PluginError(f"its worker did not start within {START_SECONDS:.0f} s")
            time.sleep(0.01)

    def _last_words(self) -> str:
        assert self._log is not None
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"its worker ended with {self.process.returncode}"

    def look(self) -> None:
        """Start it again if it has died or hangs; once it is closed, do nothing."""
        header, now = self._header, time.monotonic()
        if header[STOP]:
            return
        if self.process.poll() is not None:
            if now - self._spawned > min(2.0 ** min(self.restarts - 3, 9), LONGEST_PAUSE_SECONDS):
                self.restarts += 1
                self._spawned = now
                with suppress(OSError):  # no room for a process now: there may be next time
                    self._spawn()
        elif int(header[BEATS]) != self._seen[0]:
            self._seen = (int(header[BEATS]), now)
        elif now - self._seen[1] > (self._hung_s if header[READY] else START_SECONDS):
            processes.end(self.process.pid)

    def close(self) -> None:
        """End it and remove its memory; a second time does nothing."""
        if self._header[STOP]:
            return
        self._header[STOP] = 1
        try:
            self.process.wait(self._end_s)
        except subprocess.TimeoutExpired:
            processes.end(self.process.pid)
            self.process.wait()
        if self._log is not None:
            self._log.close()
        self._block.unlink()


__all__ = ["BEATS", "READY", "STOP", "WorkerLife"]
