"""Even steps between sounds: tables are made beside the sound and handed over without a lock.

For each two ends that are neighbours, and some pitches, engine.morph.spacing tells where a knob of
0 to 1 is on the way. The kernel asks for the ends that it plays, a thread makes their tables (some
10 ms) and offers them in a row that nobody reads, and one word tells that they are there. Until
then steps are those of latents. A render waits for them, so that it is always the same.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.morph.decode import Coder, decoder_state
from engine.morph.grid import Array
from engine.morph.model import MorphModel, Note, conditions_of
from engine.morph.sounds import sounds_of
from engine.morph.spacing import STEPS, even
from engine.native_calls import load_acquire, pause, store_release
from engine.plugin import Extern
from engine.shared import address
from engine.shared import store_release as publish

PITCHES = np.arange(36, 97, 12)
"""Of tables; between them on a line."""
EDGES = (0, 1), (2, 3), (0, 2), (1, 3)
"""Of the square: a to b, c to d, a to c, b to d."""
OFFERS = 8
HEARD_S = 0.1, 0.4
"""After an attack: the frames that sound together for a table."""
FORCE = 100
WAITS, WAIT_NS = 100_000, 100_000
"""A render's: ten seconds."""
POLL_S = 0.002
ASKS, ASKED = 0, 1
"""``asked`` (5,): how often the kernel has asked, for which four sounds."""
VERSION = 0
"""``offered`` (1 + OFFERS, 4): how many offers there were; then the ends of each."""


class Spacer:
    """Makes the tables that a kernel asks for."""

    def __init__(self, model: MorphModel, waits: bool) -> None:
        self._model, self._coder = model, Coder(decoder_state(model))
        self._sounds, self._known = sounds_of(model), dict[tuple[int, int, int], Array]()
        self.asked = np.full(5, -1, np.int64)
        self.asked[ASKS] = 0
        self.offered = np.full((1 + OFFERS, 4), -1, np.int64)
        self.offered[0] = 0
        self.tables = np.zeros((OFFERS, len(EDGES), len(PITCHES), STEPS), np.float32)
        self._answered = 0
        self._thread: threading.Thread | None = None
        if waits:
            target, own = _answer_for_ever, weakref.ref(self)
            threading.Thread(target=target, args=(own,), name="morph", daemon=True).start()

    def expect(self, ends: Sequence[int]) -> None:
        """Begin with what will probably be asked for first."""
        self.asked[ASKED:], self.asked[ASKS] = ends, 1
        self.look()

    def look(self) -> None:
        """Begin to make what is asked for, if something is."""
        busy = self._thread is not None and self._thread.is_alive()
        if not busy and int(self.asked[ASKS]) != self._answered:
            self._thread = threading.Thread(target=self.answer, name="morph", daemon=True)
            self._thread.start()

    def answer(self) -> None:
        """Make the tables that were asked for last, and offer them."""
        count = int(self.asked[ASKS])
        ends = [int(end) for end in self.asked[ASKED:]]
        version = int(self.offered[0, VERSION]) + 1
        made = self.tables[version % OFFERS]
        for edge, (one, other) in enumerate(EDGES):
            for row, pitch in enumerate(PITCHES):
                made[edge, row] = self._table(ends[one], ends[other], int(pitch))
        self.offered[1 + version % OFFERS] = ends
        self._answered = count
        publish(address(self.offered), version)

    def close(self) -> None:
        """Wait for what is being made."""
        if self._thread is not None:
            self._thread.join(10.0)

    def _table(self, one: int, other: int, pitch: int) -> Array:
        key = one, other, pitch
        if key not in self._known:
            (first, low), (last, high) = (self._held(end, pitch) for end in (one, other))
            told = conditions_of(pitch, FORCE, self._model.conditions)
            made = even(self._coder, self._model.grid, told, first, last, gains_db=(low, high))
            self._known[key] = made
        return self._known[key]

    def _held(self, number: int, pitch: int) -> tuple[Array, float]:
        """Latents (frames, latents) and gain of a sound while its key is held."""
        nearest = min(
            (self._model.notes[n] for n in self._sounds[number].notes),
            key=lambda note: abs(note.pitch - pitch),
        )
        places = held_places(nearest, self._model)
        return nearest.path[places], float(nearest.gain_db[places].astype(np.float64).mean())


def held_places(note: Note, model: MorphModel) -> npt.NDArray[np.int64]:
    """Frames of a note after its attack, before its release."""
    second = model.grid.rate / model.grid.hop
    last = max(note.attack, min(note.release, note.frames) - 1)
    return np.array([min(note.attack + round(s * second), last) for s in HEARD_S], np.int64)


def _answer_for_ever(own: weakref.ref[Spacer]) -> None:
    """For a render: as soon as it asks, until it is forgotten."""
    while True:
        spacer = own()
        if spacer is None:
            return
        if int(spacer.asked[ASKS]) != spacer._answered:
            spacer.answer()
        del spacer
        time.sleep(POLL_S)


def spaced_state(spacer: Spacer, offline: bool) -> dict[str, Any]:
    """State arrays of ``find_tables``; those of ``spacer`` must not be copied."""
    return {
        "asked": Extern(spacer.asked),
        "offered": Extern(spacer.offered),
        "tables": Extern(spacer.tables),
        "table": np.full(1, -1, np.int64),
        "wait": np.zeros(4, np.int64),
        "offline": int(offline),
    }


@kernel
def find_tables(state: Any, ends: Any) -> int:
    """The offer for ``ends`` (4,), or -1; asks for it once if there is none."""
    if fits(state, state.table[0], ends):
        return state.table[0]
    found = newest(state, ends)
    if found < 0 and not same(state.asked[ASKED:], ends):
        for k in range(4):
            state.asked[ASKED + k] = ends[k]
        store_release(state.asked.ctypes.data, state.asked[ASKS] + 1)
    if state.offline != 0:
        for _ in range(WAITS):
            if found >= 0:
                break
            pause(state.wait.ctypes.data, WAIT_NS)
            found = newest(state, ends)
    state.table[0] = found
    return found


@kernel
def newest(state: Any, ends: Any) -> int:
    """The last offer, if it is for ``ends``."""
    version = load_acquire(state.offered.ctypes.data)
    found = version % OFFERS if version > 0 else -1
    return found if fits(state, found, ends) else -1


@kernel
def fits(state: Any, offer: int, ends: Any) -> bool:
    """Whether an offer is for these ends."""
    return offer >= 0 and same(state.offered[1 + max(offer, 0)], ends)


@kernel
def same(a: Any, b: Any) -> bool:
    """Whether two fours are one."""
    return bool(a[0] == b[0] and a[1] == b[1] and a[2] == b[2] and a[3] == b[3])


@kernel
def curved(rows: Any, key: int, knob: float) -> float:
    """Where on its way an edge's knob is, by its tables (pitches, steps)."""
    lowest, between, most = 36, 12, rows.shape[0] - 1
    row = min(max((key - lowest) / between, 0.0), float(most))
    low = min(int(row), most - 1)
    share = row - low
    return (1.0 - share) * read(rows[low], knob) + share * read(rows[low + 1], knob)


@kernel
def read(table: Any, knob: float) -> float:
    """A table between its steps."""
    last = table.shape[0] - 1
    low = min(int(knob * last), last - 1)
    share = knob * last - low
    return float(table[low]) * (1.0 - share) + float(table[low + 1]) * share


__all__ = ["Spacer", "curved", "find_tables", "spaced_state"]
