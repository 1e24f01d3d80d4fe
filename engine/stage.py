"""Racks on the audio thread: published in one store, kept on a shelf, freed when left."""

from __future__ import annotations

import threading
import time

import numpy as np

from engine.layout import CELL, CLEAN, CLEANING, CONTROL, DIRTY, offset
from engine.rack import Rack
from engine.shared import Shared, address, store_release
from engine.table import TOO_MUCH, Table

NEARLY_ALL = 0.95
RING_SECONDS = 20.0  # the longest that a rack is heard after it has been left
LINGER_SECONDS = 1.0  # for a rack that was just replaced: the audio thread may be about to take it


class Stage:
    """Racks over one control block: published, shelved, and freed when the audio thread left them.

    A rack on the shelf is built and waits: the window switches to it through the event ring.
    """

    def __init__(self, shared: Shared, sample_rate: int, block: int) -> None:
        self.shared, self.sample_rate, self.block = shared, sample_rate, block
        self._held: list[Table] = []
        self._shelf: dict[int, Table] = {}
        self._published: Table | None = None
        self._lock = threading.Lock()
        control = shared.control
        self._counted = control["histogram"][0].copy()
        control["rate"] = sample_rate
        control["fade_frames"] = sample_rate // 50
        control["ring_frames"] = round(RING_SECONDS * sample_rate)
        self._begin_at(120.0)
        control["meter_decay"] = np.exp(-CELL / (0.3 * sample_rate))

    def build(self, rack: Rack) -> Table:
        """Build a rack beside the one that sounds; raises RackError, and nothing changes."""
        return Table(rack, self.sample_rate, self.block, self.shared)

    def publish(self, table: Table) -> None:
        """Let the audio thread go over to ``table`` at its next block, with a crossfade."""
        with self._lock:
            if self._published is None:
                self._begin_at(table.rack.tempo_bpm)
            if table not in self._held:
                self._held.append(table)
            control, before = self.shared.control, self._published
            if before is not None and int(control["taken"][0]) != address(before.table):
                before.keep_until = time.monotonic() + LINGER_SECONDS
            self._published = table
            control["next_after"] = control["event_written"]  # its place among them
            where = self.shared.address + offset(CONTROL, "next")
            store_release(where, address(table.table))
        self.collect()

    def _begin_at(self, tempo_bpm: float) -> None:
        beats_a_frame = tempo_bpm / (60.0 * self.sample_rate)
        self.shared.control["beat"][0] = (tempo_bpm, 0.0, beats_a_frame, 0.0, 4.0)

    def shelve(self, number: int, table: Table) -> None:
        """Keep ``table`` as rack ``number`` of the set list, in the place of an earlier one."""
        with self._lock:
            old = self._shelf.get(number)
            if old is not None and old is not table:
                old.keep_until = time.monotonic() + LINGER_SECONDS
            self._shelf[number] = table
            if table not in self._held:
                self._held.append(table)
        self.collect()

    def shelved(self, number: int) -> Table | None:
        """Rack ``number`` of the set list, if it has been built."""
        return self._shelf.get(number)

    def called(self, number: int) -> Table | None:
        """The rack with this ``id``, while it is held."""
        with self._lock:
            return next((table for table in self._held if table.id == number), None)

    def clear(self) -> None:
        """Keep no set list: another window has come, with its own."""
        with self._lock:
            for table in self._shelf.values():
                table.keep_until = time.monotonic() + LINGER_SECONDS
            self._shelf = {}

    @property
    def current(self) -> Table | None:
        """The rack that sounds, or is about to."""
        sounding = int(self.shared.control["table"][0])
        taken = int(self.shared.control["taken"][0])
        published = self._published
        if published is None or taken != address(published.table):
            return published
        found = [table for table in self._held if address(table.table) == sounding]
        return found[0] if found else published

    def collect(self) -> None:
        """Free the racks that the audio thread has left; wipe those that stay on the shelf."""
        with self._lock:
            kept = [*self._shelf.values(), self._published]
            now, taken = time.monotonic(), int(self.shared.control["taken"][0])
            left = [t for t in self._held if t not in kept and t.keep_until < now]
            # By its address the audio thread knows what it took: nobody else may have that yet.
            left = [t for t in left if address(t.table) != taken]
            gone = [t for t in left if t.claim(DIRTY, CLEANING) or t.claim(CLEAN, CLEANING)]
            self._held = [table for table in self._held if table not in gone]
            waiting = list(self._held)
        for table in gone:
            table.close()
        for table in waiting:
            table.clean()

    def tick(self) -> None:
        """Housekeeping, about every 50 ms."""
        self.collect()
        load = self._load()
        if load > NEARLY_ALL:
            self._shed()
        for table in list(self._held):
            table.tick(load)

    def _shed(self) -> None:
        """The computer is too busy: let what rings out end."""
        for where in self.shared.control["leaving"][0].tolist():
            for table in self._held:
                if address(table.table) == where:
                    table.table["ending"] = np.maximum(table.table["ending"], 1)

    def _load(self) -> float:
        """Share of its deadline that 95 % of the blocks since the last call kept to."""
        if self.shared.control["offline"][0]:
            return 0.0  # a render has no deadline
        counts = self.shared.control["histogram"][0].copy()
        new, self._counted = counts - self._counted, counts
        total = int(new.sum())
        if total <= 0 or (new < 0).any():
            return 0.0
        return float(np.searchsorted(np.cumsum(new), NEARLY_ALL * total) + 1) / 2048.0

    def close(self) -> None:
        """Free everything; the audio thread must have stopped."""
        for table in self._held:
            table.close()
        self._held = []


__all__ = ["TOO_MUCH", "Stage", "Table"]
