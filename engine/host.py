"""The front's side of the engine: starts the audio process, watches it, restarts it.

If the audio thread's heartbeat is silent for 250 ms the process is killed and started again
with the last rack: a stream whose server has died cannot be closed, only ended.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Client, Connection
from typing import Any

import psutil

from engine.audio_process import pack, runtime_folder, statistics, unpack
from engine.rack import Rack, RackError
from engine.shared import Shared
from engine.stream import DeviceChoice, DeviceError

SILENT_SECONDS = 0.25
FIRST_BLOCK_SECONDS = 2.0  # a sound card may take its time to begin
START_SECONDS = 120.0


class HostError(ValueError):
    """An audio process that does not start or answer."""


@dataclass(frozen=True)
class Order:
    """How to run: which device, what the virtual one plays, for how long."""

    device: DeviceChoice = field(default_factory=DeviceChoice)
    input: str = ""
    loop: bool = True
    frames: int | None = None
    fast: bool = False
    armed: bool = False
    lock: bool = True


@dataclass
class Event:
    """Something a player should know: when (seconds since the start), what."""

    seconds: float
    message: str


class Host:
    """A running audio process under a watchdog."""

    def __init__(
        self, order: Order, rack: Rack, progress: Callable[[str], None] | None = None
    ) -> None:
        self.order, self.rack = order, rack
        self._progress = progress
        self.events: list[Event] = []
        self.restarts = 0
        self.gap_seconds = 0.0
        self._began = time.monotonic()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._on_restart: list[Callable[[], None]] = []
        self._process: subprocess.Popen[str] | None = None
        self._start()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    @classmethod
    def attach(cls, pid: int) -> Host:
        """Take over an audio process that has lost its window; raises HostError."""
        note = runtime_folder() / f"live-{pid}.json"
        try:
            known = json.loads(note.read_text())
        except (OSError, ValueError):
            raise HostError(f"no rack is sounding in process {pid}") from None
        if psutil.pid_exists(known["front"]) and known["front"] not in (os.getpid(), 1):
            raise HostError(f"process {pid} still belongs to process {known['front']}")
        host = cls.__new__(cls)
        host.events, host.restarts, host.gap_seconds = [], 0, 0.0
        host._began, host._lock = time.monotonic(), threading.RLock()
        host._stopping, host._on_restart = threading.Event(), []
        host._process, host._progress = None, None
        host._connect(known)
        report = host.report()
        host.rack = unpack(report["rack"])
        order = {k: v for k, v in report["order"].items() if k != "rack"}
        host.order = Order(**{**order, "device": DeviceChoice(**order["device"])})
        host._thread = threading.Thread(target=host._watch, name="watchdog", daemon=True)
        host._thread.start()
        return host

    def _start(self) -> None:
        order = {**asdict(self.order), "rack": pack(self.rack)}
        command = [sys.executable, "-P", "-m", "engine.audio_process", json.dumps(order)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe nobody reads would fill up
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the window; the sound stops when told
        )
        try:
            answer = self._first_words(self._process)
        except BaseException:  # Ctrl-C while kernels are compiled: leave nothing behind
            self._process.kill()
            raise
        if "error" in answer:
            self._process.wait()
            kinds = {kind.__name__: kind for kind in (RackError, DeviceError, HostError)}
            raise kinds.get(answer["kind"], DeviceError)(answer["error"])
        self._connect(answer["ready"])

    def _first_words(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith('{"'):
                continue  # a sound server's chatter
            answer: dict[str, Any] = json.loads(line)
            if "compiling" not in answer:
                return answer
            if self._progress is not None:
                self._progress(answer["compiling"])
        process.wait()
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
        raise HostError(f"the audio process ended: {' '.join(last) or process.returncode}")

    def _connect(self, known: dict[str, Any]) -> None:
        self.pid = int(known["pid"])
        self._client: Connection = Client(known["address"], authkey=bytes.fromhex(known["key"]))
        self.shared = Shared.attach(known["shm"])
        self.generation = self._ask({"op": "hello", "front": os.getpid()})["generation"]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            try:
                self._client.send(request)
                if not self._client.poll(START_SECONDS):
                    raise HostError("the audio process does not answer")
                answer: dict[str, Any] = self._client.recv()
            except (OSError, EOFError):
                raise HostError("the audio process has gone") from None
        if "error" in answer:
            raise RackError(answer["error"])
        return answer

    def load(self, rack: Rack) -> list[str]:
        """Go over to ``rack``; returns its warnings. On RackError the old one plays on."""
        answer = self._ask({"op": "rack", "rack": pack(rack)})
        self.rack, self.generation = rack, answer["generation"]
        self._addresses = None
        return list(answer["warnings"])

    _addresses: dict[str, Any] | None = None

    def set(self, address: str, value: float | str) -> None:
        """Turn one knob, at once; raises RackError."""
        rack = self.rack.set(address, value)
        if self._addresses is None:
            self._addresses = self.rack.addresses()
        if address not in self._addresses:  # a file, a model: built anew
            self.load(rack)
            return
        node, knob, param = self._addresses[address]
        number = param.parse(value) if isinstance(value, str) else param.check(value)
        with self._lock:
            self.shared.send(self.generation, node, knob, number)
        self.rack = rack

    def report(self) -> dict[str, Any]:
        """What the audio process says of itself."""
        return self._ask({"op": "report"})

    def statistics(self) -> dict[str, Any]:
        """The audio thread's counters."""
        return statistics(self.shared.control)

    def on_restart(self, call: Callable[[], None]) -> None:
        """Let ``call`` be called after each restart: shared memory is new then."""
        self._on_restart.append(call)

    def say(self, message: str) -> None:
        """Write something down for the player."""
        self.events.append(Event(round(time.monotonic() - self._began, 2), message))

    def _watch(self) -> None:
        seen, since = -1, time.monotonic()
        limit = max(SILENT_SECONDS, 3.0 * self.order.device.block / self.order.device.rate)
        while not self._stopping.wait(0.02):
            beat = int(self.shared.control["blocks"][0])
            now = time.monotonic()
            if beat != seen or self._finished():
                seen, since = beat, now
            elif now - since > (limit if beat else FIRST_BLOCK_SECONDS):
                self._recover(since)
                seen, since = -1, time.monotonic()

    def _finished(self) -> bool:
        frames = self.order.frames
        return frames is not None and int(self.shared.control["frames"][0]) >= frames

    def _recover(self, since: float) -> None:
        """Kill what no longer sounds and start it again, for as long as it takes."""
        with self._lock:
            self.say(f"no sound for {1000 * (time.monotonic() - since):.0f} ms; starting again")
            self._kill()
            said = ""
            while not self._stopping.is_set():
                try:
                    self._start()
                    break
                except ValueError as error:
                    if str(error) != said:
                        said = str(error)
                        self.say(f"{said}; trying again")
                    self._stopping.wait(0.2)
            self.restarts += 1
            gap = time.monotonic() - since
            self.gap_seconds = max(self.gap_seconds, gap)
            self.say(f"sounding again after {gap:.2f} s")
            for call in self._on_restart:
                call()

    def _kill(self) -> None:
        try:
            process = psutil.Process(self.pid)
            for child in process.children():
                if "engine.worker" in child.cmdline():
                    child.kill()
            process.kill()
        except psutil.NoSuchProcess:
            pass
        if self._process is not None:
            self._process.wait()
        _forget(self.pid)
        self._client.close()
        self.shared.remove()

    def wait(self, seconds: float) -> bool:
        """Wait up to ``seconds``; True once all the frames that were ordered have run."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._finished():
                return True
            time.sleep(min(0.02, seconds))
        return self._finished()

    def leave(self) -> None:
        """Let go without stopping the sound."""
        self._stopping.set()
        self._client.close()

    def stop(self) -> None:
        """Stop the sound and the process."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        try:
            self._ask({"op": "stop"})
            _wait_gone(self.pid, 3.0)
        except HostError:
            pass
        self._kill()


def _wait_gone(pid: int, seconds: float) -> None:
    with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
        psutil.Process(pid).wait(seconds)


def _forget(pid: int) -> None:
    (runtime_folder() / f"live-{pid}.json").unlink(missing_ok=True)


def sounding() -> dict[int, bool]:
    """The audio processes of this user: process id, and whether it has lost its window."""
    found = {}
    for note in runtime_folder().glob("live-*.json"):
        try:
            known = json.loads(note.read_text())
        except (OSError, ValueError):
            continue
        if not psutil.pid_exists(known["pid"]):
            note.unlink(missing_ok=True)
            continue
        found[int(known["pid"])] = not psutil.pid_exists(known["front"])
    return found
