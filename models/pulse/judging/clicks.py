"""Clicks at known times: how late a beat is announced, and how unsteadily."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.pulse.judging.announced import Announced, Sound, Times
from models.pulse.judging.excerpts import RATE, SECONDS
from models.pulse.judging.scores import FROM_SECONDS, f_measure

TEMPOS = (97.0, 141.0)
FIRST_SECONDS = 0.4
LONG_SECONDS = 0.03
PITCH_HZ = 1500.0


def clicks(tempo_bpm: float, rate: int = RATE) -> tuple[Sound, Times]:
    """A click track, mono float32, and when each click begins."""
    times = np.arange(FIRST_SECONDS, SECONDS - 0.1, 60.0 / tempo_bpm)
    sound = np.zeros(round(SECONDS * rate), np.float32)
    for begin in times:
        first = math.ceil(begin * rate)
        since = (first + np.arange(round(LONG_SECONDS * rate))) / rate - begin
        click = 0.5 * np.exp(-since / 0.005) * np.sin(2 * np.pi * PITCH_HZ * since)
        sound[first : first + len(click)] += click.astype(np.float32)
    return sound, times


@dataclass(frozen=True)
class Timing:
    """Milliseconds after the click, median and standard deviation, of what came after 5 s.

    ``emitted`` is when a beat was announced, plus what it was announced ahead; ``asserted`` the
    time it was announced for. ``f`` is F of the asserted beats, ``lead`` the median time from
    announcement to asserted beat.
    """

    emitted: float
    emitted_spread: float
    asserted: float
    asserted_spread: float
    lead: float
    f: float


NOTHING = Timing(math.inf, math.inf, math.inf, math.inf, 0.0, 0.0)


def timing(times: Times, said: Announced, look_ahead_ms: float = 0.0) -> Timing:
    """Measure what was said of clicks at ``times``; infinite where nothing was."""
    late = said.beats >= FROM_SECONDS
    beats, emitted = said.beats[late], said.emitted[late] + look_ahead_ms / 1000.0
    if not len(beats):
        return NOTHING
    nearest = times[np.abs(beats[:, None] - times).argmin(axis=1)]
    near = np.abs(beats - nearest) < np.diff(times).mean() / 4  # off-beats are F's business
    if not near.any():
        return NOTHING
    late_ms, off_ms = (1000.0 * (when - nearest)[near] for when in (emitted, beats))
    return Timing(
        emitted=float(np.median(late_ms)),
        emitted_spread=float(np.std(late_ms)),
        asserted=float(np.median(off_ms)),
        asserted_spread=float(np.std(off_ms)),
        lead=1000.0 * float(np.median(beats - said.emitted[late])),
        f=f_measure(times, said.beats),
    )


__all__ = ["TEMPOS", "Timing", "clicks", "timing"]
