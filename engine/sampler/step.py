"""Runs the calls of a step, all at once or some at a time, and puts sound where it is needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.native_calls import run_network
from engine.sampler.chance import drop, normal, uniform
from engine.sampler.plan import (
    ADD,
    ADD_WINDOW,
    CALL,
    CELLS,
    CODE,
    COPY,
    COST,
    COUNT,
    DROP_IN,
    MATRIX,
    A,
    B,
    C,
)
from engine.sampler.state import (
    AT,
    DONE,
    DROPPING,
    KEEP_IN,
    KEEP_OUT,
    KEPT,
    KICK_IN,
    KICKS,
    LEARNS,
    POOLED,
    PREDICTION_LIMIT,
    SPREAD_LOGS,
    SQUASH,
    TEMPERATURE,
)

LEAST_LOG, MOST_LOG = SPREAD_LOGS


@kernel
def run_to(core: Any, cost: int) -> None:
    """Make the calls of the step that are due before ``cost``; below 0 all of them."""
    calls, words = core.dream_calls, core.dream_words
    last = calls.shape[0] - 1
    while words[DONE] < last and (cost < 0 or calls[words[DONE], COST] < cost):
        make_call(core, calls[words[DONE]])
        words[DONE] += 1


@kernel
def make_call(core: Any, row: Any) -> None:
    """One call; see plan.py."""
    memory, call, count = core.dream_memory, row[CALL], row[COUNT]
    base = memory.ctypes.data
    if call == MATRIX:
        weights = core.dream_weights.ctypes.data + 4 * row[A]
        run_network(row[CODE], weights, base + 4 * row[B], base + 4 * row[C], count)
    elif call == CELLS:
        run_network(row[CODE], base + 4 * row[A], base + 4 * row[B], base + 4 * row[C], count)
    elif call == COPY:
        x, y = memory[row[A] : row[A] + count], memory[row[B] : row[B] + count]
        for k in range(count):
            y[k] = x[k]
    elif call == ADD:
        x, y = memory[row[A] : row[A] + count], memory[row[B] : row[B] + count]
        for k in range(count):
            y[k] += x[k]
    elif call == ADD_WINDOW:
        end = core.dream_words[AT]
        x, y = core.dream_line[end - count : end], memory[row[B] : row[B] + count]
        for k in range(count):
            y[k] += x[k]
    elif core.dream_words[DROPPING] != 0:
        keep = core.dream_numbers[KEEP_IN if call == DROP_IN else KEEP_OUT]
        if keep < 1.0:
            drop(memory[row[A] : row[A] + count], keep, core.dream_chance)


@kernel
def believed(core: Any, value: float) -> float:
    """An output without noise: squashed, within bounds."""
    if core.dream_plan[SQUASH] != 0:
        value = math.tanh(value)
    return min(max(value, -PREDICTION_LIMIT), PREDICTION_LIMIT)


@kernel
def settle(core: Any, value: float, log_spread: float) -> float:
    """What is said of the next sample, with the temperature's noise: squashed, within bounds."""
    value = believed(core, value)
    heat = core.dream_numbers[TEMPERATURE]
    if heat > 0.0:
        if core.dream_plan[LEARNS] != 0:
            log = min(max(log_spread, LEAST_LOG), MOST_LOG)
            value += heat * math.exp(log) * normal(core.dream_chance)
        elif core.dream_spread.shape[0] > 0:
            value += heat * core.dream_spread[0] * normal(core.dream_chance)
    return min(max(value, -PREDICTION_LIMIT), PREDICTION_LIMIT)


@kernel
def make_room(core: Any) -> None:
    """The line is full: what windows still reach goes to its front."""
    line, kept = core.dream_line, core.dream_plan[KEPT]
    first = core.dream_words[AT] - kept
    for i in range(kept):
        line[i] = line[first + i]
    core.dream_words[AT] = kept


@kernel
def append(core: Any, sound: Any) -> None:
    """Put numbers behind the line's end; what is too old for any window goes."""
    line, words, done = core.dream_line, core.dream_words, 0
    while done < sound.shape[0]:
        if words[AT] == line.shape[0]:
            make_room(core)
        some = min(sound.shape[0] - done, line.shape[0] - words[AT])
        for i in range(some):
            line[words[AT] + i] = sound[done + i]
        words[AT] += some
        done += some


@kernel
def pool(core: Any, sound: Any) -> None:
    """Remember the last of what was heard: from there a stuck dream starts again."""
    kept, words = core.dream_pool, core.dream_words
    for i in range(sound.shape[0]):
        kept[words[POOLED] % kept.shape[0]] = sound[i]
        words[POOLED] += 1


@kernel
def next_kick(core: Any) -> None:
    """The next kick comes after half to one and a half times what lies between two."""
    apart = core.dream_numbers[KICKS] * (0.5 + uniform(core.dream_chance))
    core.dream_words[KICK_IN] = max(1, int(apart + 0.5))


@kernel
def forget_states(core: Any) -> None:
    """All layers as at the start."""
    for n in range(core.dream_states.shape[0]):
        first, count = core.dream_states[n, 0], core.dream_states[n, 1]
        for k in range(first, first + count):
            core.dream_memory[k] = np.float32(0.0)


__all__ = [
    "append",
    "believed",
    "forget_states",
    "make_room",
    "next_kick",
    "pool",
    "run_to",
    "settle",
]
