"""Even steps between sounds: tables are made beside the sound and handed over without a lock.

For each two ends that are neighbours engine.morph.way tells, of a key, where a knob of 0 to 1 is on
the way between them, and how much to tilt the spectrum there. The kernel asks for the ends and the
keys that it plays, a thread makes their tables (a tenth of a second each) and offers them in rows
that nobody reads; a word tells that there are such ends, another that a key's tables are there.
Until then steps are those of latents. A render waits, so that it is always the same.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.morph.decode import Coder, decoder_state
from engine.morph.grid import Array
from engine.morph.model import MorphModel, conditions_of
from engine.morph.way import STEPS, octaves, straight, way
from engine.native_calls import load_acquire, pause, store_release
from engine.plugin import Extern
from engine.shared import address
from engine.shared import store_release as publish
from plugins.morph.held import FORCE_TOLD, Held

EDGES = (0, 1), (2, 3), (0, 2), (1, 3)
"""Of the square: a to b, c to d, a to c, b to d."""
PLACES, TILT, GAIN = range(3)
"""Tables of an edge: engine.morph.way.Way's."""
KEYS, OFFERS = 128, 8
FIRST_KEY, BESIDE = 60, 12
"""Keys whose tables are made before they are asked for: an octave around the last that was."""
KEPT = 4096
"""Ways of a model that are remembered: one is 400 bytes."""
WAITS, WAIT_NS = 300_000, 100_000
"""A render's: half a minute a question."""
POLL_S = 0.002
ASKS, ASKED = 0, 1
"""``asked`` (5,): how often the kernel has asked, for which four sounds; ``keyed`` (128,): for
what of each key."""
NONE, LOWER, ALL = range(3)
"""What of a key is asked for or there: nothing, only a to b, which is enough while y is 0, or all
edges."""
FOUND, MISSED = range(2)
"""``table`` (2,): the last offer found; whether the last question was waited for in vain."""
VERSION = 0
"""``offered`` (1 + OFFERS, 4): how many offers there were; then the ends of each. ``ready``
(OFFERS, 128): what of a key's ``tables`` (OFFERS, 128, edges, 3, STEPS) is there."""


class Ways:
    """Ways between the sounds of a model, found once."""

    def __init__(self, model: MorphModel) -> None:
        self._model, self._lock = model, threading.Lock()
        self._coder, self._held = Coder(decoder_state(model)), Held(model)
        self._known: dict[tuple[int, int, int], Array] = {}

    def between(self, one: int, other: int, pitch: int) -> Array:
        """Tables (3, STEPS) of the way from a sound to another; the way back is the same."""
        low, high = min(one, other), max(one, other)
        with self._lock:
            if (low, high, pitch) not in self._known:
                if len(self._known) >= KEPT:
                    self._known.clear()
                self._known[low, high, pitch] = self._found(low, high, pitch)
            found = self._known[low, high, pitch]
        return found if low == one else _back(found)

    def _found(self, one: int, other: int, pitch: int) -> Array:
        made = straight()
        if one != other:
            model, (first, last) = self._model, self._held.paths(one, other, pitch)
            told = conditions_of(pitch, FORCE_TOLD, model.conditions)
            hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
            gains = first[:, -1], last[:, -1]
            made = way(self._coder, model.grid, told, hertz, first[:, :-1], last[:, :-1], gains)
        return np.array([made.places, made.tilt_db, made.gain_db], np.float32)


def _back(tables: Array) -> Array:
    made = tables[:, ::-1].copy()
    made[PLACES] = 1.0 - made[PLACES]
    return made


@lru_cache(maxsize=2)
def ways_of(model: MorphModel) -> Ways:
    """The ways of a model: several plugins may play it."""
    return Ways(model)


class Spacer:
    """Makes the tables that a kernel asks for."""

    def __init__(self, model: MorphModel, waits: bool) -> None:
        self._ways, self._ahead = ways_of(model), not waits
        self.asked = np.full(5, -1, np.int64)
        self.asked[ASKS] = 0
        self.keyed, self.ready = np.zeros(KEYS, np.int64), np.zeros((OFFERS, KEYS), np.int64)
        self.offered = np.full((1 + OFFERS, 4), -1, np.int64)
        self.offered[0] = 0
        self.tables = np.zeros((OFFERS, KEYS, len(EDGES), 3, STEPS), np.float32)
        self._answered, self._key, self._closed = 0, FIRST_KEY, False
        self._thread: threading.Thread | None = None
        if waits:
            target, own = _answer_for_ever, weakref.ref(self)
            threading.Thread(target=target, args=(own,), name="morph", daemon=True).start()

    def expect(self, ends: Sequence[int]) -> None:
        """Begin with what will probably be asked for first."""
        self.asked[ASKED:], self.asked[ASKS] = ends, 1
        self.look()

    @property
    def is_asked(self) -> bool:
        """Whether there was a question since the last answer."""
        return int(self.asked[ASKS]) != self._answered

    def look(self) -> None:
        """Begin to make what is asked for, if something is."""
        busy = self._thread is not None and self._thread.is_alive()
        if not busy and self.is_asked:
            self._thread = threading.Thread(target=self.answer, name="morph", daemon=True)
            self._thread.start()

    def answer(self) -> None:
        """Make tables until there are all that were asked for, and those around them."""
        while not self._closed:
            count = int(self.asked[ASKS])
            offer = self._offer()
            key = self._next(offer)
            if key < 0:
                self._answered = count
                if not self.is_asked:
                    return
                continue
            self._make(offer, key)

    def _make(self, offer: int, key: int) -> None:
        """The next of a key's tables: a to b, then the others."""
        ends, there = self.offered[1 + offer], int(self.ready[offer, key])
        edges = range(1) if there == NONE else range(1, len(EDGES))
        for edge in edges:
            one, other = (int(ends[end]) for end in EDGES[edge])
            self.tables[offer, key, edge] = self._ways.between(one, other, key)
        publish(address(self.ready[offer, key:]), there + 1)

    def close(self) -> None:
        """Wait for what is being made."""
        self._closed = True
        if self._thread is not None:
            self._thread.join(10.0)

    def _offer(self) -> int:
        """The offer of the ends that were asked for last, a new one if they are others."""
        ends, version = self.asked[ASKED:].copy(), int(self.offered[0, VERSION])
        if version and np.array_equal(self.offered[1 + version % OFFERS], ends):
            return version % OFFERS
        version += 1
        offer = version % OFFERS
        self.ready[offer], self.offered[1 + offer] = 0, ends
        publish(address(self.offered), version)
        return offer

    def _next(self, offer: int) -> int:
        """A key that waits; else, unless for a render, the next beside the last one; -1: none."""
        there = self.ready[offer]
        waiting = np.flatnonzero(self.keyed > there)
        if len(waiting):
            self._key = int(waiting[0])
            return self._key
        if self._ahead:
            for away in range(BESIDE + 1):
                for key in (self._key + away, self._key - away):
                    if 0 <= key < KEYS and there[key] < ALL:
                        return key
        return -1


def _answer_for_ever(own: weakref.ref[Spacer]) -> None:
    """For a render: as soon as it asks, until it is forgotten."""
    while True:
        spacer = own()
        if spacer is None:
            return
        if spacer.is_asked:
            spacer.answer()
        del spacer
        time.sleep(POLL_S)


def spaced_state(spacer: Spacer, model: MorphModel, offline: bool) -> dict[str, Any]:
    """State arrays of ``find_tables``; those of ``spacer`` must not be copied."""
    return {
        "asked": Extern(spacer.asked),
        "keyed": Extern(spacer.keyed),
        "offered": Extern(spacer.offered),
        "ready": Extern(spacer.ready),
        "tables": Extern(spacer.tables),
        "table": np.array([-1, 0], np.int64),
        "wait": np.zeros(4, np.int64),
        "octave": octaves(model.grid),
        "waits": WAITS if offline else 0,
    }


@kernel
def find_tables(state: Any, ends: Any, key: int, wanted: int) -> int:
    """The offer for ``ends`` (4,) if it has what is ``wanted`` of ``key``, or -1; asks for it."""
    found = found_for(state, ends)
    if has(state, found, key, wanted):
        return found
    if ask(state, ends, key, wanted):
        state.table[MISSED] = 0
    if state.table[MISSED] == 0:
        for _ in range(state.waits):
            pause(state.wait.ctypes.data, WAIT_NS)
            found = found_for(state, ends)
            if has(state, found, key, wanted):
                return found
        state.table[MISSED] = 1  # else every frame of every voice would wait
    return -1


@kernel
def found_for(state: Any, ends: Any) -> int:
    """The last offer that was found, or the newest, if it is for ``ends``."""
    if not fits(state, state.table[FOUND], ends):
        version = load_acquire(state.offered.ctypes.data)
        newest = version % OFFERS if version > 0 else -1
        state.table[FOUND] = newest if fits(state, newest, ends) else -1
    return state.table[FOUND]


@kernel
def has(state: Any, offer: int, key: int, wanted: int) -> bool:
    """Whether a key's tables are there."""
    if offer < 0:
        return False
    return bool(load_acquire(state.ready.ctypes.data + 8 * (offer * KEYS + key)) >= wanted)


@kernel
def ask(state: Any, ends: Any, key: int, wanted: int) -> bool:
    """Ask for a key, once; other ends are another question. Whether it was asked now."""
    if not same(state.asked[ASKED:], ends):
        for k in range(4):
            state.asked[ASKED + k] = ends[k]
        for k in range(KEYS):
            state.keyed[k] = NONE
    elif state.keyed[key] >= wanted:
        return False
    state.keyed[key] = wanted
    store_release(state.asked.ctypes.data, state.asked[ASKS] + 1)
    return True


@kernel
def fits(state: Any, offer: int, ends: Any) -> bool:
    """Whether an offer is for these ends."""
    return offer >= 0 and same(state.offered[1 + max(offer, 0)], ends)


@kernel
def same(a: Any, b: Any) -> bool:
    """Whether two fours are one."""
    return bool(a[0] == b[0] and a[1] == b[1] and a[2] == b[2] and a[3] == b[3])


@kernel
def read(table: Any, knob: float) -> float:
    """A table between its steps."""
    last = table.shape[0] - 1
    low = min(int(knob * last), last - 1)
    share = knob * last - low
    return float(table[low]) * (1.0 - share) + float(table[low + 1]) * share


__all__ = [
    "ALL",
    "EDGES",
    "GAIN",
    "LOWER",
    "PLACES",
    "TILT",
    "Spacer",
    "Ways",
    "find_tables",
    "read",
    "spaced_state",
    "ways_of",
]
