"""The desk: all that a performer can do, whatever he does it with.

Keys, MIDI, OSC and the web page call the same few methods from their own threads; whoever wants
to know what happened listens for news. Nothing here is near the audio thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from engine import preset
from engine.control import follower
from engine.control.actions import ACTIONS, act
from engine.control.clock import Beat, MusicalClock
from engine.control.knobs import Knobs
from engine.control.news import Learner, Listeners, News, Pulsing
from engine.control.patience import patiently
from engine.control.slot import Slot
from engine.control.takes import Recording, Takes
from engine.host import Host, HostError
from engine.params import Param
from engine.rack import Rack, RackError


class Desk(Listeners):
    """Everything that can be turned, over one running host. Every method may be called anywhere."""

    def __init__(
        self,
        host: Host,
        racks: Sequence[tuple[Rack, Path | None]],
        record: Callable[[], Recording] | None = None,
    ) -> None:
        super().__init__()
        self.host = host
        self.slots = [Slot(rack, rack, path) for rack, path in racks]
        self.at = 0
        self.ready = 1  # presets that are built
        self.clock = MusicalClock(self.rack.tempo_bpm)
        self.clock.listen(self._tempo)
        self.learner: Learner | None = None
        self.pulse: Pulsing | None = None
        """What the plugin that leads the beat hears, while there is one."""
        self.bypassed = False
        self._down: dict[str, float] = {}  # buttons of the preset that sounds, and where they rest
        self._lock = threading.RLock()
        self._adding = threading.Lock()
        self._saving = threading.Lock()
        self._knobs = Knobs(host, lambda: self.slot, self.tell, self._another)
        self._takes = Takes(record, self.tell)

    def build(self) -> None:
        """Build the rest of the set list in the background, so that each is there at once."""
        with self._lock:
            self.host.enlist([slot.rack for slot in self.slots], self.at)
        self._tempo(self.clock.now, "preset")  # where our beat is, from now on and after a crash
        if len(self.slots) > 1:
            threading.Thread(target=self._build, name="set list", daemon=True).start()

    def _build(self) -> None:
        try:
            said = self.host.shelve(self._built)
        except ValueError as error:
            said = [str(error)]
        for text in said:
            self.tell("message", "set list", text=text)

    def _built(self, count: int) -> None:
        self.ready = count
        self.tell("built", "set list", ready=count, of=len(self.slots))

    # --- knobs

    @property
    def slot(self) -> Slot:
        """The preset that sounds."""
        return self.slots[self.at]

    @property
    def rack(self) -> Rack:
        """The rack that sounds, as it is now."""
        return self.slot.rack

    def params(self) -> dict[str, Param]:
        """Every knob of the rack that sounds: address ("lane.plugin.param") and declaration."""
        return self._knobs.params()

    def param(self, address: str) -> Param:
        """The declaration of one knob; raises RackError."""
        return self._knobs.param(address)

    def value(self, address: str) -> float:
        """Where one knob stands, plain; raises RackError."""
        return self._knobs.value(address)

    def position(self, address: str) -> float:
        """Where one knob stands, from 0 to 1."""
        return self._knobs.position(address)

    def set(
        self, address: str, value: float | str, source: str = "", stamp_ns: int | None = None
    ) -> None:
        """Turn one knob to a plain value; raises RackError. A repeated value acts, too."""
        with self._lock:
            before = self.rack
            self._knobs.turn(address, value, stamp_ns)
            self.slot.remember(address, before)
            self._knobs.told(address, source)

    def place(
        self, address: str, position: float, source: str = "", stamp_ns: int | None = None
    ) -> None:
        """Turn one knob to where a hand stands, from 0 to 1."""
        self.set(address, self.param(address).from_position(position), source, stamp_ns)

    def nudge(self, address: str, by: float, source: str = "", stamp_ns: int | None = None) -> None:
        """Turn one knob on by a part of its way; a switch goes one step up or down."""
        with self._lock:
            self.place(address, self._knobs.beside(address, by), source, stamp_ns)

    def toggle(self, address: str, source: str = "", stamp_ns: int | None = None) -> None:
        """A switch to its next choice; any other knob from one end of its way to the other."""
        with self._lock:
            self.set(address, self._knobs.opposite(address), source, stamp_ns)

    def press(
        self, address: str, down: bool, source: str = "", stamp_ns: int | None = None,
        ends: tuple[float, float] = (0.0, 1.0),
    ) -> None:  # fmt: skip
        """One knob all the way up, or down again: a button, which is nothing to be undone.

        ``ends`` are where it stands at rest and while it is pressed, from 0 to 1.
        """
        param = self.param(address)
        with self._lock:
            if not down and address not in self._down:
                return  # it came up when its preset was left
            rests = self._down.pop(address, param.from_position(ends[0]))
            if down:
                self._down[address] = rests
            self._knobs.turn(address, param.from_position(ends[1]) if down else rests, stamp_ns)
            self._knobs.told(address, source)

    def reset(self, address: str, source: str = "") -> None:
        """One knob to where the preset was saved, or to its default if it stands there already."""
        with self._lock:
            self.set(address, self._knobs.home(address), source)

    # --- the way back

    def undo(self, source: str = "") -> bool:
        """Take the last move back; False if there is none."""
        with self._lock:
            return self.slot.undo(partial(self._knobs.become, source=source))

    def redo(self, source: str = "") -> bool:
        """Make the move again that was taken back; False if there is none."""
        with self._lock:
            return self.slot.redo(partial(self._knobs.become, source=source))

    def compare(self, source: str = "") -> None:
        """Go over to the other of two versions: at first, to the preset as it was saved."""
        with self._lock:
            self.slot.compare(partial(self._knobs.become, source=source))

    # --- presets

    def _another(self, source: str) -> None:
        self.tell("rack", source, number=self.at, name=self.rack.name)

    def names(self) -> list[str]:
        """The presets of the set list, in order."""
        return [slot.rack.name for slot in self.slots]

    def select(self, number: int, source: str = "") -> None:
        """Play preset ``number`` (from 0); one that there is not is RackError."""
        if not 0 <= number < len(self.slots):
            raise RackError(f"there is no preset {number + 1}; there are {len(self.slots)}")
        with self._lock:
            self.slot.settle()
            for address in sorted(self._down):
                with suppress(ValueError):
                    self.press(address, False, source)
            led = follower.leads(self)
            before, self.at = self.at, number
            try:
                self.host.switch(number, self.rack)
            except ValueError:
                self.at = before
                raise
            self._another(source)
            if led and follower.to_lead(self.rack):
                return  # the one plugin leads on where the other did
            if self.rack.tempo_bpm != 120.0 and self.clock.source in ("preset", "tap", "pulse", ""):
                self.clock.set(self.rack.tempo_bpm, source="preset")

    def step(self, by: int, source: str = "") -> None:
        """The next preset or the one before; it stays where the list ends."""
        with self._lock:
            number = min(max(self.at + by, 0), len(self.slots) - 1)
            if number != self.at:
                self.select(number, source)

    def add(self, rack: Rack, path: Path | None = None, source: str = "") -> int:
        """Put a preset at the end of the set list; returns its number. Raises RackError."""
        with self._adding:  # the knobs turn on while it is being built
            with self._lock:
                number = len(self.slots)
                self.host.enlist([*(slot.rack for slot in self.slots), rack], self.at)
            self.host.shelve(wanted=number)
            with self._lock:
                self.slots.append(Slot(rack, rack, path))
                self.ready = len(self.slots)
                self._another(source)
                return number

    def save(self, name: str | None = None, source: str = "") -> Path:
        """Write the preset that sounds into the player's folder; shipped ones stay as they are.

        Under another ``name`` it takes the place of a file that has it; without one it goes where
        it came from, or into a file of its own.
        """
        with self._saving:  # knobs turn on while the disk is slow; what is saved later lies there
            with self._lock:
                number, slot, other = self.at, self.slot, self.slot.other
                rack = self.rack if name is None else replace(self.rack, name=name)
            path = preset.own_file(rack.name, slot.path) if name is None else None
            path = preset.save(rack, path)
            with self._lock:
                self._saved(slot, rack, path)
                if slot.other is other:  # nobody has gone over to it meanwhile
                    slot.other = None
                self.tell("saved", source, number=number, path=str(path))
        return path

    def _saved(self, slot: Slot, rack: Rack, path: Path) -> None:
        for one in self.slots:
            if one.path == path:  # another one's file now
                one.path = None
        slot.saved, slot.path = rack, path
        slot.rack = replace(slot.rack, name=rack.name)
        if slot is self.slot:
            self.host.rack = slot.rack

    def map_midi(self, tables: Sequence[dict[str, Any]]) -> None:
        """Let the preset that sounds hold these [[midi]] tables; undo does not take them back."""
        with self._lock:
            self.slot.map_midi(tuple(tables))
            self.host.rack = self.slot.rack

    def assign(self, pair: Sequence[str], source: str = "") -> None:
        """Let the XY pad of the preset that sounds turn these two parameters, or nothing."""
        for address in pair:
            self.param(address)
        if len(pair) not in (0, 2):
            raise RackError(f"the XY pad turns two parameters or none, not {len(pair)}")
        with self._lock:
            before = self.rack
            self.slot.rack = self.host.rack = replace(before, xy=tuple(pair))
            self.slot.settle()  # what is turned from now on is another move
            self.slot.remember("xy", before)
            self.tell("xy", source, xy=list(pair))

    # --- the rest of the stage

    def note(self, message: bytes, stamp_ns: int | None = None) -> None:
        """A MIDI message for the instruments of the rack that sounds."""
        self.host.note(message, stamp_ns)

    def bypass(self, on: bool | None = None, source: str = "") -> None:
        """Let the sound pass by the whole rack, or not; without ``on`` the other way."""
        with self._lock:
            on = not self.bypassed if on is None else on
            patiently(lambda: self.host.bypass(on))
            self.bypassed = on
            self.tell("bypass", source, on=self.bypassed)

    def panic(self, source: str = "") -> None:
        """Silence all that rings, hangs or howls, and play on from there."""
        patiently(self.host.panic)
        self.tell("panic", source)
        self.tell("message", source, text="panic: all notes and tails are off")

    @property
    def recording(self) -> bool:
        """Whether dry and wet are being written to disk."""
        return self._takes.running

    def record(self, on: bool | None = None, source: str = "") -> None:
        """Begin or end a take; without ``on`` the other of the two."""
        with self._lock:
            self._takes.switch(on, source)

    def tap(self, source: str = "", stamp_ns: int | None = None) -> None:
        """A beat is here."""
        self.clock.tap(stamp_ns)

    def _tempo(self, beat: Beat, source: str) -> None:
        try:
            if source == "pulse":  # it comes from the audio thread
                led = self.pulse
                self.host.led(beat, led.bar if led else 0, led is not None and led.said)
            else:
                self.host.tempo(beat, told=source != "preset")
        except HostError as error:
            self.tell("message", source, text=str(error))
        self.tell("tempo", source, tempo_bpm=beat.tempo_bpm, beat=beat.beat, stamp_ns=beat.stamp_ns)

    def act(
        self, action: str, value: float | None = None, source: str = "",
        stamp_ns: int | None = None,
    ) -> None:  # fmt: skip
        """Do one of ``ACTIONS``; ``value`` is the preset's number for "select"."""
        act(self, action, value, source, stamp_ns)

    def close(self) -> dict[str, Any] | None:
        """End the take, if one runs; returns what was recorded."""
        with self._lock:
            recording = self._takes.drop()
        return recording.stop() if recording else None


__all__ = ["ACTIONS", "Desk", "Learner", "News", "Slot"]
