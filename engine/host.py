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

from engine import processes
from engine.audio_process import pack, runtime_folder, statistics, unpack
from engine.layout import BEAT, BYPASS, CELL, NOTE, PANIC, SWITCH
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
        self._ring = threading.RLock()  # one at a time writes events
        self._addresses: dict[str, Any] | None = None
        self._number: int | None = None
        self._racks: dict[int, Rack] = {}
        self._shelf: dict[int, tuple[int, int]] = {}
        self._started = rack  # what the process was started with
        self._beat: Beat | None = None
        self._bypassed = False
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
        self._started = self.rack
        order = {**asdict(self.order), "rack": pack(self._started), "frames": self._left}
        command = [sys.executable, "-P", "-m", "engine.audio_process"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe nobody reads would fill up
        self._process = process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the window; the sound stops when told
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        try:
            processes.tell(process, order)
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
        self._shelf = {}
        self._refer(self._ask({"op": "hello", "front": os.getpid()}))

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
        """Go over to ``rack``, in the place of the one that sounds; returns its warnings.

        On RackError the old one plays on.
        """
        return self._load(rack, self._number)

    def _load(self, rack: Rack, number: int | None) -> list[str]:
        with self._ring:
            shared = self.shared
            if self._down.is_set():
                self._number = number
                self._keep(rack)
                return []
        answer = self._ask({"op": "rack", "rack": pack(rack), "slot": number})
        with self._ring:
            if self.shared is shared:
                self._number = number
                self._keep(rack)
                self._went(answer)
                return list(answer["warnings"])
        return self._load(rack, number)  # it died with the answer on its lips

    def _went(self, answer: dict[str, Any]) -> None:
        """The process has gone over to a rack, which is ``_number`` of those shelved."""
        self._refer(answer)
        if self._number is not None:
            self._shelf[self._number] = self._shelved(answer)

    def _keep(self, rack: Rack) -> None:
        self.rack, self._addresses = rack, None
        if self._number is not None:
            self._racks[self._number] = rack

    def _refer(self, answer: dict[str, Any]) -> None:
        self.table, self._addresses = int(answer["table"]), None

    @staticmethod
    def _shelved(answer: dict[str, Any]) -> tuple[int, int]:
        return int(answer["table"]), int(answer["address"])

    def enlist(self, racks: Sequence[Rack], at: int = 0) -> None:
        """From now on these are the racks to ``switch`` to; number ``at`` of them sounds."""
        with self._ring:
            self._racks, self._number = dict(enumerate(racks)), at

    def shelve(self, told: Callable[[int], None] | None = None) -> list[str]:
        """Build the racks that are enlisted beside the one that sounds.

        From then on ``switch`` goes over to each at once. ``told`` hears how many there are so
        far. Returns their warnings; raises RackError for the first that cannot be built, and
        leaves out none that can.
        """
        warnings: list[str] = []
        fault: RackError | None = None
        sounding = self._number or 0
        for number in (sounding, *(n for n in range(len(self._racks)) if n != sounding)):
            try:
                warnings += self._shelve_one(number)
            except RackError as error:
                fault = fault or error
                continue
            if told is not None:
                told(len(self._shelf))
        if fault is not None:
            raise fault
        return warnings

    def _shelve_one(self, number: int) -> list[str]:
        """Build one rack, unless it is there because it sounds or was wanted meanwhile."""
        with self._ring:
            if number in self._shelf:
                return []
            shared, sounds = self.shared, number == self._number
            known = self.table if sounds else 0
            message = pack(self._racks[number])
        order = {"op": "shelve", "slot": number, "rack": message, "table": known}
        answer = self._ask(order)
        with self._ring:
            if self.shared is shared:  # or the address is one of a process that has died
                self._shelf.setdefault(number, self._shelved(answer))
        return [] if sounds else list(answer["warnings"])

    def switch(self, number: int, rack: Rack) -> None:
        """Go over to rack ``number`` of those shelved, which by now is ``rack``, at once."""
        self._release(64, 123)  # whoever holds a key or a pedal lets go of the rack that is left
        with self._ring:
            if number in self._shelf and not self._down.is_set():
                table, where = self._shelf[number]
                self._send(table, SWITCH, where, 0.0)
                self.table, self._number = table, number
                self._keep(rack)
                return
        self._load(rack, number)

    def note(self, message: bytes, stamp_ns: int | None = None) -> None:
        """Hand a MIDI message to the instruments of the rack that sounds."""
        packed = int.from_bytes(message[:3], "little")
        with self._ring:
            for node, (_, link) in enumerate(self.rack.links()):
                if link is not None and link.plugin.plays_notes:
                    self._send(self.table, node, NOTE, float(packed), self._due(stamp_ns))

    def bypass(self, on: bool) -> None:
        """Let the sound pass by the whole rack."""
        self._bypassed = on
        with self._ring:
            self._send(0, BYPASS, 0, float(on))

    def panic(self) -> None:
        """Forget all that rings, and all notes."""
        self._release(64, 120, 123)
        with self._ring:
            self._send(0, PANIC, 0, 0.0)

    def _release(self, *controllers: int) -> None:
        """Set these controllers to 0 for all instruments: pedal up, sound off, notes off."""
        if any(link is not None and link.plugin.plays_notes for _, link in self.rack.links()):
            for channel in range(16):
                for controller in controllers:
                    self.note(bytes((0xB0 | channel, controller, 0)))

    def tempo(self, beat: Beat) -> None:
        """Tell the audio thread where the music is."""
        self._beat = beat
        now = time.monotonic_ns()  # before the first block there is no other time to count from
        with self._ring:
            self._send(0, BEAT, self.shared.frame_at(now), beat.tempo_bpm, beat=beat.at(now))

    def _due(self, stamp_ns: int | None) -> int:
        """When something that happened at ``stamp_ns`` is to be heard: at a fixed delay after it.

        With blocks longer than a knob's cell that keeps its place inside the block.
        """
        spare = self.order.device.block - CELL
        if stamp_ns is None or spare <= 0:
            return -1
        return self.shared.frame_at(min(stamp_ns, time.monotonic_ns())) + spare

    def _send(
        self, table: int, node: int, knob: int, value: float, due: int = -1, beat: float = 0.0
    ) -> None:
        if self._down.is_set() and threading.current_thread() is not self._thread:
            return  # nobody is there to read it; what must last is kept and told anew
        if not self.shared.send(table, node, knob, value, due, beat):
            raise HostError("more was turned at once than the audio thread can take")

    def set(self, address: str, value: float | str, stamp_ns: int | None = None) -> None:
        """Turn one knob, at once; raises RackError."""
        with self._ring:
            rack = self.rack.set(address, value)
            if self._addresses is None:
                self._addresses = self.rack.addresses()
            known = self._addresses.get(address)
            if known is not None:
                node, knob, param = known
                number = param.parse(value) if isinstance(value, str) else param.check(value)
                self._send(self.table, node, knob, number, self._due(stamp_ns))
                addresses = self._addresses
                self._keep(rack)
                self._addresses = addresses
        if known is None:  # a file, a model: built anew
            self.load(rack)

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
        self._catch_up()
        self._restore()
        self.restarts += 1
        gap = time.monotonic() - since
        self.gap_seconds = max(self.gap_seconds, gap)
        self.say(f"sounding again after {gap:.2f} s")
        for call in self._on_restart:
            call()

    def _catch_up(self) -> None:
        """Go over to what was turned or chosen while the new process was starting."""
        with self._ring:  # nothing is turned in between
            if self.rack is not self._started:
                order = {"op": "rack", "rack": pack(self.rack), "slot": self._number}
                try:
                    self._went(self._ask(order))
                except ValueError as error:
                    self.say(str(error))
            self._down.clear()

    def _restore(self) -> None:
        """Tell a new audio process what the old one knew beside the rack that sounded."""
        with suppress(HostError):
            if self._beat is not None:
                self.tempo(self._beat)
            if self._bypassed:
                self.bypass(True)
        if self._number is not None:
            again = threading.Thread(target=self._shelve_again, name="shelf", daemon=True)
            again.start()

    def _shelve_again(self) -> None:
        with suppress(ValueError):  # what cannot be built now is built when it is asked for
            self.shelve()

    def _kill(self) -> None:
        try:
            process = psutil.Process(self.pid)
            for child in process.children():
                with suppress(psutil.Error):
                    if "engine.worker" in child.cmdline():
                        processes.end(child.pid)
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
