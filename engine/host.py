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
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection
from typing import TYPE_CHECKING, Any

import psutil

from engine.audio_process import pack, runtime_folder, statistics, unpack
from engine.rack import Rack, RackError
from engine.shared import Shared
from engine.stream import DeviceChoice, DeviceError

if TYPE_CHECKING:
    from engine.control.clock import Beat

SILENT_SECONDS = 0.25
FIRST_BLOCK_SECONDS = 2.0  # a sound card may take its time to begin
START_SECONDS = 120.0
AGAIN_SECONDS = 10.0  # a start into a dying sound server may hang; the next one may not


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
    """A running audio process under a watchdog.

    While the process is being started again (``down``), reports are the last known, and knobs
    and racks are kept for when it is back.
    """

    def __init__(
        self, order: Order, rack: Rack, progress: Callable[[str], None] | None = None
    ) -> None:
        self._prepare(order, rack, progress)
        self._start()
        self._thread.start()

    def _prepare(
        self, order: Order, rack: Rack, progress: Callable[[str], None] | None = None
    ) -> None:
        self.order, self.rack = order, rack
        self.events: list[Event] = []
        self.restarts = 0
        self.gap_seconds = 0.0
        self._progress = progress
        self._left = order.frames
        self._began = time.monotonic()
        self._lock = threading.RLock()
        self._down, self._stopping = threading.Event(), threading.Event()
        self._on_restart: list[Callable[[], None]] = []
        self._process: subprocess.Popen[str] | None = None
        self._last_report: dict[str, Any] = {}
        self._asked = 0
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    @classmethod
    def attach(cls, pid: int) -> Host:
        """Take over an audio process that has lost its window; raises HostError."""
        note = runtime_folder() / f"live-{pid}.json"
        try:
            known = json.loads(note.read_text())
        except (OSError, ValueError):
            raise HostError(f"no rack is sounding in process {pid}") from None
        if not _is_ours(pid):
            raise HostError(f"no rack is sounding in process {pid}")
        if _alive(known["front"]) and known["front"] != os.getpid():
            raise HostError(f"process {pid} still belongs to process {known['front']}")
        host = cls.__new__(cls)
        host._prepare(Order(), Rack(""))
        host._connect(known)
        report = host.report()
        order = {k: v for k, v in report["order"].items() if k != "rack"}
        host.order = Order(**{**order, "device": DeviceChoice(**order["device"])})
        host.rack, host._left = unpack(report["rack"]), host.order.frames
        host._thread.start()
        return host

    def _start(self, patience: float = START_SECONDS) -> None:
        """Start the audio process; it is killed if it says nothing for ``patience`` seconds."""
        order = {**asdict(self.order), "rack": pack(self.rack), "frames": self._left}
        command = [sys.executable, "-P", "-m", "engine.audio_process", json.dumps(order)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe nobody reads would fill up
        self._process = process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the window; the sound stops when told
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        try:
            answer = self._first_words(process, patience)
            if "error" not in answer:
                self._connect(answer["ready"])
                return
        except BaseException as error:  # Ctrl-C, too: leave nothing behind
            process.kill()
            process.wait()
            if isinstance(error, (OSError, EOFError, AuthenticationError)):
                raise HostError(f"the audio process has gone: {error}") from None
            raise
        process.wait()
        kinds = {kind.__name__: kind for kind in (RackError, DeviceError)}
        raise kinds.get(answer["kind"], HostError)(answer["error"])

    def _first_words(self, process: subprocess.Popen[str], patience: float) -> dict[str, Any]:
        """What the process says once it can sound, or cannot; it is killed if it says nothing."""
        assert process.stdout is not None
        silent = threading.Timer(patience, process.kill)
        silent.start()
        try:
            for line in process.stdout:
                if not line.startswith('{"'):
                    continue  # a sound server's chatter
                answer: dict[str, Any] = json.loads(line)
                if "compiling" not in answer:
                    return answer
                silent.cancel()
                silent = threading.Timer(patience, process.kill)
                silent.start()
                if self._progress is not None:
                    self._progress(answer["compiling"])
        finally:
            silent.cancel()
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
        self._refuse_if_down()
        with self._lock:
            self._refuse_if_down()
            self._asked += 1
            try:
                self._client.send_bytes(json.dumps({**request, "number": self._asked}).encode())
                answer: dict[str, Any] = {}
                while answer.get("number") != self._asked:  # an earlier call may have given up
                    if not self._client.poll(START_SECONDS):
                        raise HostError("the audio process does not answer")
                    answer = json.loads(self._client.recv_bytes())
            except (OSError, EOFError):
                raise HostError("the audio process has gone") from None
        if "error" in answer:
            raise RackError(answer["error"])
        return answer

    def _refuse_if_down(self) -> None:
        if self._down.is_set() and threading.current_thread() is not self._thread:
            raise HostError("the audio process is being started again")

    def load(self, rack: Rack) -> list[str]:
        """Go over to ``rack``; returns its warnings. On RackError the old one plays on."""
        if self._down.is_set():
            self.rack = rack
            return []
        answer = self._ask({"op": "rack", "rack": pack(rack)})
        self.rack, self.generation = rack, answer["generation"]
        self._addresses = None
        return list(answer["warnings"])

    _addresses: dict[str, Any] | None = None

    def shelve(self, racks: Sequence[Rack]) -> list[str]:
        """Build these racks beside the one that sounds, to switch to by number."""
        return []

    def switch(self, number: int, rack: Rack) -> None:
        """Go over to rack ``number`` of those shelved, which by now is ``rack``."""
        self.load(rack)

    def note(self, message: bytes, stamp_ns: int | None = None) -> None:
        """Hand a MIDI message to the instruments of the rack that sounds."""

    def bypass(self, on: bool) -> None:
        """Let the sound pass by the whole rack."""

    def panic(self) -> None:
        """Forget all that rings, and all notes."""

    def tempo(self, beat: Beat) -> None:
        """Tell the audio thread where the music is."""

    def set(self, address: str, value: float | str, stamp_ns: int | None = None) -> None:
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
            if not self.shared.send(self.generation, node, knob, number):
                raise HostError("more knobs were turned at once than the audio thread can take")
            self.rack = rack

    def report(self) -> dict[str, Any]:
        """What the audio process says of itself, or said last if it is down."""
        try:
            self._last_report = self._ask({"op": "report"})
        except HostError:
            if not self._last_report:
                raise
        return self._last_report

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
            elif now - since > (limit if beat else max(limit, FIRST_BLOCK_SECONDS)):
                if self.order.fast and _is_ours(self.pid):
                    continue  # it waits for the recorder: no clock drives it
                self._recover(since)
                seen, since = -1, time.monotonic()

    def _finished(self) -> bool:
        block = self.order.device.block  # the last one counts when it is whole
        ran = self._left is not None and self._frames() >= -(-self._left // block) * block
        return ran and not self._down.is_set()  # while it is down, the count is the dead one's

    def _frames(self) -> int:
        return int(self.shared.control["frames"][0])

    def _recover(self, since: float) -> None:
        """Kill what no longer sounds and start it again, for as long as it takes."""
        self._down.set()
        self.say(f"no sound for {1000 * (time.monotonic() - since):.0f} ms; starting again")
        if self._left is not None:
            self._left = max(0, self._left - self._frames())
        self._kill()  # before the lock: who waits for an answer has it, and now gets none
        with self._lock:
            self._client.close()
        said = ""
        while not self._stopping.is_set():
            try:
                with self._lock:
                    self._start(AGAIN_SECONDS)
                break
            except ValueError as error:
                if str(error) != said:
                    said = str(error)
                    self.say(f"{said}; trying again")
                self._stopping.wait(0.2)
        else:
            return
        self._down.clear()
        self._addresses = None
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
                with suppress(psutil.Error):
                    if "engine.worker" in child.cmdline():
                        child.kill()
            process.kill()
        except psutil.NoSuchProcess:
            pass
        if self._process is not None:
            self._process.wait()
        _forget(self.pid)
        self.shared.remove()

    def wait(self, seconds: float) -> bool:
        """Wait up to ``seconds``; True once all the frames that were ordered have run."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._finished():
                return True
            time.sleep(min(0.02, seconds))
        return self._finished()

    def stop(self) -> None:
        """Stop the sound and the process; a second time does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._down.is_set() and self._process is not None:
            self._process.kill()  # a start that hangs ends here
        if self._thread.is_alive():
            self._thread.join()
        with suppress(HostError):
            self._ask({"op": "stop"})
            _wait_gone(self.pid, 3.0)
        self._kill()
        self._client.close()


def _wait_gone(pid: int, seconds: float) -> None:
    with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
        psutil.Process(pid).wait(seconds)


def _alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has buried yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_ours(pid: int) -> bool:
    """Whether a process is an audio process: a number may have been given to another since."""
    try:
        return _alive(pid) and "engine.audio_process" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _forget(pid: int) -> None:
    (runtime_folder() / f"live-{pid}.json").unlink(missing_ok=True)
    (runtime_folder() / f"live-{pid}.sock").unlink(missing_ok=True)


def sounding() -> dict[int, int | None]:
    """The audio processes of this user, and the process that is each one's window, if any."""
    found: dict[int, int | None] = {}
    for note in runtime_folder().glob("live-*.json"):
        try:
            known = json.loads(note.read_text())
        except (OSError, ValueError):
            continue
        if _is_ours(known["pid"]):
            found[int(known["pid"])] = known["front"] if _alive(known["front"]) else None
        else:
            _forget(known["pid"])
    return found
