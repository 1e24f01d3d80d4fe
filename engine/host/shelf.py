"""Racks for the audio process: built, kept for later, gone over to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.audio_process import pack
from engine.host.door import Door
from engine.host.process import Process
from engine.host.racks import Racks, place
from engine.host.ring import Ring
from engine.host.watchdog import Watchdog
from engine.rack import Rack, RackError


class Shelf:
    """The racks of a set list, built beside the one that sounds; its length is how many are."""

    def __init__(
        self, process: Process, racks: Racks, ring: Ring, door: Door, watchdog: Watchdog
    ) -> None:
        self._process, self._racks, self._watchdog = process, racks, watchdog
        self._ring, self._door = ring, door

    def __len__(self) -> int:
        return len(self._racks.built)

    def load(self, rack: Rack) -> list[str]:
        """Go over to ``rack``, in the place of the one that sounds; returns its warnings."""
        return self._load(rack, self._racks.number)

    def _load(self, rack: Rack, number: int | None) -> list[str]:
        racks = self._racks
        with self._ring.lock:
            shared = self._process.shared
            if self._watchdog.down.is_set():
                racks.number = number
                racks.keep(rack)
                return []
        answer = self._door.ask({"op": "rack", "rack": pack(rack), "slot": number})
        with self._ring.lock:
            if self._process.shared is shared:
                racks.number = number
                racks.keep(rack)
                racks.went(answer)
                return list(answer["warnings"])
        return self._load(rack, number)  # it died with the answer on its lips

    def enlist(self, given: Sequence[Rack], at: int) -> None:
        """From now on these are the racks to ``switch`` to; number ``at`` of them sounds."""
        with self._ring.lock:
            self._racks.enlisted, self._racks.number = dict(enumerate(given)), at

    def fill(
        self, told: Callable[[int], None] | None = None, wanted: int | None = None
    ) -> list[str]:
        """Build all that are enlisted, the one that sounds first; see ``Host.shelve``."""
        warnings: list[str] = []
        fault: RackError | None = None
        sounding = self._racks.number or 0
        others = (n for n in range(len(self._racks.enlisted)) if n != sounding)
        for number in (sounding, *others):
            try:
                warnings += self._build(number)
            except RackError as error:
                if wanted in (None, number):
                    fault = fault or error
                continue
            if told is not None:
                told(len(self))
        if fault is not None:
            raise fault
        return warnings

    def _build(self, number: int) -> list[str]:
        """Build one rack, unless it is there because it sounds or was wanted meanwhile."""
        racks = self._racks
        with self._ring.lock:
            if number in racks.built:
                return []
            shared, sounds = self._process.shared, number == racks.number
            known = racks.table if sounds else 0
            message = pack(racks.enlisted[number])
        order = {"op": "shelve", "slot": number, "rack": message, "table": known}
        answer = self._door.ask(order)
        with self._ring.lock:
            if self._process.shared is shared:  # or it is an address in a process that has died
                racks.built.setdefault(number, place(answer))
        return [] if sounds else list(answer["warnings"])

    def switch(self, number: int, rack: Rack) -> None:
        """Go over to rack ``number``, which by now is ``rack``; built now if it is not there."""
        self._ring.release(64, 123)  # whoever holds a key or a pedal lets go of the rack left
        racks = self._racks
        with self._ring.lock:
            if number in racks.built and not self._watchdog.down.is_set():
                table, where = racks.built[number]
                self._ring.switch(table, where)
                racks.table, racks.number = table, number
                racks.keep(rack)
                return
        self._load(rack, number)

    def catch_up(self, started: Rack) -> None:
        """Let a process that was started with ``started`` go over to what was chosen since."""
        if self._racks.rack is not started:
            message = pack(self._racks.rack)
            order = {"op": "rack", "rack": message, "slot": self._racks.number}
            self._racks.went(self._door.ask(order))
