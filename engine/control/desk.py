"""The desk: all that a performer can do, whatever he does it with.

Keys, MIDI, OSC and the web page call the same few methods from their own threads; whoever wants
to know what happened listens for news. Nothing here is near the audio thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from engine import preset
from engine.control.clock import Beat, MusicalClock
from engine.host import Host, HostError
from engine.params import Param
from engine.rack import Rack, RackError

UNDO_KEPT = 200
ONE_MOVE_SECONDS = 0.7
"""Turns of one knob that follow each other so closely are one step of undo."""
PATIENCE_SECONDS = 0.2  # for room in the ring to the audio thread


@dataclass(frozen=True)
class News:
    """Something has changed. ``source`` is who did it ("web", "midi", "osc", "keys" ...).

    kind        facts
    value       address, value (plain), position (0 to 1)
    rack        number, name: another preset sounds, or one has another structure
    tempo       tempo_bpm, beat, stamp_ns
    bypass      on
    record      on, and when it ends what was recorded
    learn       target, waiting, mapping: what a Learner says
    saved       number, path
    built       ready, of: presets of the set list that wait to be switched to
    panic       all notes are off and all tails cut
    xy          xy: the two parameters of the pad
    message     text: for the player to read
    """

    kind: str
    source: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Learner(Protocol):
    """Whoever can learn which controller turns what (MIDI)."""

    def learn(self, target: str) -> None:
        """Let the next message of any port be the one for ``target``."""

    def cancel(self) -> None:
        """Learn nothing after all."""

    def forget(self, target: str) -> None:
        """Take all mappings of ``target`` away."""

    def described(self) -> list[dict[str, Any]]:
        """Every mapping: target, what turns it in words, and where it is kept."""


class Recording(Protocol):
    """What ``engine.recorder.Recorder`` is to the desk."""

    def stop(self) -> dict[str, Any]:
        """Close it; returns what was recorded."""


@dataclass
class Slot:
    """A preset of the set list: as it was saved, as it is now, and the way back."""

    saved: Rack
    rack: Rack
    path: Path | None = None
    undone: list[Rack] = field(default_factory=list)
    past: list[Rack] = field(default_factory=list)
    other: Rack | None = None  # of an A/B comparison: the one that does not sound


ACTIONS = (
    "next", "previous", "select", "tap", "panic", "record", "bypass", "compare", "undo", "redo",
    "save",
)  # fmt: skip


class Desk:
    """Everything that can be turned, over one running host. Every method may be called anywhere."""

    def __init__(
        self,
        host: Host,
        racks: Sequence[tuple[Rack, Path | None]],
        record: Callable[[], Recording] | None = None,
    ) -> None:
        self.host = host
        self.slots = [Slot(rack, rack, path) for rack, path in racks]
        self.at = 0
        self.ready = 1  # presets that are built
        self.clock = MusicalClock(self.rack.tempo_bpm)
        self.clock.listen(self._tempo)
        self.learner: Learner | None = None
        self.last_message = ""
        self.bypassed = False
        self._record = record
        self._recording: Recording | None = None
        self._listeners: list[Callable[[News], None]] = []
        self._lock = threading.RLock()
        self._adding = threading.Lock()
        self._moved = ("", 0.0)
        self._addresses: tuple[Any, dict[str, Param]] = (None, {})

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

    # --- who wants to know

    def listen(self, call: Callable[[News], None]) -> Callable[[], None]:
        """Be told what happens, in the thread that did it; call what is returned to stop."""
        self._listeners.append(call)

        def stop() -> None:
            with suppress(ValueError):
                self._listeners.remove(call)

        return stop

    def tell(self, kind: str, source: str = "", **facts: Any) -> None:
        """Tell everybody who listens; one that cannot hear keeps it from nobody else."""
        if kind == "message":
            self.last_message = str(facts.get("text", ""))
        for call in list(self._listeners):
            try:
                call(News(kind, source, facts))
            except Exception as error:
                self.last_message = f"news was not heard: {type(error).__name__}: {error}"

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
        structure, known = self._addresses
        if structure != _structure(self.rack):
            known = {name: param for name, (_, _, param) in self.rack.addresses().items()}
            self._addresses = (_structure(self.rack), known)
        return known

    def param(self, address: str) -> Param:
        """The declaration of one knob; raises RackError."""
        try:
            return self.params()[address]
        except KeyError:
            raise RackError(f"preset {self.rack.name} has no parameter {address!r}") from None

    def value(self, address: str) -> float:
        """Where one knob stands, plain; raises RackError."""
        return self.rack.value(address)

    def position(self, address: str) -> float:
        """Where one knob stands, from 0 to 1."""
        return self.param(address).to_position(self.value(address))

    def set(
        self, address: str, value: float | str, source: str = "", stamp_ns: int | None = None
    ) -> None:
        """Turn one knob to a plain value; raises RackError. A repeated value acts, too."""
        with self._lock:
            before = self.rack
            self._turn(address, value, stamp_ns)
            self._remember(address, before)
            self._told(address, source)

    def place(
        self, address: str, position: float, source: str = "", stamp_ns: int | None = None
    ) -> None:
        """Turn one knob to where a hand stands, from 0 to 1."""
        self.set(address, self.param(address).from_position(position), source, stamp_ns)

    def nudge(self, address: str, by: float, source: str = "", stamp_ns: int | None = None) -> None:
        """Turn one knob on by a part of its way; a switch goes one step up or down."""
        with self._lock:
            param = self.param(address)
            step = max(abs(by), 1.0 / (param.maximum - param.minimum)) if param.choices else abs(by)
            at = self.position(address) + (step if by > 0 else -step)
            self.place(address, at, source, stamp_ns)

    def toggle(self, address: str, source: str = "", stamp_ns: int | None = None) -> None:
        """A switch to its next choice; any other knob from one end of its way to the other."""
        with self._lock:
            param, value = self.param(address), self.value(address)
            if param.choices:
                value = (value + 1) % len(param.choices)
            else:
                middle = param.from_position(0.5)
                value = param.minimum if value > middle else param.maximum
            self.set(address, value, source, stamp_ns)

    def reset(self, address: str, source: str = "") -> None:
        """One knob to where the preset was saved, or to its default if it stands there already."""
        with self._lock:
            saved, param = self.slot.saved.value(address), self.param(address)
            self.set(address, param.default if self.value(address) == saved else saved, source)

    def _turn(self, address: str, value: float | str, stamp_ns: int | None = None) -> None:
        _patiently(lambda: self.host.set(address, value, stamp_ns))
        self.slot.rack = self.host.rack

    def _told(self, address: str, source: str) -> None:
        if address in self.params():
            value = self.rack.value(address)
            position = self.params()[address].to_position(value)
            self.tell("value", source, address=address, value=value, position=position)
        else:
            self.tell("rack", source, number=self.at, name=self.rack.name)

    # --- the way back

    def _remember(self, address: str, before: Rack) -> None:
        slot, now = self.slot, time.monotonic()
        last, when = self._moved
        if address != last or now - when > ONE_MOVE_SECONDS:
            slot.past = [*slot.past[-UNDO_KEPT + 1 :], before]
            slot.undone = []
        self._moved = (address, now)

    def undo(self, source: str = "") -> bool:
        """Take the last move back; False if there is none."""
        with self._lock:
            return self._go(self.slot.past, self.slot.undone, source)

    def redo(self, source: str = "") -> bool:
        """Make the move again that was taken back; False if there is none."""
        with self._lock:
            return self._go(self.slot.undone, self.slot.past, source)

    def _go(self, there: list[Rack], back: list[Rack], source: str) -> bool:
        if not there:
            return False
        rack = there.pop()
        back.append(self.rack)
        try:
            self._become(rack, source)
        except ValueError:
            there.append(rack)
            back.pop()
            raise
        return True

    def compare(self, source: str = "") -> None:
        """Go over to the other of two versions: at first, to the preset as it was saved."""
        with self._lock:
            slot = self.slot
            before, slot.other = slot.other, slot.rack
            try:
                self._become(before or slot.saved, source)
            except ValueError:
                slot.other = before
                raise

    def _become(self, rack: Rack, source: str) -> None:
        """Let the rack of this slot be ``rack``: turn knobs where that is enough."""
        self._moved = ("", 0.0)
        now = self.slot.rack
        if _structure(now) != _structure(rack):
            self.host.load(rack)
            self.slot.rack = rack
            self.tell("rack", source, number=self.at, name=rack.name)
            return
        for address in self.params():
            if now.value(address) != rack.value(address):
                self._turn(address, rack.value(address))
                self._told(address, source)
        self.slot.rack = self.host.rack = rack

    # --- presets

    def names(self) -> list[str]:
        """The presets of the set list, in order."""
        return [slot.rack.name for slot in self.slots]

    def select(self, number: int, source: str = "") -> None:
        """Play preset ``number`` (from 0); one that there is not is RackError."""
        if not 0 <= number < len(self.slots):
            raise RackError(f"there is no preset {number + 1}; there are {len(self.slots)}")
        with self._lock:
            before, self.at, self._moved = self.at, number, ("", 0.0)
            try:
                self.host.switch(number, self.rack)
            except ValueError:
                self.at = before
                raise
            self.tell("rack", source, number=number, name=self.rack.name)
            if self.rack.tempo_bpm != 120.0 and self.clock.source in ("preset", "tap", ""):
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
                self.host.enlist([*(slot.rack for slot in self.slots), rack], self.at)
            self.host.shelve()
            with self._lock:
                self.slots.append(Slot(rack, rack, path))
                self.ready = len(self.slots)
                self.tell("rack", source, number=self.at, name=self.rack.name)
                return len(self.slots) - 1

    def save(self, name: str | None = None, source: str = "") -> Path:
        """Write the preset that sounds into the player's folder; shipped ones stay as they are."""
        with self._lock:
            rack = self.rack if name is None else replace(self.rack, name=name)
            path = preset.save(rack)
            self.slot.rack = self.slot.saved = self.host.rack = rack
            self.slot.path, self.slot.other = path, None
            self.tell("saved", source, number=self.at, path=str(path))
            return path

    def map_midi(self, tables: Sequence[dict[str, Any]]) -> None:
        """Let the preset that sounds hold these [[midi]] tables; undo does not take them back."""
        midi = tuple(tables)
        with self._lock:
            slot = self.slot
            slot.rack = self.host.rack = replace(slot.rack, midi=midi)
            slot.past = [replace(rack, midi=midi) for rack in slot.past]
            slot.undone = [replace(rack, midi=midi) for rack in slot.undone]
            slot.other = slot.other and replace(slot.other, midi=midi)

    def assign(self, pair: Sequence[str], source: str = "") -> None:
        """Let the XY pad of the preset that sounds turn these two parameters, or nothing."""
        for address in pair:
            self.param(address)
        if len(pair) not in (0, 2):
            raise RackError(f"the XY pad turns two parameters or none, not {len(pair)}")
        with self._lock:
            before = self.rack
            self.slot.rack = self.host.rack = replace(before, xy=tuple(pair))
            self._remember("xy", before)
            self.tell("xy", source, xy=list(pair))

    # --- the rest of the stage

    def note(self, message: bytes, stamp_ns: int | None = None) -> None:
        """A MIDI message for the instruments of the rack that sounds."""
        self.host.note(message, stamp_ns)

    def bypass(self, on: bool | None = None, source: str = "") -> None:
        """Let the sound pass by the whole rack, or not; without ``on`` the other way."""
        with self._lock:
            on = not self.bypassed if on is None else on
            _patiently(lambda: self.host.bypass(on))
            self.bypassed = on
            self.tell("bypass", source, on=self.bypassed)

    def panic(self, source: str = "") -> None:
        """Silence all that rings, hangs or howls, and play on from there."""
        _patiently(self.host.panic)
        self.tell("panic", source)
        self.tell("message", source, text="panic: all notes and tails are off")

    @property
    def recording(self) -> bool:
        """Whether dry and wet are being written to disk."""
        return self._recording is not None

    def record(self, on: bool | None = None, source: str = "") -> None:
        """Begin or end a take; without ``on`` the other of the two."""
        with self._lock:
            on = not self.recording if on is None else on
            if on == self.recording:
                return
            if on:
                if self._record is None:
                    raise RackError("there is no folder to record into; start with --takes FOLDER")
                self._recording = self._record()
                self.tell("record", source, on=True)
                return
            recording, self._recording = self._recording, None
            assert recording is not None
            self.tell("record", source, on=False, take=recording.stop())

    def tap(self, source: str = "", stamp_ns: int | None = None) -> None:
        """A beat is here."""
        self.clock.tap(stamp_ns)

    def _tempo(self, beat: Beat, source: str) -> None:
        try:
            self.host.tempo(beat)
        except HostError as error:
            self.tell("message", source, text=str(error))
        self.tell("tempo", source, tempo_bpm=beat.tempo_bpm, beat=beat.beat, stamp_ns=beat.stamp_ns)

    def act(
        self, action: str, value: float | None = None, source: str = "",
        stamp_ns: int | None = None,
    ) -> None:  # fmt: skip
        """Do one of ``ACTIONS``; ``value`` is the preset's number for "select"."""
        match action:
            case "next" | "previous":
                self.step(1 if action == "next" else -1, source)
            case "select":
                self.select(int(value or 0), source)
            case "tap":
                self.tap(source, stamp_ns)
            case "bypass" | "record":
                on = None if value is None else value > 0.0
                getattr(self, action)(on, source)
            case "panic" | "compare" | "undo" | "redo":
                getattr(self, action)(source)
            case "save":
                self.save(source=source)
            case _:
                raise RackError(f"{action!r} is not one of {', '.join(ACTIONS)}")

    def close(self) -> dict[str, Any] | None:
        """End the take, if one runs; returns what was recorded."""
        with self._lock:
            recording, self._recording = self._recording, None
        return recording.stop() if recording else None


def _patiently(call: Callable[[], None]) -> None:
    """Do it, waiting a little for room in the ring to the audio thread."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except HostError:
            if time.monotonic() > until:
                raise
            time.sleep(0.001)


def _structure(rack: Rack) -> Any:
    """What has to be built anew if it changes: everything but where knobs stand."""
    lanes = [(k.name, k.source, [(p.use, p.name, p.settings) for p in k.chain]) for k in rack.lanes]
    return lanes, [(p.use, p.name, p.settings) for p in rack.master], rack.folder


__all__ = ["ACTIONS", "Desk", "Learner", "News", "Slot"]
