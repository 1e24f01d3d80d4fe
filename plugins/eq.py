"""Equaliser: two cuts, two shelves and two bells."""

from typing import Any

import numpy as np

from engine.dsp.filters import (
    BUTTERWORTH,
    COEFFICIENTS,
    glide_filter,
    is_open,
    run_filter,
    run_pair,
    set_high_shelf,
    set_highpass,
    set_low_shelf,
    set_lowpass,
    set_open,
    set_peak,
)
from engine.kernel import Audio, kernel
from engine.params import CELL, Param, Ramp
from engine.plugin import Plugin, Setup, State

BANDS = 6
OFF, REST, GLIDE = range(3)
FRESH = 6  # in a key: the band has been tuned and not been run since
LOWEST_HZ = 20.0  # a cut at this end of its range is off
HIGHEST_HZ = 20_000.0
ROUNDING = 1e-4  # a ramp ends within this of its aim


@kernel
def set_low_cut(row: Any, hz: float, db: float, q: float, rate: float) -> None:
    """Twelve decibels an octave below ``hz``."""
    set_highpass(row, hz, BUTTERWORTH, rate)
    if hz <= LOWEST_HZ * (1.0 + ROUNDING):
        set_open(row)


@kernel
def set_high_cut(row: Any, hz: float, db: float, q: float, rate: float) -> None:
    """Twelve decibels an octave above ``hz``."""
    set_lowpass(row, hz, BUTTERWORTH, rate)
    if hz >= HIGHEST_HZ * (1.0 - ROUNDING):
        set_open(row)


@kernel
def moved(key: Any, hz: Ramp, db: Ramp, q: Ramp) -> bool:
    """Whether a band's knobs are not those it was tuned to, which ``key`` (7) now notes.

    Coefficients follow from the cell's ramps alone, so keeping them changes no sound.
    """
    if (
        key[0] == hz.start
        and key[1] == hz.step
        and key[2] == db.start
        and key[3] == db.step
        and key[4] == q.start
        and key[5] == q.step
    ):
        return False
    key[0], key[1] = hz.start, hz.step
    key[2], key[3] = db.start, db.step
    key[4], key[5] = q.start, q.step
    key[FRESH] = 1.0
    return True


@kernel
def tune_band(set_row: Any, key: Any, rows: Any, rate: float) -> None:
    """Tune a band for both ends of the cell, with the setter of its kind."""
    for end in range(2):
        t = np.float32(end * CELL)
        hz, db, q = key[0] + key[1] * t, key[2] + key[3] * t, key[4] + key[5] * t
        set_row(rows[end], float(hz), float(db), float(q), rate)


@kernel
def mode_of(key: Any, rows: Any, memory: Any) -> int:
    """Whether a band just tuned is off, at rest or gliding.

    A band that is off forgets, and starts from silence when it is turned up.
    """
    key[FRESH] = 0.0
    if is_open(rows[0]) and is_open(rows[1]):
        for c in range(memory.shape[0]):
            memory[c, 0] = 0.0
            memory[c, 1] = 0.0
        return OFF
    if key[1] == 0.0 and key[3] == 0.0 and key[5] == 0.0:
        return REST
    return GLIDE


class Equaliser(Plugin):
    """Shape the tone: cut lows and highs, shelve them, and lift or dip two bands between."""

    low_cut_hz = Param(20.0, 20.0, 1000.0, "Hz", taper="log", help="Cut below; 20 is off")
    low_hz = Param(120.0, 20.0, 1000.0, "Hz", taper="log", help="Where the lows end")
    low_db = Param(0.0, -18.0, 18.0, "dB", help="Level of the lows")
    mid1_hz = Param(500.0, 50.0, 5000.0, "Hz", taper="log", help="Middle of the first bell")
    mid1_db = Param(0.0, -18.0, 18.0, "dB", help="Height of the first bell")
    mid1_q = Param(1.0, 0.2, 10.0, taper="log", help="Narrowness of the first bell")
    mid2_hz = Param(2000.0, 200.0, 12_000.0, "Hz", taper="log", help="Middle of the second bell")
    mid2_db = Param(0.0, -18.0, 18.0, "dB", help="Height of the second bell")
    mid2_q = Param(1.0, 0.2, 10.0, taper="log", help="Narrowness of the second bell")
    high_hz = Param(5000.0, 1000.0, 16_000.0, "Hz", taper="log", help="Where the highs begin")
    high_db = Param(0.0, -18.0, 18.0, "dB", help="Level of the highs")
    high_cut_hz = Param(
        20_000.0, 1000.0, 20_000.0, "Hz", taper="log", help="Cut above; 20000 is off"
    )

    def prepare(self, setup: Setup) -> State:
        return {
            "rate": float(setup.sample_rate),
            "keys": np.full((BANDS, 7), np.inf, np.float32),
            "rows": np.zeros((BANDS, 2, COEFFICIENTS)),
            "modes": np.zeros(BANDS, np.int64),
            "memory": np.zeros((BANDS, setup.channels, 2)),
        }

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        frames = audio.shape[1]
        k = knobs
        zero: Any = np.float32(0.0)
        shelf: Any = np.float32(BUTTERWORTH)
        none, flat = Ramp(zero, zero, 0), Ramp(shelf, zero, 0)
        keys, rows, memory, rate = state.keys, state.rows, state.memory, state.rate
        if moved(keys[0], k.low_cut_hz, none, flat):
            tune_band(set_low_cut, keys[0], rows[0], rate)
        if moved(keys[1], k.low_hz, k.low_db, flat):
            tune_band(set_low_shelf, keys[1], rows[1], rate)
        if moved(keys[2], k.mid1_hz, k.mid1_db, k.mid1_q):
            tune_band(set_peak, keys[2], rows[2], rate)
        if moved(keys[3], k.mid2_hz, k.mid2_db, k.mid2_q):
            tune_band(set_peak, keys[3], rows[3], rate)
        if moved(keys[4], k.high_hz, k.high_db, flat):
            tune_band(set_high_shelf, keys[4], rows[4], rate)
        if moved(keys[5], k.high_cut_hz, none, flat):
            tune_band(set_high_cut, keys[5], rows[5], rate)
        waiting = -1  # a resting band that shares its pass with the next
        for band in range(BANDS):
            if keys[band, FRESH] != 0.0:
                state.modes[band] = mode_of(keys[band], rows[band], memory[band])
            mode = state.modes[band]
            if mode == REST and waiting >= 0:
                run_pair(
                    audio, frames, rows[waiting, 0], memory[waiting], rows[band, 0], memory[band]
                )
                waiting = -1
            elif mode == REST:
                waiting = band
            elif mode == GLIDE:
                if waiting >= 0:
                    run_filter(audio, frames, rows[waiting, 0], memory[waiting])
                    waiting = -1
                glide_filter(audio, frames, rows[band], memory[band], k.low_hz.at)
        if waiting >= 0:
            run_filter(audio, frames, rows[waiting, 0], memory[waiting])
