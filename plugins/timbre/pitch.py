"""Which pitch sounds: McLeod and Wyvill's method on the last 38 ms, by Fourier transforms.

McLeod and Wyvill, A Smarter Way to Find Pitch, ICMC 2005: twice the autocorrelation of a window
over the energy of both of its parts, 1 at the period of what is periodic; the first peak that is
nearly the highest is the period. ``plugins.tuner`` does the same within a cent, but over 100 ms and
once in 37: too late for a note that has just begun.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.morph.grid import Grid
from engine.sampler.fourier import real_transform, to_sound, to_spectrum
from plugins.tuner import refine, summit

WINDOW_S = 0.038
LOWEST_HZ, HIGHEST_HZ = 40.5, 1500.0
EVERY_S = 0.004
NEAR_BEST, CLEAR = 0.9, 0.8
FAINT = 1e-7
"""Power, -70 dB, of what is not looked at."""
NEAR = 0.7
"""Semitones within which a reading is the same note going on; what is further is believed when it
is read twice."""
GLIDE = 0.5
"""How far a held pitch goes to a reading of the same note at once."""

PITCH, CANDIDATE, CLARITY = range(3)
"""``pitch_held``: in semitones, MIDI's: what is believed, what was read last and is not yet, and
how periodic the sound was then, 0 to 1 (0: nothing is believed)."""
FIRST = 60.0


def pitch_state(grid: Grid) -> dict[str, Any]:
    """State of ``find_pitch``, beside ``past`` of at least ``window_of`` samples."""
    window, lags = window_of(grid), math.ceil(grid.rate / LOWEST_HZ) + 2
    points = 1 << (window + lags - 1).bit_length()
    return {
        "pitch_window": window,
        "pitch_rate": float(grid.rate),
        "pitch_every": max(1, round(EVERY_S * grid.rate / grid.hop)),
        "pitch_due": np.zeros(1, np.int64),
        "pitch_held": np.array([FIRST, FIRST, 0.0]),
        "pitch_segment": np.zeros(points, np.float32),
        "pitch_spectrum": np.zeros((2, points // 2 + 1), np.float32),
        "pitch_likeness": np.zeros(lags, np.float32),
        **real_transform(points, "pitch_"),
    }


def window_of(grid: Grid) -> int:
    """Samples that are looked at."""
    return math.ceil(WINDOW_S * grid.rate)


@kernel
def find_pitch(state: Any) -> None:
    """Once a hop: read the pitch of the end of ``past`` if it is due, and hold it."""
    state.pitch_due[0] -= 1
    if state.pitch_due[0] > 0:
        return
    state.pitch_due[0] = state.pitch_every
    energy = correlate(state)
    if energy < FAINT * state.pitch_window:
        state.pitch_held[CLARITY] = 0.0
        return
    period, clarity = period_of(state.pitch_likeness)
    state.pitch_held[CLARITY] = min(1.0, clarity)
    if clarity < CLEAR or period * HIGHEST_HZ < state.pitch_rate:
        return
    exact = refine(state.pitch_likeness, period, clarity)
    hold(state.pitch_held, 69.0 + 12.0 * math.log2(state.pitch_rate / exact / 440.0))


@kernel
def hold(held: Any, read: float) -> None:
    """A reading near to what is held moves it; one far away, read twice, takes its place."""
    if abs(read - held[PITCH]) < NEAR:
        held[PITCH] += GLIDE * (read - held[PITCH])
    elif abs(read - held[CANDIDATE]) < NEAR:
        held[PITCH] = read
    held[CANDIDATE] = read


@kernel
def correlate(state: Any) -> float:
    """``pitch_likeness``: 1 at 0, less where the window is not like itself; its energy."""
    past, window = state.past, state.pitch_window
    segment, likeness, spectrum = state.pitch_segment, state.pitch_likeness, state.pitch_spectrum
    x = past[past.shape[0] - window :]
    mean = np.float32(0.0)
    for i in range(window):
        mean += x[i]
    mean /= np.float32(window)
    for i in range(window):
        segment[i] = x[i] - mean
    for i in range(window, segment.shape[0]):
        segment[i] = np.float32(0.0)
    energy = 0.0
    for i in range(window):
        energy += segment[i] * segment[i]
    if energy < FAINT * window:
        return energy
    to_spectrum(
        state.pitch_order, state.pitch_steps, state.pitch_twiddle, state.pitch_turn,
        state.pitch_work, segment, spectrum,
    )  # fmt: skip
    re, im = spectrum[0], spectrum[1]
    for k in range(re.shape[0]):
        re[k] = re[k] * re[k] + im[k] * im[k]
        im[k] = np.float32(0.0)
    both = 2.0 * energy
    for lag in range(likeness.shape[0]):  # what both parts hold, before ``segment`` is lost
        likeness[lag] = np.float32(both + 1e-20)
        both -= segment[lag] * segment[lag] + segment[window - 1 - lag] * segment[window - 1 - lag]
    to_sound(
        state.pitch_order, state.pitch_steps, state.pitch_twiddle, state.pitch_turn,
        state.pitch_work, spectrum, segment,
    )  # fmt: skip
    for lag in range(likeness.shape[0]):
        likeness[lag] = np.float32(2.0) * segment[lag] / likeness[lag]
    return energy


@kernel
def period_of(likeness: Any) -> tuple[float, float]:
    """Samples and height of the first peak that is nearly the best, 0 and 0 if there is none.

    A peak is the highest lag of a positive lobe; the lobe at lag 0 is none.
    """
    best = peak_above(likeness, -1.0)[1]
    if best <= 0.0:
        return 0.0, 0.0
    return peak_above(likeness, NEAR_BEST * best)


@kernel
def peak_above(likeness: Any, least: float) -> tuple[float, float]:
    """The first peak of at least ``least``; below 0: the highest one."""
    found, height, lag, last = 0.0, 0.0, 1, likeness.shape[0] - 1
    while lag < last and likeness[lag] > 0.0:
        lag += 1
    while lag < last:
        top = 0
        while lag < last and likeness[lag] <= 0.0:
            lag += 1
        while lag < last and likeness[lag] > 0.0:
            if top == 0 or likeness[lag] > likeness[top]:
                top = lag
            lag += 1
        if top > 1 and top < last - 1:
            shift, level = summit(likeness, top)
            if least >= 0.0 and level >= least:
                return top + shift, level
            if level > height:
                found, height = top + shift, level
    return found, height


__all__ = [
    "CLARITY", "HIGHEST_HZ", "LOWEST_HZ", "PITCH", "find_pitch", "pitch_state", "window_of",
]  # fmt: skip
