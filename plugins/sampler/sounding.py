"""The dreams by address: one follows the performer, those that sound are mixed."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.dsp.rates import from_model, to_model
from engine.kernel import kernel
from engine.native_calls import load_acquire, run_network, store_release
from engine.sampler.state import DROPPING, LISTENING, MAKING, RESTARTS, TUNED
from engine.sampler.state import TEMPERATURE as HEAT
from plugins.sampler.listening import GAIN
from plugins.sampler.turns import (
    AT,
    EAR,
    END,
    FRONT,
    GOAL,
    HEARD,
    KEPT,
    LOUD,
    NUMBERS,
    PERFORMER,
    PLACE,
    RENEWS,
    SOUNDS,
    STEP,
    TABLE,
    THE_SEED,
    WORDS,
    hears,
)


@kernel
def sound(state: Any, heard: Any, made: Any) -> None:
    """``made`` (frames,) is what the dreams answer; ``heard`` (frames,) comes in the meantime."""
    ready, answer = state.ready, state.answer
    count = to_model(heard, ready, state.to_table, state.to_line, state.to_clock, state.work)
    delay(ready[0, :count], state.late, state.late_at)
    for i in range(count):
        answer[0, i] = np.float32(0.0)
    for k in range(2):
        fade = state.fade[k]
        if fade[SOUNDS] != 0.0:
            run(state, k, state.sung[:count], MAKING)
            add(state.sung[:count], fade, answer[0], state.front[:count], k == state.turn[FRONT])
    if hears(state):
        follow(state, heard.shape[0], count)
    from_model(answer, count, made, state.from_table, state.from_line, state.from_clock, state.work)


@kernel
def delay(sound: Any, line: Any, place: Any) -> None:
    """Whether a look is part of a seed is known at its end: the ear hears all a look later."""
    at = place[0]
    for i in range(sound.shape[0]):
        old, line[at] = line[at], sound[i]
        sound[i] = old
        at = 0 if at + 1 == line.shape[0] else at + 1
    place[0] = at


@kernel
def add(sung: Any, fade: Any, answer: Any, front: Any, is_front: bool) -> None:
    """Mix a dream, faded; what the front sings is kept as it is."""
    place, goal, step, loud = fade[PLACE], fade[GOAL], fade[STEP], fade[LOUD]
    for i in range(sung.shape[0]):
        place = min(goal, place + step) if place < goal else max(goal, place - step)
        gain = loud * place * place * (3.0 - 2.0 * place)
        answer[i] += np.float32(gain * sung[i])
        if is_front:
            front[i] = sung[i]
    fade[PLACE] = place


@kernel
def follow(state: Any, frames: int, count: int) -> None:
    """The ear hears the performer, as loud as its model learnt; or his seed again; or the front."""
    sung, seed, at = state.sung, state.seed, state.seed_at
    if state.turn[RENEWS] == PERFORMER:
        keep(state, count)
    elif state.turn[RENEWS] == THE_SEED:
        count = min(count, at[END] - at[AT])
        for i in range(count):
            sung[i] = seed[(at[AT] + i) % seed.shape[0]]
        at[AT] += count
    else:
        for i in range(count):
            sung[i] = state.front[i]
    run(state, state.turn[EAR], sung[:count], LISTENING)
    state.turn[HEARD] += frames


@kernel
def keep(state: Any, count: int) -> None:
    """Put what the performer plays where the ear hears it, and remember it as the seed."""
    sung, seed, at = state.sung, state.seed, state.seed_at
    gain = np.float32(state.ear[GAIN])
    if state.turn[HEARD] == 0:
        at[KEPT] = 0
    for i in range(count):
        sung[i] = gain * state.ready[0, i]
        seed[(at[KEPT] + i) % seed.shape[0]] = sung[i]
    at[KEPT] += count


@kernel
def run(state: Any, k: int, part: Any, mode: int) -> None:
    """Let a dream go on by ``part``; see engine.sampler.compiled.play."""
    table = state.cores[k, TABLE]
    run_network(load_acquire(table), table, part.ctypes.data, mode, part.shape[0])


@kernel
def tell(state: Any, temperature: float, dropout: bool, tuned: bool) -> None:
    """Knobs that dreams themselves hear."""
    heat = np.float64(temperature).view(np.int64)
    for k in range(2):
        store_release(state.cores[k, NUMBERS] + 8 * HEAT, heat)
        store_release(state.cores[k, WORDS] + 8 * DROPPING, 1 if dropout else 0)
        store_release(state.cores[k, WORDS] + 8 * TUNED, 1 if tuned else 0)


@kernel
def restarts(state: Any) -> int:
    """How often dreams were stuck and began elsewhere."""
    return load_acquire(state.cores[0, WORDS] + 8 * RESTARTS) + load_acquire(
        state.cores[1, WORDS] + 8 * RESTARTS
    )


__all__ = ["restarts", "sound", "tell"]
