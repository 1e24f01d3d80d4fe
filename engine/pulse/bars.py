"""Which beat is the first of a bar, and how many beats a bar has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.pulse.tracker import BEATS

METERS = (3, 4)  # what it tells apart by itself
MOST = 8
KEEP = 0.94  # of what earlier beats said, at each beat
OFTEN = 0.012  # a bar's first at any hop
MARGIN = 1.5  # by which another place must be better
PEAK, DONE, BAR, SHIFT, SAID, SUM, WEIGHT = range(7)
"""Places in ``state.bar``: the likeliest first near this beat; the beat last judged; beats a bar;
a beat whose number plus this is divided by them is a first; 1 where a player has said so; what
recent beats said in all, and how many they were."""


def bars() -> dict[str, Any]:
    """State of ``count_bars``."""
    bar = np.zeros(7)
    bar[BAR], bar[DONE] = 4.0, -1.0
    return {"bar": bar, "scores": np.zeros((MOST + 1, MOST))}


@kernel
def count_bars(state: Any, first: float, meter: int) -> None:
    """Move on by a hop in which a bar's first had the probability ``first``.

    ``meter`` is how many beats a bar has, 0 if that is to be found out.
    """
    bar, beats = state.bar, state.pulse[BEATS]
    place = beats - math.floor(beats)
    if place > 0.85 or place < 0.3:
        bar[PEAK] = max(bar[PEAK], first)
        return
    number = int(math.floor(beats))  # noqa: RUF046 - a float to the compiler
    if number <= bar[DONE]:
        return
    bar[DONE] = number
    said = 0.0  # without a network nothing is told of firsts: count on from the first beat
    if bar[PEAK] > 0.0:
        said = math.log((bar[PEAK] + 1e-3) / (OFTEN + 1e-3))
    bar[PEAK] = 0.0
    judge(state, number, min(max(said, -2.0), 3.0), meter)


@kernel
def judge(state: Any, number: int, said: float, meter: int) -> None:
    """Beat ``number`` was as much a first as ``said``: who has been one till now?

    What counts is by how much it said more than others: were all alike, those that spoke last
    would seem to differ from those whose words have faded.
    """
    bar, scores = state.bar, state.scores
    bar[SUM], bar[WEIGHT] = KEEP * bar[SUM] + said, KEEP * bar[WEIGHT] + 1.0
    more = said - bar[SUM] / bar[WEIGHT]
    for m in range(2, MOST + 1):
        for j in range(m):
            scores[m, j] *= KEEP
        scores[m, number % m] += more
    if bar[SAID] == 1.0 and (meter == 0 or meter == int(bar[BAR])):
        return
    best_meter, best_place, best_score = int(bar[BAR]), 0, -1e9
    for m in range(2, MOST + 1):
        if m != meter and (meter > 0 or m not in METERS):
            continue
        mean = 0.0
        for j in range(m):
            mean += scores[m, j] / m
        for j in range(m):
            score = (scores[m, j] - mean) * (m - 1.0) / m * math.sqrt(m)
            if m == int(bar[BAR]) and j == (m - int(bar[SHIFT]) % m) % m:
                score += MARGIN
            if score > best_score:
                best_meter, best_place, best_score = m, j, score
    bar[BAR] = best_meter
    bar[SHIFT] = (best_meter - best_place) % best_meter


@kernel
def say_first(state: Any, number: float, meter: int) -> None:
    """A player says that beat ``number`` is a first of bars of ``meter`` beats."""
    bar = state.bar
    bar[BAR], bar[SHIFT] = meter, (meter - number % meter) % meter
    bar[SAID] = 1.0


__all__ = ["BAR", "SAID", "SHIFT", "bars", "count_bars", "say_first"]
