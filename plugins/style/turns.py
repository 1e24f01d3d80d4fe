"""What the audio thread does about answers: asks for them, takes them, and reads them out.

Of every window of the performer's there is, some time later, one as long in the style. Each is a
newer version of mostly the same seconds, so whoever reads goes over from one to the next in a
crossfade and does not lose his place. There are two readers; each is so many frames behind the
performer, and another distance is the other reader's.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.native_calls import load_acquire, pause, store_release
from plugins.style.sharing import ASKED, BASE, END, ENDED, JOBS, SLOTS, TOLD

LOOK = 64
"""Frames between two looks at what there is to do."""
ALWAYS, RESTS = range(2)
NOBODY = -1
NEVER = 1 << 62
AFTER_S, BEFORE_S = 0.3, 0.03
"""What an answer to a phrase holds of what came after it and before it."""
NEAR_S = 0.01
TRIES, NAP_NS = 200_000, 100_000  # a render waits so long, 20 s

NOW, FIRST, WANTED, MINE, MINE_END, MY_SLOT, OLD_END, OLD_SLOT, TAKEN, ANSWERS, LATE, BEGAN, TURN, \
    LEFT = range(14)  # fmt: skip
"""``turn``: frames so far; the number before the stream's first answer; the newest that is due;
the one that is read, its end, its slot; the end and slot of the one before; when it was taken; how
many were; how many came late; when the performer's phrase began; the reader whose turn it is;
whether the worker has left a render waiting in vain."""
LATER, START, STOP_AT, ON = range(4)
"""``reader``: frames it is behind; when it begins; the frame heard at which it ends; whether it
reads."""

Wanted = namedtuple("Wanted", "mode after pause gives_way length")  # noqa: PYI024 - for kernels


def turns(window: int) -> dict[str, Any]:
    """State of ``look`` and ``read_out``."""
    turn, reader = np.zeros(14, np.int64), np.zeros((2, 4), np.int64)
    turn[MY_SLOT] = turn[OLD_SLOT] = NOBODY
    return {"turn": turn, "reader": reader, "place": np.zeros(2), "goal": np.zeros(2),
            "fact": np.zeros(4), "window": window}  # fmt: skip


@kernel
def ask_and_take(state: Any, knobs: Any) -> None:
    """Once a look: ask for an answer when it is time, take the newest that is due."""
    turn, header = state.turn, state.header.ctypes.data
    now, told = turn[NOW], header + 8 * TOLD
    if now == 0:
        turn[FIRST] = turn[WANTED] = turn[MINE] = load_acquire(header + 8 * ASKED)
    elif now % state.period == 0:
        ask(state, knobs, turn[FIRST] + now // state.period)
    since = now - state.lag
    due = since >= state.period and since % state.period == 0
    if due:
        turn[WANTED] = turn[FIRST] + since // state.period
        if state.offline != 0 and turn[LEFT] == 0:
            tries = 0
            while load_acquire(told) // SLOTS < turn[WANTED] and tries < TRIES:
                pause(state.clock.ctypes.data, NAP_NS)
                tries += 1
            turn[LEFT] = 1 if tries == TRIES else 0  # who missed once is not waited for again
    word = load_acquire(told)
    number = word // SLOTS
    if turn[MINE] < number <= turn[WANTED]:
        take(state, number, word % SLOTS)
    if due and number < turn[WANTED]:
        turn[LATE] += 1
        state.misses[0] += 1


@kernel
def ask(state: Any, knobs: Any, number: int) -> None:
    """Tell the worker what to answer, and how."""
    turn, row, values = state.turn, state.jobs[number % JOBS], state.values[number % JOBS]
    row[END], row[BASE] = turn[NOW], turn[FIRST]
    values[0], values[1] = knobs.harmony.start, knobs.timbre.start
    values[2], values[3] = knobs.pitch.start, knobs.onsets.start
    store_release(state.header.ctypes.data + 8 * ASKED, number)


@kernel
def take(state: Any, number: int, slot: int) -> None:
    """From now on this answer is read; the one before it is faded out."""
    turn = state.turn
    turn[OLD_SLOT], turn[OLD_END] = turn[MY_SLOT], turn[MINE_END]
    turn[MINE], turn[MY_SLOT] = number, slot
    turn[MINE_END] = int(state.facts[slot, ENDED])
    turn[TAKEN] = turn[NOW]
    turn[ANSWERS] += 1
    for k in range(4):
        state.fact[k] = state.facts[slot, k]


@kernel
def who_reads(state: Any, wanted: Any, happened: int) -> None:
    """Once a look: which reader reads, how far behind; ``happened`` is what the ear told."""
    turn, now = state.turn, state.turn[NOW]
    if happened > 0:
        turn[BEGAN] = now - LOOK
    if wanted.mode == ALWAYS:
        later = behind(state, wanted)
        mine = state.reader[turn[TURN]]
        near = abs(mine[LATER] - later) <= NEAR_S * state.rate
        if mine[ON] == 0 or mine[STOP_AT] != NEVER or not near:
            change(state, later, now, NEVER)
    else:
        mine = state.reader[turn[TURN]]
        if mine[ON] != 0 and (mine[STOP_AT] == NEVER or (happened > 0 and wanted.gives_way)):
            mine[ON] = 0
        if happened < 0:
            answer_phrase(state, wanted)
    for k in range(2):
        aim(state, k, now)


@kernel
def behind(state: Any, wanted: Any) -> int:
    """How far behind the performer an answer is that follows all the time."""
    later = max(state.least, min(state.most, wanted.after))
    if wanted.length > 0.0:
        on_beat = int(np.ceil(later / wanted.length - 1e-9) * wanted.length)
        later = on_beat if on_beat <= state.most else later
    return later


@kernel
def answer_phrase(state: Any, wanted: Any) -> None:
    """He rests: his phrase is answered, from its beginning or as far back as there is."""
    turn, now = state.turn, state.turn[NOW]
    first = max(turn[BEGAN] - int(BEFORE_S * state.rate), 0)
    start = max(now, first + max(state.least, wanted.after))
    if wanted.length > 0.0:
        start += until_beat(state, wanted.length, start - now)
    later = min(start - first, state.most)
    change(state, later, start, now - wanted.pause + int(AFTER_S * state.rate))


@kernel
def until_beat(state: Any, length: float, ahead: int) -> int:
    """Frames from so many ahead until the next note of ``length`` frames begins."""
    beat = state.beat
    beats = length * beat[2]
    place = beat[1] + (beat[3] + state.at[0] + ahead) * beat[2]
    return int((np.ceil(place / beats - 1e-6) * beats - place) / beat[2])


@kernel
def change(state: Any, later: int, start: int, stop_at: int) -> None:
    """The other reader takes over, if it has faded out."""
    turn = state.turn
    other = 1 - turn[TURN]
    if state.place[other] != 0.0:
        return
    state.reader[turn[TURN], ON] = 0
    row = state.reader[other]
    row[LATER], row[START], row[STOP_AT], row[ON] = later, start, stop_at, 1
    turn[TURN] = other


@kernel
def aim(state: Any, k: int, now: int) -> None:
    """A reader sounds where there is something to read for as long as it takes to fade out."""
    row, turn = state.reader[k], state.turn
    heard = now - row[LATER]
    if row[ON] != 0 and heard >= row[STOP_AT]:
        row[ON] = 0
    there = turn[MY_SLOT] != NOBODY and heard + LOOK + state.fade <= turn[MINE_END] - state.edge
    state.goal[k] = 1.0 if row[ON] != 0 and now >= row[START] and there else 0.0


@kernel
def read_out(state: Any, made: Any) -> None:
    """Fill ``made`` (frames,) with what is read; at most up to the next look."""
    turn, step = state.turn, 1.0 / state.fade
    for i in range(made.shape[0]):
        made[i] = np.float32(0.0)
    for k in range(2):
        place, goal = state.place[k], state.goal[k]
        if place == 0.0 and goal == 0.0:
            continue
        for i in range(made.shape[0]):
            place = min(goal, place + step) if place < goal else max(goal, place - step)
            now = turn[NOW] + i
            heard = now - state.reader[k, LATER]
            fresh = min(1.0, (now - turn[TAKEN]) * step)
            fresh = fresh * fresh * (3.0 - 2.0 * fresh)
            sound = fresh * sample(state, turn[MY_SLOT], turn[MINE_END], heard)
            if fresh < 1.0:
                sound += (1.0 - fresh) * sample(state, turn[OLD_SLOT], turn[OLD_END], heard)
            made[i] += np.float32(place * place * (3.0 - 2.0 * place) * sound)
        state.place[k] = place


@kernel
def sample(state: Any, slot: int, end: int, heard: int) -> float:
    """What an answer makes of the frame ``heard``; 0 where it has nothing."""
    at = heard - end + state.window
    if slot == NOBODY or at < 0 or at >= state.window:
        return 0.0
    return float(state.made[slot, at])


__all__ = [
    "ALWAYS", "ANSWERS", "LATE", "LATER", "LOOK", "NOW", "ON", "RESTS", "TURN", "Wanted",
    "ask_and_take", "read_out", "turns", "who_reads",
]  # fmt: skip
