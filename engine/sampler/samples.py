"""column and transpose: a step a sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.sampler.chance import drop
from engine.sampler.state import (
    AT,
    BLOCK,
    DONE,
    DROPPING,
    HEARING,
    IN_MEAN,
    IN_SCALE,
    INPUTS,
    KEEP_IN,
    LAST,
    LEARNS,
    MAKING,
    MODE,
    OUT_MEAN,
    OUT_SCALE,
    PLACE,
    REBUILD,
    STUCK,
    TAPS_BIAS,
    TIME,
)
from engine.sampler.step import make_room, next_kick, pool, run_to, settle
from engine.sampler.watchdog import calm, kick, restart
from engine.sampler.window import hear_window


@kernel
def play_samples(core: Any, bank: Any, sound: Any, mode: int) -> None:
    """Put ``sound`` into the line; follow it, a step for each sample; or make it."""
    words, numbers = core.dream_words, core.dream_numbers
    if words[MODE] != mode:
        words[MODE] = mode
        next_kick(core)
    if mode != MAKING:
        pool(core, sound)
        words[STUCK] = 0
    for i in range(sound.shape[0]):
        sample = float(sound[i])
        if mode == HEARING:
            words[REBUILD], words[PLACE] = 1, 0
            say_nothing(core)
        else:
            if words[STUCK] != 0:
                restart(core)
            if mode == MAKING:
                kick(core)
            predicted = say(core, bank) * numbers[OUT_SCALE] + numbers[OUT_MEAN]
            if mode == MAKING:
                sample = predicted
                sound[i] = calm(core, predicted)
        take(core, bank, standardised(numbers, sample))


@kernel
def say_nothing(core: Any) -> None:
    """No step is made: taps that reach here later find 0."""
    said = core.dream_said
    for r in range(said.shape[0]):
        said[r, core.dream_words[TIME] & (said.shape[1] - 1)] = np.float32(0.0)


@kernel
def standardised(numbers: Any, sample: float) -> Any:
    """A sample as the network hears it."""
    return np.float32((sample - numbers[IN_MEAN]) / numbers[IN_SCALE])


@kernel
def drop_one(core: Any) -> None:
    """Dropout of a sample, once for all steps whose window it passes through."""
    keep = core.dream_numbers[KEEP_IN]
    if core.dream_words[DROPPING] != 0 and keep < 1.0:
        drop(core.dream_one, keep, core.dream_chance)


@kernel
def take(core: Any, bank: Any, value: Any) -> None:
    """The next sample of the signal, standardised."""
    words, one = core.dream_words, core.dream_one
    one[0] = value
    drop_one(core)
    if words[AT] == core.dream_line.shape[0]:
        make_room(core)
    core.dream_line[words[AT]] = one[0]
    bank.bank_recent[core.dream_plan[BLOCK] - 1 - words[PLACE]] = one[0]
    words[AT] += 1
    words[PLACE] += 1
    words[TIME] += 1


@kernel
def say(core: Any, bank: Any) -> float:
    """One step: what is predicted for the next sample, standardised."""
    memory, plan, words = core.dream_memory, core.dream_plan, core.dream_words
    hear_window(core, bank)
    words[DONE] = 0
    run_to(core, -1)
    value = memory[plan[LAST]]
    log = memory[plan[LAST] + 1] if plan[LEARNS] != 0 else np.float32(0.0)
    if core.dream_taps.shape[0] > 0:
        if words[PLACE] == 0:
            mix_ahead(core)
        value = mixed(core, 0, value) + np.float32(core.dream_numbers[TAPS_BIAS])
        if plan[LEARNS] != 0:
            log = mixed(core, 1, log)
    return settle(core, value, log)


@kernel
def mix_ahead(core: Any) -> None:
    """Of the block that begins: the taps on what was said before it."""
    taps, said, ahead = core.dream_taps, core.dream_said, core.dream_mixed
    mask, spacing, time = said.shape[1] - 1, core.dream_plan[INPUTS], core.dream_words[TIME]
    block = core.dream_plan[BLOCK]
    for r in range(said.shape[0]):
        out, line = ahead[r], said[r]
        for j in range(block):
            out[j] = np.float32(0.0)
        for k in range(1, taps.shape[0]):
            tap, first = taps[taps.shape[0] - 1 - k], time - k * spacing
            for j in range(min(block, k * spacing)):
                out[j] += tap * line[(first + j) & mask]


@kernel
def mixed(core: Any, row: int, value: Any) -> Any:
    """Remember ``value`` as said now; return the taps' sum over what was said up to now."""
    taps, line = core.dream_taps, core.dream_said[row]
    words, spacing = core.dream_words, core.dream_plan[INPUTS]
    mask, time, place = line.shape[0] - 1, words[TIME], words[PLACE]
    line[time & mask] = value
    total = core.dream_mixed[row, place] + taps[taps.shape[0] - 1] * value
    k = 1
    while k * spacing <= place and k < taps.shape[0]:
        total += taps[taps.shape[0] - 1 - k] * line[(time - k * spacing) & mask]
        k += 1
    return total


__all__ = ["play_samples"]
