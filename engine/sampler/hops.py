"""vector and spectrum: a step makes a hop of samples, at once or spread over the hop before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.sampler.chance import normal
from engine.sampler.fourier import to_spectrum
from engine.sampler.frames import FLOOR
from engine.sampler.key import choose_key, hear_pitches, moved
from engine.sampler.plan import COST
from engine.sampler.state import (
    APPROACH,
    AT,
    DONE,
    FIRST,
    FRESH,
    HEARING,
    HOP,
    INPUTS,
    KEY,
    LANDING,
    LAST,
    LEAP,
    LISTENING,
    LOG,
    MAKING,
    MODE,
    OUTPUTS,
    PENDING,
    PLACE,
    SLICED,
    SPECTRUM,
    STUCK,
    TEMPERATURE,
)
from engine.sampler.step import append, believed, next_kick, pool, run_to
from engine.sampler.vocoder import hush, sing
from engine.sampler.watchdog import calm, kick, restart


@kernel
def play_hops(core: Any, voc: Any, sound: Any, mode: int) -> None:
    """Put ``sound`` into the line; follow it; or make it."""
    words, hop, done = core.dream_words, core.dream_plan[HOP], 0
    turn_to(core, voc, mode)
    if mode != MAKING:
        pool(core, sound)
        words[STUCK] = 0
    if mode == HEARING:
        append(core, sound)
        return
    while done < sound.shape[0]:
        if words[PLACE] == hop:
            if mode == LISTENING:
                words[FRESH] = 1
            next_step(core, voc)
            words[PLACE] = 0
        some = min(sound.shape[0] - done, hop - words[PLACE])
        if mode == LISTENING:
            append(core, sound[done : done + some])
        else:
            for i in range(some):
                sound[done + i] = calm(core, core.dream_made[words[PLACE] + i])
        done += some
        go_on(core, some)


@kernel
def turn_to(core: Any, voc: Any, mode: int) -> None:
    """Do something else from now on: a new hop begins, and a step that was under way is let go."""
    words = core.dream_words
    if words[MODE] == mode:
        return
    words[MODE], words[PENDING], words[FRESH] = mode, 0, 1
    next_kick(core)
    words[LANDING] = 0
    if mode == MAKING:
        choose_key(core, voc)
        hush(voc)
        if core.dream_plan[SLICED] != 0 and core.dream_plan[APPROACH] != SPECTRUM:
            words[LANDING] = 1  # from the hop of silence
    core.dream_tail[core.dream_tail.shape[0] - 1] = np.float32(0.0)
    words[PLACE] = core.dream_plan[HOP]
    for i in range(core.dream_made.shape[0]):
        core.dream_made[i] = np.float32(0.0)


@kernel
def next_step(core: Any, voc: Any) -> None:
    """A hop begins: finish the step that it needs, or, spread out, the one that was under way."""
    words, sliced = core.dream_words, core.dream_plan[SLICED]
    if sliced == 0:
        renew(core, voc)
    if words[PENDING] != 0:
        run_to(core, -1)
        finish(core, voc)
        words[PENDING] = 0
    if sliced != 0:
        renew(core, voc)


@kernel
def renew(core: Any, voc: Any) -> None:
    """Begin a step; elsewhere, if it is stuck."""
    if core.dream_words[STUCK] != 0:
        restart(core)
        landed(core)
    begin(core, voc)
    core.dream_words[PENDING] = 1


@kernel
def go_on(core: Any, frames: int) -> None:
    """So many frames of the hop have passed: where the step is spread out, do its share."""
    words, calls = core.dream_words, core.dream_calls
    words[PLACE] += frames
    if core.dream_plan[SLICED] != 0:
        total = calls[calls.shape[0] - 1, COST]
        run_to(core, total * words[PLACE] // core.dream_plan[HOP])


@kernel
def begin(core: Any, voc: Any) -> None:
    """Write a step's input, standardised."""
    words, plan, count = core.dream_words, core.dream_plan, core.dream_plan[INPUTS]
    if words[MODE] == MAKING and kick(core) != 0:
        landed(core)
    x = core.dream_memory[plan[FIRST] : plan[FIRST] + count]
    mean, scale = core.dream_standard[0], core.dream_standard[1]
    source = core.dream_frame
    if plan[APPROACH] != SPECTRUM:
        source = core.dream_line[words[AT] - count : words[AT]]
    elif words[FRESH] != 0:
        analyse(core, voc)
    for k in range(count):
        x[k] = (source[k] - mean[k]) / scale[k]
    if words[MODE] == MAKING:
        shake(core, x)
    words[FRESH], words[DONE] = 0, 0


@kernel
def landed(core: Any) -> None:
    """After a leap: amplitudes of spectra go in lines, and vectors that overlap are crossfaded.

    Others need the leap's fade, when what is begun now begins to sound.
    """
    core.dream_numbers[LEAP] = 0.0
    if core.dream_plan[APPROACH] != SPECTRUM and core.dream_tail.shape[0] == 1:
        core.dream_words[LANDING] = 1


@kernel
def shake(core: Any, x: Any) -> None:
    """Add the temperature's noise to what a step hears of its own dream.

    A network that has learnt means would be heard to hiss with noise on what it says; with noise
    on what it hears it goes elsewhere and sounds as clean.
    """
    heat, spread = core.dream_numbers[TEMPERATURE], core.dream_spread
    if heat > 0.0 and spread.shape[0] > 0:
        for k in range(x.shape[0]):
            x[k] += heat * spread[min(k, spread.shape[0] - 1)] * normal(core.dream_chance)


@kernel
def analyse(core: Any, voc: Any) -> None:
    """The frame of the last samples of the line, as the network learnt frames."""
    window, padded, spectrum = core.dream_window, core.dream_padded, core.dream_bins
    size, end = window.shape[0], core.dream_words[AT]
    for i in range(size):
        padded[i] = core.dream_line[end - size + i] * window[i]
    to_spectrum(
        voc.voc_order, voc.voc_steps, voc.voc_twiddle, voc.voc_turn, voc.voc_work,
        padded, spectrum,
    )  # fmt: skip
    frame, sizes, key = core.dream_frame, voc.voc_key_sizes, core.dream_numbers[KEY]
    for k in range(frame.shape[0]):
        re, im = spectrum[0, k], spectrum[1, k]
        sizes[k] = math.sqrt(re * re + im * im)
    if core.dream_words[MODE] == LISTENING:
        hear_pitches(voc, sizes)
    moved(sizes, 1.0 / key, frame)
    if core.dream_plan[LOG] != 0:
        for k in range(frame.shape[0]):
            frame[k] = math.log(frame[k] + FLOOR)


@kernel
def finish(core: Any, voc: Any) -> None:
    """What the head made becomes the next input and, unless others play, sound."""
    words, plan, memory = core.dream_words, core.dream_plan, core.dream_memory
    if words[MODE] != MAKING:
        return
    first, count = plan[LAST], plan[OUTPUTS]
    mean, scale = core.dream_standard[2], core.dream_standard[3]
    made, frame, loud = core.dream_made, core.dream_frame, core.dream_magnitudes
    sizes = voc.voc_key_sizes
    for k in range(count):
        value = np.float32(believed(core, memory[first + k])) * scale[k] + mean[k]
        if plan[APPROACH] == SPECTRUM:
            frame[k] = value
        elif k < plan[HOP]:
            made[k] = value
        else:
            core.dream_next[k - plan[HOP]] = value
    if plan[APPROACH] != SPECTRUM:
        join(core)
    if words[LANDING] != 0:
        words[LANDING], core.dream_numbers[LEAP] = 0, math.inf
    if plan[APPROACH] == SPECTRUM:
        for k in range(count):
            size = math.exp(min(frame[k], 10.0)) - FLOOR if plan[LOG] != 0 else frame[k]
            sizes[k] = max(size, 0.0)
        moved(sizes, core.dream_numbers[KEY], loud)
        sing(voc, loud, made)
    append(core, made)


@kernel
def join(core: Any) -> None:
    """Crossfade a vector's beginning with what the one before foresaw there, if there was one.

    The last of ``dream_tail`` tells whether there was.
    """
    made, tail, following, fade = (
        core.dream_made, core.dream_tail, core.dream_next, core.dream_fade,
    )  # fmt: skip
    count = tail.shape[0] - 1
    if tail[count] != 0.0:
        for k in range(count):
            made[k] = tail[k] + (made[k] - tail[k]) * fade[k]
    for k in range(count):
        tail[k] = following[k]
    tail[count] = np.float32(1.0)


__all__ = ["play_hops"]
