"""Which beat is the first of a bar, and how many beats a bar has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.pulse.tracker import BEATS

METERS = (3, 4)  # what it tells apart by itself
MOST = 8
OFTEN = 0.06  # a bar's first, near any beat
SURELY = (0.002, 0.9)  # no beat says more than these
THREE = -0.7  # of bars of three beside those of four; this and all below in log probability
UNLIKELY = -6.0  # nothing is ruled out: a drummer may change his mind
MARGIN = 2.0  # by which another place must be likelier
CARRIED = 3.0  # how much likelier is what another counted who has led
EARLY = 0.15  # of a beat before the next, it is as good as there
PEAK, DONE, BAR, SHIFT, SAID, BEGAN, HALVED = range(7)
"""Places in ``state.bar``: the likeliest first near this beat; the beat last judged; beats a bar;
a beat whose number plus this is divided by them is a first; 1 where a player has said so; the
beat with which a bar that was said began last; 1 where every other beat is told, those whose
number plus the shift is even."""


def bars() -> dict[str, Any]:
    """State of ``count_bars``."""
    bar, scores = np.zeros(7), np.zeros((MOST + 1, MOST))
    bar[BAR], bar[DONE] = 4.0, -1.0
    scores[3] = THREE
    return {"bar": bar, "scores": scores}


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
    judge(state, number, bar[PEAK], meter)
    bar[PEAK] = 0.0


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
def judge(state: Any, number: int, first: float, meter: int) -> None:
    """Beat ``number`` was a first with the probability ``first``: which beats are, then?

    ``scores[m, j]`` is the log probability, up to a constant, that bars have m beats and that
    those are firsts whose numbers leave j when divided by m. Where every other beat is told,
    those that are told stay so.
    """
    bar = state.bar
    if first > 0.0:  # without a network nobody tells: count on from the first beat
        weigh(state.scores, number, min(max(first, SURELY[0]), SURELY[1]))
    if bar[SAID] == 1.0:
        return
    best_meter, best_place, best_score = int(bar[BAR]), 0, -1e9
    for m in range(2, MOST + 1):
        if m != meter and (meter > 0 or m not in METERS):
            continue
        for j in range(m):
            if m % 2 == 0 and not keeps_told(bar, m - j):
                continue
            score = state.scores[m, j]
            if m == int(bar[BAR]) and j == (m - int(bar[SHIFT]) % m) % m:
                score += MARGIN
            if score > best_score:
                best_meter, best_place, best_score = m, j, score
    shift = (best_meter - best_place) % best_meter
    if not keeps_told(bar, shift):
        shift += best_meter  # which is odd: the same place of the bar
    bar[BAR], bar[SHIFT] = best_meter, shift


@kernel
def weigh(scores: Any, number: int, first: float) -> None:
    """Bayes' rule; the likeliest of all bars that it tells apart, and of any other, is then 0."""
    yes = math.log(first / OFTEN)
    no = math.log((1.0 - first) / (1.0 - OFTEN))
    common = -1e9
    for m in range(2, MOST + 1):
        for j in range(m):
            scores[m, j] += yes if number % m == j else no
            if m in METERS:
                common = max(common, scores[m, j])
    for m in range(2, MOST + 1):
        top = common
        if m not in METERS:
            top = -1e9
            for j in range(m):
                top = max(top, scores[m, j])
        for j in range(m):
            scores[m, j] = max(scores[m, j] - top, UNLIKELY)


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
        state.scores[int(meter), 0] += CARRIED
    whole = told_bar(bar)
    bar[SHIFT], bar[DONE] = 0.0, math.floor(place)
    bar[BEGAN] = whole * math.floor(place / whole)


__all__ = ["BAR", "HALVED", "SAID", "SHIFT", "bars", "count_bars", "go_on", "say_first"]
