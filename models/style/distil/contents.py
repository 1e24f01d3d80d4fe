"""Varied content to be transferred: synthesised guitar, tunes, chords and beats of every colour."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from engine.performance import guitar
from models.style.distil.settings import PIECE_S, RATE

Array = npt.NDArray[np.float32]
Wide = npt.NDArray[np.float64]
KINDS = "guitar", "tune", "chords", "beats"
LEVEL = 0.1  # RMS of a piece
SCALES = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 6, 7, 10)


def content(number: int, seed: int) -> Array:
    """Piece ``number`` of a seed: (samples,) of PIECE_S at RATE; kinds take turns."""
    chance = np.random.default_rng([seed, number])
    samples = round(PIECE_S * RATE)
    kind = KINDS[number % len(KINDS)]
    if kind == "guitar":
        made = _guitar(samples, chance)
    elif kind == "beats":
        made = _beats(samples, chance)
    else:
        made = _notes(samples, chance, kind == "chords")
    made = _coloured(made, chance)
    power = float(np.sqrt(np.mean(np.square(made))))
    return np.asarray(made * (LEVEL / max(power, 1e-9)), np.float32)


@cache
def _performance() -> Wide:
    return guitar(RATE).astype(np.float64)


def _guitar(samples: int, chance: np.random.Generator) -> Wide:
    """A part of the performance, slower or faster and so lower or higher, perhaps driven."""
    whole = _performance()
    pace = 2.0 ** (chance.integers(-5, 6) / 12.0)
    place = chance.integers(len(whole)) + np.arange(samples) * pace
    low = place.astype(np.int64)
    part = place - low
    made = (1 - part) * whole[low % len(whole)] + part * whole[(low + 1) % len(whole)]
    drive = chance.uniform(-1.0, 1.5)
    if drive > 0.0:
        made = np.tanh(10.0**drive * 3.0 * made)
    return np.asarray(made)


def _notes(samples: int, chance: np.random.Generator, chords: bool) -> Wide:
    """A tune, or chords, of one additive instrument."""
    made = np.zeros(samples + 4 * RATE)
    scale = SCALES[chance.integers(len(SCALES))]
    root, spacing = chance.integers(38, 62), chance.choice([0.15, 0.22, 0.3, 0.45])
    voice = _voice(chance)
    at = 0.0
    while at < PIECE_S:
        lasts = spacing * chance.choice([1, 1, 2, 3]) * (3 if chords else 1)
        first = chance.integers(0, 8)
        for step in (first, first + 2, first + 4) if chords else (first,):
            key = root + 12 * (step // len(scale)) + scale[step % len(scale)]
            note = _note(440.0 * 2.0 ** ((key - 69) / 12.0), lasts, voice, chance)
            begin = round(at * RATE)
            made[begin : begin + len(note)] += note[: len(made) - begin] * chance.uniform(0.5, 1.0)
        at += lasts
    return made[:samples]


def _voice(chance: np.random.Generator) -> dict[str, float]:
    return {
        "slope": chance.uniform(0.5, 2.2),
        "odd": float(chance.random() < 0.3),
        "attack": float(10.0 ** chance.uniform(-2.7, -1.0)),
        "fall": float(10.0 ** chance.uniform(-1.0, 0.6)),
        "breath": float(10.0 ** chance.uniform(-3.0, -1.2)),
        "vibrato": chance.uniform(0.0, 0.006),
    }


def _note(hertz: float, lasts: float, voice: dict[str, float], chance: np.random.Generator) -> Wide:
    time = np.arange(round((lasts + 0.3) * RATE)) / RATE
    turn = 2 * np.pi * hertz * (time - voice["vibrato"] * np.cos(35.0 * time) / 35.0)
    made = np.zeros(len(time))
    for k in range(1, min(40, int(0.45 * RATE / hertz)) + 1):
        if voice["odd"] and k % 2 == 0:
            continue
        fall = np.exp(-time / voice["fall"] * (1.0 + 0.1 * k))
        made += k ** -voice["slope"] * fall * np.sin(k * turn + chance.uniform(0.0, 6.28))
    made += voice["breath"] * chance.standard_normal(len(time)) * np.abs(made).max()
    ends = np.clip((lasts + 0.05 - time) / 0.05, 0.0, 1.0)
    return np.asarray(made * ends * np.minimum(1.0, time / voice["attack"]))


def _beats(samples: int, chance: np.random.Generator) -> Wide:
    """Drums: bursts of noise and falling sines on a grid."""
    made = np.zeros(samples + RATE)
    step = chance.uniform(0.1, 0.18)
    for k in range(int(PIECE_S / step)):
        if chance.random() > (0.9 if k % 4 == 0 else 0.45):
            continue
        time = np.arange(round(0.4 * RATE)) / RATE
        if chance.random() < 0.4:
            hit = np.sin(2 * np.pi * (chance.uniform(50, 180) * time + 3.0 * np.exp(-time / 0.02)))
            hit = hit * np.exp(-time / chance.uniform(0.05, 0.2))
        else:
            hit = chance.standard_normal(len(time)) * np.exp(-time / chance.uniform(0.01, 0.12))
        begin = round(k * step * RATE)
        made[begin : begin + len(hit)] += hit * chance.uniform(0.3, 1.0)
    return made[:samples]


def _coloured(sound: Wide, chance: np.random.Generator) -> Wide:
    """Through a random smooth filter of up to 12 dB, and now and then a rest."""
    spectrum = np.fft.rfft(sound)
    places = np.linspace(0.0, 1.0, 6)
    curve = np.interp(
        np.linspace(0.0, 1.0, len(spectrum)) ** 0.4, places, chance.uniform(-12.0, 12.0, 6)
    )
    made = np.fft.irfft(spectrum * 10.0 ** (curve / 20.0), len(sound))
    if chance.random() < 0.3:
        begin = chance.integers(len(made) // 2)
        end = begin + chance.integers(RATE // 4, RATE)
        made[begin:end] *= 0.001
    return np.asarray(made)


__all__ = ["KINDS", "content"]
