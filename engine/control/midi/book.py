"""All mappings that hold now: the preset's own, and the player's for what those leave."""

from __future__ import annotations

import threading
from typing import Any

from engine.control.desk import Desk
from engine.control.midi import mapping
from engine.control.midi.controls import State
from engine.control.midi.mapping import Mapping
from engine.control.midi.messages import Message
from engine.control.midi.store import Store, parse_all

Control = tuple[str, int | None]
_NONE: tuple[Mapping, ...] = ()


class Book:
    """Finds what a message turns; the preset's mappings hide the player's for the same message."""

    def __init__(self, desk: Desk, store: Store) -> None:
        self._desk, self.store = desk, store
        # One for a moment; one held while the desk is called, whose lock others may hold meanwhile
        # and come here for the first.
        self._lock, self._changing = threading.Lock(), threading.Lock()
        self._read: object = None  # the tables that ``preset`` was read from
        self._preset: tuple[Mapping, ...] = ()
        self._found: dict[tuple[str, int, int], tuple[Mapping, ...]] = {}
        self._states: dict[Mapping, State] = {}

    @property
    def preset(self) -> tuple[Mapping, ...]:
        """The mappings of the preset that sounds; whoever reads its file tells its mistakes."""
        self._look()
        return self._preset

    def _look(self) -> None:
        tables = self._desk.rack.midi
        if tables is not self._read:
            mappings = parse_all(tables, "")[0]
            with self._lock:
                self._preset, self._found, self._read = mappings, {}, tables

    def of(self, message: Message) -> tuple[Mapping, ...]:
        """The mappings that ``message`` acts on."""
        self._look()
        found = self._found  # whoever goes to another preset meanwhile begins another one
        key = message.kind, message.number, message.channel
        if key not in found:
            theirs = tuple(m for m in self._preset if _hears(m, message))
            ours = tuple(m for m in self.store.mappings if _hears(m, message))
            found[key] = theirs or ours or _NONE
        return found[key]

    def state(self, one: Mapping) -> State:
        """What ``one`` remembers."""
        return self._states.setdefault(one, State())

    def all(self) -> list[tuple[Mapping, str]]:
        """Every mapping, and where it is kept: "preset" or "global"."""
        preset = self.preset
        return [*((m, "preset") for m in preset), *((m, "global") for m in self.store.mappings)]

    def learn(self, new: Mapping, keep: str) -> None:
        """Add ``new`` instead of what its control did so far; raises MidiError."""
        self._change(lambda m: m.overlaps(new), new, keep)

    def forget(self, target: str) -> int:
        """Take every mapping of ``target`` away; returns how many; raises MidiError."""
        return self._change(lambda m: m.target == target)

    def _change(self, gone: Any, new: Mapping | None = None, keep: str = "") -> int:
        with self._changing:
            return self._changed(gone, new, keep)

    def _changed(self, gone: Any, new: Mapping | None, keep: str) -> int:
        self.store.look()
        self._found = {}
        preset, ours = self.preset, self.store.mappings
        left = tuple(m for m in preset if not gone(m))
        kept = tuple(m for m in ours if not gone(m))
        count = len(preset) + len(ours) - len(left) - len(kept)
        if left != preset or keep == "preset":
            # tables with mistakes stay: the player may want to mend them
            bad = parse_all(self._desk.rack.midi, "")[2]
            own = (*left, new) if keep == "preset" and new else left
            self._desk.map_midi([*map(mapping.dump, own), *bad])
        if kept != ours or keep == "global":
            try:
                self.store.keep((*kept, new) if keep == "global" and new else kept)
            finally:
                self._found = {}
        return count


def _hears(one: Mapping, message: Message) -> bool:
    if one.channel is not None and one.channel != message.channel:
        return False
    number = None if message.kind in ("pitchbend", "aftertouch") else message.number
    wanted = one.controls
    return (message.kind, number) in wanted or (message.kind, None) in wanted
