"""The host that surfaces speak to: one audio process at a time, started again when it dies."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from multiprocessing import AuthenticationError
from typing import TYPE_CHECKING, Any

from engine import running
from engine.audio_process import pack, unpack
from engine.counters import statistics
from engine.host.door import Door
from engine.host.launch import Launch
from engine.host.order import Event, HostError, Order
from engine.host.process import Process
from engine.host.racks import Racks
from engine.host.ring import Ring
from engine.host.shelf import Shelf
from engine.host.watchdog import Watchdog
from engine.rack import Rack, RackError
from engine.shared import Shared
from engine.stream import DeviceChoice, DeviceError

if TYPE_CHECKING:
    from engine.control.clock import Beat

START_SECONDS = 120.0
AGAIN_SECONDS = 10.0  # a start into a dying sound server may hang; the next one may not


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
        self._watchdog.start()

    def _prepare(
        self, order: Order, rack: Rack, progress: Callable[[str], None] | None = None
    ) -> None:
        self.events: list[Event] = []
        self.restarts = 0
        self.gap_seconds = 0.0
        self._progress = progress
        self._began = time.monotonic()
        self._on_restart: list[Callable[[], None]] = []
        self._last_report: dict[str, Any] = {}
        self._started = rack  # what the process was started with
        self._process = Process(order, order.frames)
        self._racks = Racks(rack)
        self._watchdog = Watchdog(self._process, self._recover)
        self._down = self._watchdog.down
        self._door = Door(self._watchdog)
        self._ring = Ring(self._process, self._racks, self._watchdog)
        self._shelf = Shelf(self._process, self._racks, self._ring, self._door, self._watchdog)

    @classmethod
    def attach(cls, pid: int) -> Host:
        """Take over an audio process that has lost its window; raises HostError."""
        try:
            known = json.loads(running.note_of(pid).read_text())
        except (OSError, ValueError):
            raise HostError(f"no rack is sounding in process {pid}") from None
        if not running.is_ours(pid):
            raise HostError(f"no rack is sounding in process {pid}")
        if running.alive(known["front"]) and known["front"] != os.getpid():
            raise HostError(f"process {pid} still belongs to process {known['front']}")
        host = cls.__new__(cls)
        host._prepare(Order(), Rack(""))
        host._connect(known)
        report = host.report()
        order = {k: v for k, v in report["order"].items() if k != "rack"}
        host._process.order = Order(**{**order, "device": DeviceChoice(**order["device"])})
        host.rack, host._process.left = unpack(report["rack"]), host.order.frames
        host._watchdog.start()
        return host

    def _start(self, patience: float = START_SECONDS) -> None:
        """Start the audio process; it is killed if it says nothing for ``patience`` seconds."""
        self._started = self.rack
        left = self._process.left
        order = {**asdict(self.order), "rack": pack(self._started), "frames": left}
        try:
            self._process.launch = launch = Launch()
        except OSError as error:
            raise HostError(f"the audio process does not start: {error.strerror}") from None
        try:
            answer = launch.run(order, patience, self._progress)
            if "error" not in answer:
                self._connect(answer["ready"])
                return
        except BaseException as error:  # Ctrl-C, too: leave nothing behind
            launch.kill()
            launch.wait()
            if isinstance(error, (OSError, EOFError, AuthenticationError)):
                raise HostError(f"the audio process has gone: {error}") from None
            raise
        launch.wait()
        kinds = {kind.__name__: kind for kind in (RackError, DeviceError)}
        raise kinds.get(answer["kind"], HostError)(answer["error"])

    def _connect(self, known: dict[str, Any]) -> None:
        self._process.pid = int(known["pid"])
        self._door.open(known)
        self._process.shared = Shared.attach(known["shm"])
        self._racks.built = {}
        self._racks.refer(self._door.ask({"op": "hello", "front": os.getpid()}))

    @property
    def order(self) -> Order:
        """How the process runs."""
        return self._process.order

    @property
    def pid(self) -> int:
        """The number of the process that runs now."""
        return self._process.pid

    @property
    def shared(self) -> Shared:
        """The memory of the process that runs now."""
        return self._process.shared

    @property
    def table(self) -> int:
        """What the audio process calls the rack that sounds."""
        return self._racks.table

    @property
    def rack(self) -> Rack:
        """The rack that sounds, as it is now; one of the same plugins and knobs may be put in."""
        return self._racks.rack

    @rack.setter
    def rack(self, rack: Rack) -> None:
        self._racks.rack = rack

    def load(self, rack: Rack) -> list[str]:
        """Go over to ``rack``, in the place of the one that sounds; returns its warnings.

        On RackError the old one plays on.
        """
        return self._shelf.load(rack)

    def enlist(self, racks: Sequence[Rack], at: int = 0) -> None:
        """From now on these are the racks to ``switch`` to; number ``at`` of them sounds."""
        self._shelf.enlist(racks, at)

    def shelve(
        self, told: Callable[[int], None] | None = None, wanted: int | None = None
    ) -> list[str]:
        """Build the racks that are enlisted beside the one that sounds.

        From then on ``switch`` goes over to each at once. ``told`` hears how many there are so
        far. Returns their warnings; raises RackError for the first that cannot be built, and
        leaves out none that can. If one is ``wanted``, it matters whether that one can.
        """
        return self._shelf.fill(told, wanted)

    def switch(self, number: int, rack: Rack) -> None:
        """Go over to rack ``number`` of those shelved, which by now is ``rack``, at once."""
        self._shelf.switch(number, rack)

    def set(self, address: str, value: float | str, stamp_ns: int | None = None) -> None:
        """Turn one knob, at once; raises RackError."""
        other = self._ring.set(address, value, stamp_ns)
        if other is not None:  # a file, a model: built anew
            self.load(other)

    def note(self, message: bytes, stamp_ns: int | None = None) -> None:
        """Hand a MIDI message to the instruments of the rack that sounds."""
        self._ring.note(message, stamp_ns)

    def bypass(self, on: bool) -> None:
        """Let the sound pass by the whole rack."""
        self._ring.bypass(on)

    def panic(self) -> None:
        """Forget all that rings, and all notes."""
        self._ring.panic()

    def tempo(self, beat: Beat, told: bool = True) -> None:
        """Tell the audio thread where the music is.

        What somebody has ``told`` is for a plugin that leads, too; a preset's tempo is not.
        """
        self._ring.tempo(beat, told)

    def led(self, beat: Beat, bar: int = 0, said: bool = False) -> None:
        """Keep in mind where the audio thread says the music is, in case it must start again.

        ``bar`` is its beats, 0 if nobody knows; ``said``: a player has said which is its first.
        """
        self._ring.led(beat, bar, said)

    def report(self) -> dict[str, Any]:
        """What the audio process says of itself, or said last if it is down."""
        try:
            self._last_report = self._door.ask({"op": "report"})
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

    def _recover(self, since: float) -> None:
        """Kill what no longer sounds and start it again, for as long as it takes."""
        self._down.set()
        self.say(f"no sound for {1000 * (time.monotonic() - since):.0f} ms; starting again")
        if self._process.left is not None:
            self._process.left = max(0, self._process.left - self._process.frames)
        self._process.kill()  # before the lock: who waits for an answer has it, and now gets none
        with self._door.lock:
            self._door.close()
        if not self._start_again():
            return
        self._catch_up()
        self._ring.restore()
        if self._racks.number is not None:
            threading.Thread(target=self._shelve_again, name="shelf", daemon=True).start()
        self.restarts += 1
        gap = time.monotonic() - since
        self.gap_seconds = max(self.gap_seconds, gap)
        self.say(f"sounding again after {gap:.2f} s")
        for call in self._on_restart:
            call()

    def _start_again(self) -> bool:
        """Try until it starts; False if we are to stop."""
        said = ""
        while not self._watchdog.stopping.is_set():
            try:
                with self._door.lock:
                    self._start(AGAIN_SECONDS)
                return True
            except ValueError as error:
                if str(error) != said:
                    said = str(error)
                    self.say(f"{said}; trying again")
                self._watchdog.stopping.wait(0.2)
        return False

    def _catch_up(self) -> None:
        """Go over to what was turned or chosen while the new process was starting."""
        with self._ring.lock:  # nothing is turned in between
            try:
                self._shelf.catch_up(self._started)
            except ValueError as error:
                self.say(str(error))
            self._down.clear()

    def _shelve_again(self) -> None:
        with suppress(ValueError):  # what cannot be built now is built when it is asked for
            self.shelve()

    def wait(self, seconds: float) -> bool:
        """Wait up to ``seconds``; True once all the frames that were ordered have run."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._watchdog.finished():
                return True
            time.sleep(min(0.02, seconds))
        return self._watchdog.finished()

    def stop(self) -> None:
        """Stop the sound and the process; a second time does nothing."""
        if self._watchdog.stopping.is_set():
            return
        self._watchdog.stopping.set()
        if self._down.is_set() and self._process.launch is not None:
            self._process.launch.kill()  # a start that hangs ends here
        self._watchdog.join()
        with suppress(HostError):
            self._door.ask({"op": "stop"})
            running.wait_gone(self.pid, 3.0)
        self._process.kill()
        self._door.close()
