"""Which dream sounds and which one listens: when an answer begins, ends, and is taken over.

There are two, 0 and 1. The front sounds, the ear follows the performer; when an answer begins
the ear becomes the front. All of it is decided once in 64 frames.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.native_calls import load_acquire, store_release
from engine.sampler.state import POOLED, STUCK
from plugins.sampler.cores import ADDRESSES, LEVEL_UNITS, OFFERED, OFFERS
from plugins.sampler.listening import FEEDS, GAIN, LOOK, PRESENT

ANSWER, CONTINUOUS = range(2)
NOBODY = -1
LEAST_S = 0.05
"""Less than this of a seed is none."""
BEGIN_S = 0.02
"""In which an answer out of silence fades in."""

RETURN_S = 1.0
"""So much of the seed is followed again before an answer returns to it."""
KEPT_S = 4.0

NOW, EAR, FRONT, HEARD, SUNG, PRESSED, ANSWERS, RENEWS, SINCE, RETURNED = range(10)
"""``turn``: the plugin's own time; which dream listens and which sounds; frames that the ear has
followed, and the answer has sounded; whether ``again`` is down; answers so far; what the ear
follows beside the performer; frames since the front began, and how often it returned."""
PERFORMER, THE_FRONT, THE_SEED = range(3)
"""What the ear follows: the front, to take over with other weights; the seed, to return to it."""
KEPT, AT, END = range(3)
"""``seed_at``, in the model's samples: the seed's end in ``seed``; the place that is being followed
again, and where that ends."""
PLACE, GOAL, STEP, LOUD, SOUNDS = range(5)
"""``fade`` of each dream: where it is between silence and full, where it goes, how far in a sample
of the model's; the gain that makes it as loud as the performer was; whether it sounds, to the end
of a look."""
TABLE, WORDS, NUMBERS, VERSION = range(ADDRESSES + 1)
"""``cores`` of each dream: its addresses, and how many models were there before its own."""

Wanted = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Wanted", "mode answer_s seed_s return_s crossfade_s gives_way freeze again"
)


def turns(model_rate: int) -> dict[str, Any]:
    """State of ``decide``, beside ``cores``, ``offer`` and what listens."""
    turn = np.zeros(10, np.int64)
    turn[FRONT] = NOBODY
    fade = np.zeros((2, 5))
    fade[:, LOUD] = 1.0
    return {
        "turn": turn,
        "fade": fade,
        "seed": np.zeros(round(KEPT_S * model_rate), np.float32),
        "seed_at": np.zeros(3, np.int64),
    }


@kernel
def decide(state: Any, wanted: Any, happened: int) -> None:
    """Once a look; ``happened`` is what ``listen`` told, ``wanted`` what knobs say."""
    turn, rate = state.turn, state.rate
    adopt(state, wanted.mode == CONTINUOUS)
    pressed = wanted.again and turn[PRESSED] == 0
    turn[PRESSED] = 1 if wanted.again else 0
    enough = turn[HEARD] >= LEAST_S * rate
    if turn[FRONT] != NOBODY:
        turn[SUNG] += LOOK
        turn[SINCE] += LOOK
    if pressed:
        if enough and turn[RENEWS] == PERFORMER:
            begin(state, wanted.crossfade_s)
        else:
            seed_again(state)
    elif wanted.freeze:
        return
    elif turn[RENEWS] == THE_SEED and state.seed_at[AT] >= state.seed_at[END]:
        take_over(state, wanted.crossfade_s, state.fade[max(turn[FRONT], 0), LOUD])
        turn[RETURNED] += 1
    elif begins(turn, rate, wanted, happened, enough):
        begin(state, wanted.crossfade_s)
    elif ends(turn, rate, wanted, happened):
        end(state, wanted.crossfade_s)
        if turn[RENEWS] != PERFORMER:
            turn[RENEWS], turn[HEARD] = PERFORMER, 0
    elif wanted.return_s > 0.0:
        return_if_due(state, wanted.return_s)


@kernel
def tell_who_sounds(state: Any) -> None:
    """Whatever a look is cut into, a dream sounds or listens for all of it."""
    for k in range(2):
        fade = state.fade[k]
        fade[SOUNDS] = 1.0 if fade[PLACE] != 0.0 or fade[GOAL] != 0.0 else 0.0


@kernel
def begins(turn: Any, rate: float, wanted: Any, happened: int, enough: bool) -> bool:
    """Whether the performer has said enough for an answer."""
    if wanted.mode == ANSWER:
        return happened < 0 and enough
    if turn[RENEWS] == THE_SEED:
        return False
    first = turn[FRONT] == NOBODY and happened < 0 and enough
    return first or turn[HEARD] >= wanted.seed_s * rate


@kernel
def ends(turn: Any, rate: float, wanted: Any, happened: int) -> bool:
    """Whether an answer is over: it has been long enough, or the performer begins."""
    if wanted.mode != ANSWER or turn[FRONT] == NOBODY:
        return False
    long = wanted.answer_s > 0.0 and turn[SUNG] >= wanted.answer_s * rate
    return long or (happened > 0 and wanted.gives_way)


@kernel
def return_if_due(state: Any, return_s: float) -> None:
    """While the performer is silent, let the ear follow a part of his seed again in time."""
    turn, kept, size = state.turn, state.seed_at[KEPT], state.seed.shape[0]
    ear = turn[EAR]
    silent = state.fade[ear, PLACE] == 0.0 and state.fade[ear, GOAL] == 0.0
    if turn[FRONT] == NOBODY or turn[RENEWS] != PERFORMER or not silent:
        return
    have = min(kept, size)
    part = min(have, int(min(RETURN_S, return_s) * state.model_rate))
    due = return_s * state.rate - part * state.rate / state.model_rate
    if state.here[PRESENT] != 0 or have < LEAST_S * state.model_rate or turn[SINCE] < due:
        return
    turn[RENEWS], turn[HEARD] = THE_SEED, 0
    back = turn[RETURNED] * (part * 5 // 8) % (have - part + 1)  # elsewhere each time
    state.seed_at[END] = kept - back
    state.seed_at[AT] = kept - back - part


@kernel
def begin(state: Any, crossfade_s: float) -> None:
    """An answer begins: the ear sounds from now on."""
    take_over(state, crossfade_s, 1.0 / state.ear[GAIN])
    state.turn[SUNG], state.turn[RETURNED] = 0, 0
    state.turn[ANSWERS] += 1


@kernel
def take_over(state: Any, crossfade_s: float, loud: float) -> None:
    """The ear sounds from now on, and the other one, once it is silent, listens."""
    turn, fade = state.turn, state.fade
    old, new = turn[FRONT], turn[EAR]
    if old != NOBODY:
        end(state, crossfade_s)
    fade[new, GOAL] = 1.0
    fade[new, STEP] = 1.0 / ((BEGIN_S if old == NOBODY else crossfade_s) * state.model_rate)
    fade[new, LOUD] = loud
    turn[FRONT], turn[EAR] = new, 1 - new
    turn[HEARD], turn[SINCE], turn[RENEWS] = 0, 0, PERFORMER


@kernel
def end(state: Any, crossfade_s: float) -> None:
    """The front fades out."""
    front = state.turn[FRONT]
    state.fade[front, GOAL] = 0.0
    state.fade[front, STEP] = 1.0 / (crossfade_s * state.model_rate)
    state.turn[FRONT] = NOBODY


@kernel
def seed_again(state: Any) -> None:
    """Nothing new was heard: begin anew from another place of the last seed."""
    turn = state.turn
    last = turn[FRONT] if turn[FRONT] != NOBODY else 1 - turn[EAR]
    words = state.cores[last, WORDS]
    if load_acquire(words + 8 * POOLED) == 0:
        return
    store_release(words + 8 * STUCK, 1)
    if turn[FRONT] == NOBODY:
        state.fade[last, GOAL] = 1.0
        state.fade[last, STEP] = 1.0 / (BEGIN_S * state.model_rate)
        turn[FRONT], turn[SUNG], turn[SINCE] = last, 0, 0
        turn[ANSWERS] += 1


@kernel
def adopt(state: Any, takes_over: bool) -> None:
    """Give the ear the newest model, if it is silent and nothing it has heard would be lost.

    The front keeps its own. Where that ``takes_over``, and the performer is silent, the ear follows
    the front, so that the newest model comes to sound without him.
    """
    turn, offer = state.turn, state.offer
    ear, front = turn[EAR], turn[FRONT]
    newest = load_acquire(offer.ctypes.data)
    silent = state.fade[ear, PLACE] == 0.0 and state.fade[ear, GOAL] == 0.0
    alone = takes_over and front != NOBODY and state.here[PRESENT] == 0
    if state.cores[ear, VERSION] != newest and silent and (turn[HEARD] == 0 or alone):
        row = offer[1 + newest % OFFERS]
        for k in range(ADDRESSES):
            state.cores[ear, k] = row[ADDRESSES * ear + k]
        state.learnt[ear] = row[OFFERED - 1] / LEVEL_UNITS
        state.cores[ear, VERSION] = newest
        turn[HEARD] = 0
    if state.here[FEEDS] != 0 and turn[RENEWS] != PERFORMER:
        # He plays again: what was followed is no seed of his.
        turn[RENEWS], turn[HEARD] = PERFORMER, 0
    elif alone and silent and state.cores[ear, VERSION] != state.cores[max(front, 0), VERSION]:
        turn[RENEWS] = THE_FRONT


@kernel
def hears(state: Any) -> bool:
    """Whether the ear follows something now."""
    silent = state.fade[state.turn[EAR], SOUNDS] == 0.0
    return silent and (state.here[FEEDS] != 0 or state.turn[RENEWS] != PERFORMER)


__all__ = [
    "ANSWERS", "AT", "CONTINUOUS", "EAR", "END", "FRONT", "GOAL", "HEARD", "KEPT", "LOUD",
    "NOBODY", "NOW", "NUMBERS", "PERFORMER", "PLACE", "RENEWS", "SOUNDS", "STEP", "TABLE",
    "THE_SEED", "VERSION", "WORDS", "Wanted", "decide", "hears", "tell_who_sounds", "turns",
]  # fmt: skip
