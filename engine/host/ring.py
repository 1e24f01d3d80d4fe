"""Events for the audio thread: knobs, notes, switches, the beat."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.host.order import HostError
from engine.host.process import Process
from engine.host.racks import Racks
from engine.host.watchdog import Watchdog
from engine.layout import (
    BEAT,
    BEAT_BAR,
    BEAT_SAID,
    BEAT_TOLD,
    BYPASS,
    CELL,
    NOTE,
    PANIC,
    SWITCH,
)
from engine.rack import Rack

if TYPE_CHECKING:
    from engine.control.clock import Beat


class Ring:
    """The writing end of the event ring; whoever holds ``lock`` changes what is known of racks."""

    def __init__(self, process: Process, racks: Racks, watchdog: Watchdog) -> None:
        self.lock = threading.RLock()  # one at a time writes events
        self._process, self._racks, self._watchdog = process, racks, watchdog
        self._beat: tuple[Beat, int] | None = None  # and what else its event tells
        self._bypassed = False

    def set(self, address: str, value: float | str, stamp_ns: int | None) -> Rack | None:
        """Turn one knob; returns the rack to build instead if it is a file or a model."""
        with self.lock:
            rack = self._racks.rack.set(address, value)
            known = self._racks.knob(address)
            if known is None:
                return rack
            node, knob, param = known
            number = param.parse(value) if isinstance(value, str) else param.check(value)
            self._send(self._racks.table, node, knob, number, self._due(stamp_ns))
            self._racks.turned(rack)
            return None

    def switch(self, table: int, where: int) -> None:
        """Go over to the rack that the audio process calls ``table``."""
        self._send(table, SWITCH, where, 0.0)

    def note(self, message: bytes, stamp_ns: int | None = None) -> None:
        """Hand a MIDI message to the instruments of the rack that sounds."""
        packed = int.from_bytes(message[:3], "little")
        with self.lock:
            for node, (_, link) in enumerate(self._racks.rack.links()):
                if link is not None and link.plugin.plays_notes:
                    due = self._due(stamp_ns)
                    self._send(self._racks.table, node, NOTE, float(packed), due)

    def release(self, *controllers: int) -> None:
        """Set these controllers to 0 for all instruments: pedal up, sound off, notes off."""
        links = self._racks.rack.links()
        if any(link is not None and link.plugin.plays_notes for _, link in links):
            for channel in range(16):
                for controller in controllers:
                    self.note(bytes((0xB0 | channel, controller, 0)))

    def panic(self) -> None:
        """Forget all that rings, and all notes."""
        self.release(64, 120, 123)
        with self.lock:
            self._send(0, PANIC, 0, 0.0)

    def bypass(self, on: bool) -> None:
        """Let the sound pass by the whole rack."""
        self._bypassed = on
        with self.lock:
            self._send(0, BYPASS, 0, float(on))

    def tempo(self, beat: Beat, told: bool = True) -> None:
        """Tell the audio thread where the music is; ``told``: by somebody, not by a preset."""
        self._tell(beat, BEAT_TOLD if told else 0)

    def _tell(self, beat: Beat, more: int) -> None:
        self._beat = beat, more
        now = time.monotonic_ns()  # before the first block there is no other time to count from
        with self.lock:
            frame = self._process.shared.frame_at(now)
            self._send(more, BEAT, frame, beat.tempo_bpm, beat=beat.at(now))

    def led(self, beat: Beat, bar: int, said: bool) -> None:
        """The audio thread says where the music is: for one that is started after it."""
        self._beat = beat, BEAT_TOLD + BEAT_SAID * said + BEAT_BAR * bar

    def restore(self) -> None:
        """Tell a new audio process what the old one knew beside its racks."""
        with suppress(HostError):
            if self._beat is not None:
                self._tell(*self._beat)
            if self._bypassed:
                self.bypass(True)

    def _due(self, stamp_ns: int | None) -> int:
        """When something that happened at ``stamp_ns`` is to be heard: at a fixed delay after it.

        With blocks longer than a knob's cell that keeps its place inside the block.
        """
        spare = self._process.order.device.block - CELL
        if stamp_ns is None or spare <= 0:
            return -1
        return self._process.shared.frame_at(min(stamp_ns, time.monotonic_ns())) + spare

    def _send(
        self, table: int, node: int, knob: int, value: float, due: int = -1, beat: float = 0.0
    ) -> None:
        if self._watchdog.away():
            return  # nobody is there to read it; what must last is kept and told anew
        if not self._process.shared.send(table, node, knob, value, due, beat):
            raise HostError("more was turned at once than the audio thread can take")
