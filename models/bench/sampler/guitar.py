"""The performer: phrases of recorded guitars, each damped at its end as a hand damps strings."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import models
from engine.dsp.resample import resample

Sound = npt.NDArray[np.float32]

RATE = 48_000
DATA = Path(models.__file__).resolve().parents[2] / "shared" / "data"
TAKES = (
    "music/sonic-pi/guit_em9.flac", "guitar/guitar_di_48k.wav", "music/sonic-pi/guit_e_fifths.flac",
    "music/sonic-pi/guit_e_slide.flac",
)  # fmt: skip
PHRASE_S = 4.0
STEPS = (0, 3, -2, 5, -4, 1)
"""Semitones that phrases are played apart, faster or slower: their roots would all be E."""
PEAK = 0.5
FADE_S = 0.03
RESTING_DB, REST_S = -38.0, 0.08
"""A phrase that is softer than this for so long has a pause of its own, and is left out."""


@cache
def takes() -> tuple[Sound, ...]:
    """Recorded guitars (n,) at RATE; where they are not here, the one that taraf synthesises."""
    from engine.performance import guitar
    from models.sampler.sound import mono

    found = [mono(DATA / name, RATE) for name in TAKES if (DATA / name).is_file()]
    return tuple(found) or (guitar(RATE),)


@cache
def phrases() -> tuple[Sound, ...]:
    """Phrases of PHRASE_S (n,), no two alike, neighbours on different roots."""
    found = [[part for take in takes() for part in _parts(take, steps)] for steps in STEPS]
    longest = max(map(len, found))
    return tuple(order[k] for k in range(longest) for order in found if k < len(order))


def performance(count: int, pause_s: float) -> tuple[Sound, npt.NDArray[np.int64]]:
    """``count`` phrases and a pause after each: the sound (n,), and where each phrase begins."""
    known, rest = phrases(), np.zeros(round(pause_s * RATE), np.float32)
    pieces = [np.concatenate([known[k % len(known)], rest]) for k in range(count)]
    return np.concatenate(pieces), np.cumsum([0, *map(len, pieces[:-1])])


def _parts(take: Sound, steps: int) -> list[Sound]:
    """The phrases of a take that have no pause, ``steps`` semitones higher."""
    as_if = round(RATE * 2.0 ** (steps / 12.0) / 100) * 100
    sound = resample(take[:, None], as_if, RATE)[:, 0] if steps else take
    length = round(PHRASE_S * RATE)
    cut = [_damped(sound[at : at + length]) for at in range(0, len(sound) - length + 1, length)]
    return [part for part in cut if _goes_through(part)]


def _damped(part: npt.NDArray[np.floating[Any]]) -> Sound:
    """At PEAK, silent from its last sample on."""
    fade = np.minimum(1.0, np.arange(len(part), 0, -1) / (FADE_S * RATE))
    rise = np.minimum(1.0, np.arange(len(part)) / (0.2 * FADE_S * RATE))
    loudest = max(float(np.abs(part).max()), 1e-9)
    return np.asarray(part * rise * fade * (PEAK / loudest), np.float32)


def _goes_through(part: Sound) -> bool:
    size = round(REST_S * RATE)
    whole = np.abs(part[: len(part) // size * size]).reshape(-1, size).max(axis=1)
    return bool((whole >= 10.0 ** (RESTING_DB / 20.0)).all())


__all__ = ["DATA", "PHRASE_S", "RATE", "performance", "phrases"]
