"""A JACK server of the bench's own, without a sound card."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from engine.bench.stage.telling import Missing
from engine.stream import DeviceChoice

RATE = 48000
STOP_SECONDS = 5.0


@contextmanager
def running(block: int = 64) -> Iterator[DeviceChoice]:
    """A private server, and how to choose it as a device; raises Missing.

    It runs in synchronous mode (-S): in the other a late block makes MIDI events appear twice
    and the next ones vanish. Every process that is started meanwhile finds it by its name.
    """
    for program in ("jackd", "jack_wait"):
        if shutil.which(program) is None:
            raise Missing(f"needs {program}; on Debian and Ubuntu: apt install jackd2")
    name = f"taraf-bench-{os.getpid()}"
    ours = {
        "JACK_DEFAULT_SERVER": name,
        "JACK_NO_START_SERVER": "1",
        "JACK_NO_AUDIO_RESERVATION": "1",
    }
    before = {key: os.environ.get(key) for key in ours}
    os.environ.update(ours)
    try:
        process = _started(name, block)
        try:
            yield DeviceChoice("JACK", RATE, block)
        finally:
            _end(process)
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def _started(name: str, block: int) -> subprocess.Popen[bytes]:
    """The server, at real-time priority if that is granted."""
    driver = ["-d", "dummy", "-r", str(RATE), "-p", str(block)]
    said = ""
    for realtime in ("-R", "-r"):
        command = ["jackd", realtime, "-S", "--port-max", "128", "-n", name, *driver]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            try:
                waited = subprocess.run(["jack_wait", "-w", "-t", "5"], capture_output=True)
            except BaseException:
                _end(process)
                raise
            if waited.returncode == 0 and process.poll() is None:
                return process
            _end(process)
            log.seek(0)
            said = " ".join(log.read().decode(errors="replace").split()[-12:])
    raise Missing(f"jackd does not run here: {said}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it politely: killed, it would leave its memory in /dev/shm."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


__all__ = ["RATE", "running"]
