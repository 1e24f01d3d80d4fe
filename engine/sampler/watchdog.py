"""Finds out that a dream repeats itself, and starts it again elsewhere.

A hundred times a second the level of bands of what was made is compared with that of all moments
0.75 to 3 s before. Where one of these lags fits, within ``LIMIT_DB`` on average over the bands that
sound, for as long as itself, sound goes round in a loop (of that length, or of a part of it) or
stands still; silence does too. A note that dies away falls by more than that in 0.75 s. This is
the criterion "not stuck" as it can be told while it happens. One that has died away and stays
``FAINT_DB`` below what was heard has nothing left to go on from either.

Then the layers forget, and their window is what was last heard, at the loudest of a few places
taken by chance. What is left of the old sample fades, so there is no click.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.sampler.chance import uniform
from engine.sampler.fourier import real_transform, to_spectrum
from engine.sampler.state import (
    APPROACH,
    CALM,
    COLUMN,
    FRESH,
    IN_MEAN,
    IN_SCALE,
    KEPT,
    KICK_IN,
    KICKS,
    LAST_OUT,
    LEAP,
    POOLED,
    REBUILD,
    RESTARTS,
    STUCK,
    TEMPERATURE,
    TRANSPOSE,
    WATCHING,
)
from engine.sampler.step import append, forget_states, next_kick

LOOKS_A_SECOND = 100
BANDS = 24
LOWEST_HZ = 50.0
SHORTEST, LONGEST = 75, 300  # lags, in looks
LIMIT_DB = 1.0
SLIPS = 5
"""Looks that one which does not fit costs: music that nearly repeats is no loop."""
RANGE_DB, SILENCE_DB = 50.0, -80.0
LEAST_BANDS = 4
FAINT_DB, FAINT_LOOKS = 15.0, 40
LEVEL_POINTS = 4096  # of what was heard tell its level
PLACES = 6
FADE_SECONDS = 0.003
HEARD, LOOKS, EVERY, FAINT = range(4)


def watchdog(rate: int) -> dict[str, Any]:
    """State arrays of ``watch``, all called ``watch_...``."""
    points = 1 << max(7, min(13, round(math.log2(0.045 * rate))))
    highest = min(0.45 * rate, 12_000.0)
    edges = np.geomspace(LOWEST_HZ, highest, BANDS + 1) * points / rate
    edges = np.maximum.accumulate(np.maximum(np.round(edges), 1 + np.arange(BANDS + 1)))
    edges = np.minimum(edges, points // 2 + 1)
    window = np.hanning(points)
    return {
        "watch_words": np.array([0, 0, max(1, rate // LOOKS_A_SECOND), 0], np.int64),
        "watch_line": np.zeros(points, np.float32),
        "watch_window": (window * 2.0 / window.sum()).astype(np.float32),
        "watch_sound": np.zeros(points, np.float32),
        "watch_bins": np.zeros((2, points // 2 + 1), np.float32),
        "watch_edges": edges.astype(np.int64),
        "watch_seen": np.zeros((LONGEST + 1, BANDS), np.float32),
        "watch_now": np.zeros(BANDS, np.float32),
        "watch_runs": np.zeros(LONGEST + 1, np.int64),
        "watch_loudest": np.full(1, SILENCE_DB, np.float32),
        **real_transform(points, "watch_"),
    }


@kernel
def watch(core: Any, state: Any, sound: Any) -> None:
    """Look at what was made; says so in ``dream_words`` if it is stuck."""
    if core.dream_words[WATCHING] == 0:
        return
    line, words = state.watch_line, state.watch_words
    for i in range(sound.shape[0]):
        line[words[HEARD] % line.shape[0]] = sound[i]
        words[HEARD] += 1
        if words[HEARD] % words[EVERY] == 0:
            stuck = look(state)
            if stuck != 0 or faint(core, state) != 0:
                core.dream_words[STUCK] = 1
                forget_looks(state)


@kernel
def until_look(state: Any) -> int:
    """Samples until the next look."""
    words = state.watch_words
    return words[EVERY] - words[HEARD] % words[EVERY]


@kernel
def look(state: Any) -> int:
    """Measure the bands, and compare them with all lags; 1 if it is stuck."""
    words, seen, runs = state.watch_words, state.watch_seen, state.watch_runs
    measure(state)
    number, size, stuck = words[LOOKS], seen.shape[0], 0
    now = state.watch_now
    for lag in range(SHORTEST, min(number, size - 1) + 1):
        apart = distance(now, seen[(number - lag) % size], state.watch_loudest[0])
        if apart < LIMIT_DB:
            runs[lag] += 1
        else:
            runs[lag] = max(0, runs[lag] - SLIPS)
        if runs[lag] >= lag:
            stuck = 1
    row = seen[number % size]
    for k in range(row.shape[0]):
        row[k] = now[k]
    words[LOOKS] += 1
    return stuck


@kernel
def faint(core: Any, state: Any) -> int:
    """1 if it has long been far below the level of what was heard."""
    words, kept, line = state.watch_words, core.dream_pool, state.watch_line
    have = min(core.dream_words[POOLED], kept.shape[0])
    if have == 0:
        return 0
    step, heard, made = max(1, have // LEVEL_POINTS), np.float32(0.0), np.float32(0.0)
    count = 0
    for i in range(0, have, step):
        heard += kept[i] * kept[i]
        count += 1
    for i in range(line.shape[0]):
        made += line[i] * line[i]
    below = 10.0 ** (-0.1 * FAINT_DB) * heard / count
    words[FAINT] = words[FAINT] + 1 if made / line.shape[0] < below else 0
    return 1 if words[FAINT] >= FAINT_LOOKS else 0


@kernel
def measure(state: Any) -> None:
    """Levels of the bands of the last samples, in dB."""
    line, sound, window = state.watch_line, state.watch_sound, state.watch_window
    size, bins, first = line.shape[0], state.watch_bins, state.watch_words[HEARD]
    for i in range(size):
        sound[i] = line[(first + i) % size] * window[i]
    to_spectrum(
        state.watch_order, state.watch_steps, state.watch_twiddle, state.watch_turn,
        state.watch_work, sound, bins,
    )  # fmt: skip
    edges, loudest = state.watch_edges, SILENCE_DB
    for k in range(edges.shape[0] - 1):
        total = 1e-20
        for f in range(edges[k], edges[k + 1]):
            total += bins[0, f] * bins[0, f] + bins[1, f] * bins[1, f]
        level = 10.0 * math.log10(total)
        state.watch_now[k] = level
        loudest = max(loudest, level)
    state.watch_loudest[0] = max(loudest, state.watch_loudest[0] - 0.05)


@kernel
def distance(a: Any, b: Any, loudest: Any) -> float:
    """Mean distance in dB over the bands that sound in either."""
    lowest = max(loudest - np.float32(RANGE_DB), np.float32(SILENCE_DB))
    total, count = np.float32(0.0), np.float32(0.0)
    for k in range(a.shape[0]):
        x, y = max(a[k], lowest), max(b[k], lowest)
        total += abs(x - y)
        if x > lowest or y > lowest:
            count += np.float32(1.0)
    return total / max(count, np.float32(LEAST_BANDS))


@kernel
def forget_looks(state: Any) -> None:
    """As if nothing had been made yet."""
    state.watch_words[LOOKS] = state.watch_words[FAINT] = 0
    for lag in range(state.watch_runs.shape[0]):
        state.watch_runs[lag] = 0


@kernel
def restart(core: Any) -> None:
    """Stuck: go on from elsewhere, and count it."""
    core.dream_words[STUCK] = 0
    core.dream_words[RESTARTS] += 1
    next_kick(core)
    leap(core)


@kernel
def kick(core: Any) -> int:
    """Now and then, where the job says so, go on from another place of what was heard; 1 if so.

    A network that foresees one sample lets a tone ring for ever, for what begins anew cannot be
    foreseen; one that has learnt a recording by heart goes on with it; and all forget their seed.
    """
    numbers, words = core.dream_numbers, core.dream_words
    if numbers[KICKS] > 0.0 and numbers[TEMPERATURE] > 0.0:
        words[KICK_IN] -= 1
        if words[KICK_IN] <= 0:
            next_kick(core)
            leap(core)
            return 1
    return 0


@kernel
def leap(core: Any) -> None:
    """Forget all, and go on from a place in what was last heard."""
    words, numbers, kept = core.dream_words, core.dream_numbers, core.dream_pool
    forget_states(core)
    for row in range(core.dream_said.shape[0]):
        for k in range(core.dream_said.shape[1]):
            core.dream_said[row, k] = np.float32(0.0)
    need, have = core.dream_plan[KEPT], min(words[POOLED], kept.shape[0])
    best, most = 0, -1.0
    for _ in range(PLACES):
        first = int(uniform(core.dream_chance) * max(have - need, 1))
        energy = 0.0
        for i in range(first, min(first + need, have)):
            energy += kept[i] * kept[i]
        if energy > most:
            best, most = first, energy
    windowed = core.dream_plan[APPROACH] == COLUMN or core.dream_plan[APPROACH] == TRANSPOSE
    for i in range(best, min(best + need, have)):
        core.dream_one[0] = kept[i]
        if windowed:
            core.dream_one[0] = (kept[i] - numbers[IN_MEAN]) / numbers[IN_SCALE]
        append(core, core.dream_one)
    words[REBUILD], words[FRESH] = 1, 1
    numbers[LEAP] = math.inf  # the next sample will tell


@kernel
def calm(core: Any, sample: Any) -> Any:
    """A sample as it is heard: after a restart the distance to the last one fades away."""
    numbers = core.dream_numbers
    if numbers[LEAP] != 0.0:
        if numbers[LEAP] == math.inf:
            numbers[LEAP] = numbers[LAST_OUT] - sample
        sample = np.float32(sample + numbers[LEAP])
        numbers[LEAP] *= numbers[CALM]
        if abs(numbers[LEAP]) < 1e-6:
            numbers[LEAP] = 0.0
    numbers[LAST_OUT] = sample
    return np.float32(sample)


__all__ = ["FADE_SECONDS", "calm", "kick", "restart", "until_look", "watch", "watchdog"]
