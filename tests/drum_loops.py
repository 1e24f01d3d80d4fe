"""Drum loops for tests of who follows them: a kick, a snare and a hi-hat made of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

KICK, SNARE, HAT = range(3)
BACKBEAT = ((0, KICK), (1, SNARE), (2, KICK), (2.5, KICK), (3, SNARE))
WALTZ = ((0, KICK), (1, SNARE), (2, SNARE))


def stroke(drum: int, rate: int, loud: float = 1.0) -> Any:
    """One stroke, 0.2 s: the same at any rate up to what that rate can hold."""
    t = np.arange(int(0.2 * rate)) / rate
    if drum == KICK:
        made = np.sin(2 * np.pi * (50 * t + 2.0 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / 0.05)
    else:
        rng = np.random.default_rng(drum)
        low, high, decay = (150.0, 7000.0, 0.05) if drum == SNARE else (6000.0, 15000.0, 0.015)
        hz = np.geomspace(low, high, 150)
        turns = rng.uniform(0, 2 * np.pi, len(hz))
        hz = hz[hz < 0.45 * rate]
        made = sum(np.sin(2 * np.pi * f * t + p) for f, p in zip(hz, turns, strict=False))
        made = np.asarray(made) / 12.0 * np.exp(-t / decay)
    return (0.4 * loud * made).astype(np.float32)


def loop(
    beats: Any, rate: int, seconds: float, pattern: Sequence[tuple[float, int]] = BACKBEAT,
    bar: int = 4, hats: float = 0.5,
) -> Any:  # fmt: skip
    """``pattern`` (beat in the bar, drum) along ``beats`` (seconds), and hats every ``hats``."""
    made = np.zeros(int(seconds * rate), np.float32)
    drums = {drum: stroke(drum, rate) for drum in (KICK, SNARE, HAT)}
    strokes = [(at + k, drum) for k in range(0, len(beats), bar) for at, drum in pattern]
    if hats > 0.0:
        strokes += [(at, HAT) for at in np.arange(0.0, len(beats), hats)]
    for at, drum in strokes:
        if at > len(beats) - 1:
            continue
        first = round(float(np.interp(at, np.arange(len(beats)), beats)) * rate)
        part = made[first : first + len(drums[drum])]
        part += drums[drum][: len(part)] * np.float32(0.5 if drum == HAT else 1.0)
    return made


def steady(bpm: float, seconds: float, start: float = 0.3) -> Any:
    """Beats (seconds) at one tempo."""
    return np.arange(start, seconds, 60.0 / bpm)


def found(beats: Any, truth: Any, within: float = 0.07) -> float:
    """F measure of ``beats`` against ``truth``, each matched at most once."""
    left, hits = list(truth), 0
    for beat in beats:
        near = [t for t in left if abs(t - beat) <= within]
        if near:
            left.remove(min(near, key=lambda t: abs(t - beat)))
            hits += 1
    return 2.0 * hits / max(1, len(beats) + len(truth))


def up_to_octave(beats: Any, truth: Any) -> float:
    """``found``, whoever counts half or double as many."""
    halves = np.interp(np.arange(0, len(truth) - 0.5, 0.5), np.arange(len(truth)), truth)
    choices = (truth, truth[::2], truth[1::2], halves)
    return max(found(beats, choice) for choice in choices)
