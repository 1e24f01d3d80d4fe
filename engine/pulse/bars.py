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
EARLY = 0.15  # of a beat before the next, it is as good as there
PEAK, DONE, BAR, SHIFT, SAID, SUM, WEIGHT, BEGAN, HALVED = range(9)
"""Places in ``state.bar``: the likeliest first near this beat; the beat last judged; beats a bar;
a beat whose number plus this is divided by them is a first; 1 where a player has said so; what
recent beats said in all, and how many they were; the beat with which a bar that was said began
last; 1 where every other beat is told, those whose number plus the shift is even."""


def bars() -> dict[str, Any]:
    """State of ``count_bars``."""
    bar = np.zeros(9)
    bar[BAR], bar[DONE] = 4.0, -1.0
    return {"bar": bar, "scores": np.zeros((MOST + 1, MOST))}


@kernel
def count_bars(state: Any, first: float, meter: int) -> None:
    """Move on by a hop in which a bar's first had the probability ``first``.

    ``meter`` is how many beats a bar has, 0 if that is to be found out.
    """
    bar, beats = state.bar, state.pulse[BEATS]
    if bar[SAID] == 1.0:
        keep_first(state, math.floor(beats + EARLY), meter)
    place = beats - math.floor(beats)
    if place > 1.0 - EARLY or place < 0.3:
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
def keep_first(state: Any, number: int, meter: int) -> None:
    """It is beat ``number``: where another meter is chosen, this bar began where it did."""
    bar = state.bar
    if (number + int(bar[SHIFT])) % told_bar(bar) == 0:
        bar[BEGAN] = number
    if meter > 0 and meter != int(bar[BAR]):
        say_first(state, bar[BEGAN], meter)


@kernel
def told_bar(bar: Any) -> int:
    """Beats from one first that is told to the next."""
    return int(bar[BAR]) * (2 if bar[HALVED] == 1.0 else 1)


@kernel
def judge(state: Any, number: int, said: float, meter: int) -> None:
    """Beat ``number`` was as much a first as ``said``: who has been one till now?

    What counts is by how much it said more than others: were all alike, those that spoke last
    would seem to differ from those whose words have faded. Where every other beat is told, those
    that are told stay so.
    """
    bar, scores = state.bar, state.scores
    bar[SUM], bar[WEIGHT] = KEEP * bar[SUM] + said, KEEP * bar[WEIGHT] + 1.0
    more = said - bar[SUM] / bar[WEIGHT]
    for m in range(2, MOST + 1):
        for j in range(m):
            scores[m, j] *= KEEP
        scores[m, number % m] += more
    if bar[SAID] == 1.0:
        return
    best_meter, best_place, best_score = int(bar[BAR]), 0, -1e9
    for m in range(2, MOST + 1):
        if m != meter and (meter > 0 or m not in METERS):
            continue
        mean = 0.0
        for j in range(m):
            mean += scores[m, j] / m
        for j in range(m):
            if m % 2 == 0 and not keeps_told(bar, m - j):
                continue
            score = (scores[m, j] - mean) * (m - 1.0) / m * math.sqrt(m)
            if m == int(bar[BAR]) and j == (m - int(bar[SHIFT]) % m) % m:
                score += MARGIN
            if score > best_score:
                best_meter, best_place, best_score = m, j, score
    shift = (best_meter - best_place) % best_meter
    if not keeps_told(bar, shift):
        shift += best_meter  # which is odd: the same place of the bar
    bar[BAR], bar[SHIFT] = best_meter, shift


@kernel
def keeps_told(bar: Any, shift: int) -> bool:
    """Whether with another shift the same beats are told."""
    return bar[HALVED] == 0.0 or (shift - int(bar[SHIFT])) % 2 == 0


@kernel
def say_first(state: Any, number: float, meter: int) -> None:
    """A player says that beat ``number`` is a first of bars of ``meter`` beats."""
    bar = state.bar
    bar[BAR], bar[BEGAN], bar[SAID] = meter, number, 1.0
    whole = told_bar(bar)
    bar[SHIFT] = (whole - number % whole) % whole


@kernel
def go_on(state: Any, place: float, meter: float, said: float) -> None:
    """Count on at beat ``place`` as it is, where another has led.

    ``meter`` is how many beats its bars had, 0 if nobody knows; ``said`` is 1 where a player had
    said which beat is the first.
    """
    bar = state.bar
    if 2.0 <= meter <= MOST:
        bar[BAR], bar[SAID] = meter, said
    whole = told_bar(bar)
    bar[SHIFT], bar[DONE] = 0.0, math.floor(place)
    bar[BEGAN] = whole * math.floor(place / whole)


__all__ = ["BAR", "HALVED", "SAID", "SHIFT", "bars", "count_bars", "go_on", "say_first"]
