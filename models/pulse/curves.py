"""Tempo curves: at which second each beat falls. People's own, and ones that are made up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.pulse.takes import Trio

Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Beat number ``k`` falls on ``seconds[k]``; between two beats time passes evenly."""

    seconds: Times

    def at(self, beats: npt.ArrayLike) -> Times:
        """When ``beats`` fall, in seconds; beyond its last beat it goes on as there."""
        wanted = np.asarray(beats, np.float64)
        known = np.arange(len(self.seconds), dtype=np.float64)
        inside = np.interp(wanted, known, self.seconds)
        last = self.seconds[-1] - self.seconds[-2]
        return np.where(wanted > known[-1], self.seconds[-1] + (wanted - known[-1]) * last, inside)

    def until(self, seconds: float) -> Times:
        """Its beats before ``seconds``."""
        count = len(self.seconds)
        more = (seconds - self.seconds[-1]) / (self.seconds[-1] - self.seconds[-2])
        beats = self.at(np.arange(count + max(0, int(more) + 1)))
        return beats[beats < seconds]


def steady(tempo_bpm: float, beats: int = 2) -> Curve:
    """A click."""
    return Curve(60.0 / tempo_bpm * np.arange(max(beats, 2), dtype=np.float64))


def human(trio: Trio, tempo_bpm: float, seconds: float, start: int = 0) -> Curve:
    """The tempo of ``trio`` from its beat ``start`` on, scaled to ``tempo_bpm`` on average.

    Where the recording ends before ``seconds`` it is followed backwards, then forwards again.
    """
    gaps = np.diff(trio.beats)
    gaps = gaps * (60.0 / tempo_bpm) / gaps.mean()
    count = int(seconds / gaps.min()) + 2
    there_and_back = np.concatenate([gaps, gaps[::-1]])
    return Curve(np.cumsum([0.0, *np.take(there_and_back, start + np.arange(count), mode="wrap")]))


def swung(
    tempo_bpm: float, seconds: float, depths: tuple[float, ...] = (0.15, 0.07),
    periods: tuple[float, ...] = (17.0, 5.3), phases: tuple[float, ...] = (0.0, 1.0),
) -> Curve:  # fmt: skip
    """Rubato: the tempo swings smoothly, by ``depths`` (1 is all) with ``periods`` in seconds."""
    time = np.arange(0.0, seconds + 4.0, 0.01)
    swing = sum(
        depth * np.sin(2 * np.pi * time / period + phase)
        for depth, period, phase in zip(depths, periods, phases, strict=True)
    )
    beats = np.cumsum(tempo_bpm / 60.0 * (1.0 + swing)) * 0.01
    beats -= beats[0]
    return Curve(np.asarray(np.interp(np.arange(int(beats[-1]) + 1), beats, time), np.float64))


def stepped(tempo_bpm: float, ratio: float, at_seconds: float, seconds: float) -> Curve:
    """A click whose tempo is ``ratio`` of what it was from the first beat after ``at_seconds``."""
    period = 60.0 / tempo_bpm
    before = np.arange(0.0, at_seconds + period, period)
    after = before[-1] + period / ratio * np.arange(1, int(seconds / period * ratio) + 2)
    return Curve(np.concatenate([before, after]))


def drifting(
    tempo_bpm: float, seconds: float, rng: np.random.Generator, wander: float = 0.01
) -> Curve:
    """A random walk: from beat to beat the tempo moves by ``wander`` of itself, and returns."""
    count = int(seconds * tempo_bpm / 60.0 * 1.6) + 4
    moves = rng.normal(0.0, wander, count)
    walk = np.zeros(count)
    for k in range(1, count):
        walk[k] = 0.97 * walk[k - 1] + moves[k]
    jitter = rng.normal(0.0, 0.004, count)
    return Curve(np.cumsum([0.0, *(60.0 / tempo_bpm * np.exp(np.clip(walk + jitter, -0.5, 0.5)))]))


__all__ = ["Curve", "drifting", "human", "steady", "stepped", "swung"]
