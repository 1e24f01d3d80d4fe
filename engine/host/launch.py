"""Starts an audio process and hears the first that it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

from engine import processes
from engine.host.order import HostError


class Launch:
    """An audio process that we have started."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-m", "engine.audio_process"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe nobody reads would fill up
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the window; the sound stops when told
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def run(
        self, order: dict[str, Any], patience: float, progress: Callable[[str], None] | None
    ) -> dict[str, Any]:
        """Hand ``order`` over; returns what the process says once it can sound, or cannot.

        It is killed if it says nothing for ``patience`` seconds. ``progress`` hears what it
        compiles.
        """
        processes.tell(self.process, order)
        assert self.process.stdout is not None
        silent = _alarm(patience, self.process.kill)
        try:
            for line in self.process.stdout:
                if not line.startswith('{"'):
                    continue  # a sound server's chatter
                answer: dict[str, Any] = json.loads(line)
                if "compiling" not in answer:
                    return answer
                silent.cancel()
                silent = _alarm(patience, self.process.kill)
                if progress is not None:
                    progress(answer["compiling"])
        finally:
            silent.cancel()
        self.process.wait()
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
        raise HostError(f"the audio process ended: {' '.join(last) or self.process.returncode}")

    def kill(self) -> None:
        """End it now; a start that hangs ends, too."""
        self.process.kill()

    def wait(self) -> None:
        """Wait until it has ended; its last words are read by then."""
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()


def _alarm(seconds: float, call: Callable[[], None]) -> threading.Timer:
    """A timer that has begun; one that Ctrl-C keeps from being cancelled is not waited for."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer
