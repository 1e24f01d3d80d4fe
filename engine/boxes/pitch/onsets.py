"""When a pitch shifter starts its phases afresh: the onset function of a chunk, and its pace.

An onset is many bins that rise by 3 dB at once (Barry, FitzGerald, Coyle and Lawlor, Drum source
separation using percussive feature detection, 2005), or the crest of a rise in high-frequency
content (Masri, 1996) above its running percentile.
"""

from __future__ import annotations

import math
from typing import Any

from engine.boxes.pitch import places as at
from engine.kernel import kernel

RISEN = 10.0**0.15  # 3 dB
INAUDIBLE = 1e-8
SILENCE = 1e-6
PAST = 19
"""Chunks a percentile is taken of."""

HIGH_RANK, RISE_RANK = 15, 16
"""Which of PAST sorted values: about the 80th and the 85th percentile."""

CREST = 0.5
CRESTS_AFTER = 3
GROWTH = 1.1


@kernel
def percussiveness(state: Any) -> float:
    """The share of audible bins that have risen; remembers this chunk's magnitudes."""
    magnitude, before = state.magnitude, state.before
    risen, audible = 0, 0
    for n in range(1, state.audible + 1):
        now, past = magnitude[n], before[n]
        if past > INAUDIBLE:
            if now >= RISEN * past:
                risen += 1
        elif now > INAUDIBLE:
            risen += 1
        if now > INAUDIBLE:
            audible += 1
    for n in range(state.audible + 1):
        before[n] = magnitude[n]
    return risen / audible if audible > 0 else 0.0


@kernel
def ranked(past: Any, scratch: Any, rank: int) -> float:
    """The value of ``past`` that ``rank`` others are below, by insertion."""
    for i in range(past.shape[0]):
        value = past[i]
        k = i
        while k > 0 and scratch[k - 1] > value:
            scratch[k] = scratch[k - 1]
            k -= 1
        scratch[k] = value
    found: float = scratch[rank]
    return found


@kernel
def crest(state: Any) -> float:
    """CREST where high-frequency content stops rising after more than CRESTS_AFTER chunks."""
    counts, levels, past = state.counts, state.levels, state.past
    high = 0.0
    for n in range(state.audible + 1):
        high += state.magnitude[n] * n
    rise = high - levels[at.HIGH]
    slot = counts[at.HISTORY] % PAST
    counts[at.HISTORY] += 1
    past[0, slot], past[1, slot] = high, rise
    usual = ranked(past[0], state.scratch, HIGH_RANK)
    usual_rise = ranked(past[1], state.scratch, RISE_RANK)
    levels[at.HIGH] = high
    excess = rise - usual_rise if high > usual else 0.0
    found = 0.0
    if excess < levels[at.RISE]:
        if counts[at.RISING] > CRESTS_AFTER and levels[at.RISE] > 0.0:
            found = CREST
        counts[at.RISING] = 0
    else:
        counts[at.RISING] += 1
    levels[at.RISE] = excess
    return found


@kernel
def is_silent(state: Any) -> bool:
    """Whether no bin of this chunk is above SILENCE."""
    loudest = 0.0
    for n in range(state.audible + 1):
        loudest = max(loudest, state.magnitude[n])
    return loudest <= SILENCE


@kernel
def pace(state: Any) -> None:
    """Decide by how much this chunk moves the stretched sound on, and whether phases restart.

    At an onset a chunk is laid where it was, by the analysis hop, so that its shape is kept;
    the time that this loses or gains is made up for over the chunks that follow.
    """
    counts, levels, hop, ratio = state.counts, state.levels, state.hop, state.ratio
    crested = crest(state)
    change = percussiveness(state)
    if change <= state.onset or change <= crested:
        change = crested
    ahead = divergence(state)
    onset = change > GROWTH * levels[at.CHANGE] and change > state.onset and abs(ahead) <= 1000
    levels[at.CHANGE] = change
    if counts[at.AMNESTY] > 0:
        counts[at.AMNESTY] -= 1
        onset = False
    shift = hop
    if onset:
        counts[at.AMNESTY] = state.amnesty
    else:
        shift = steady_shift(ahead, hop, ratio, state.rate)
    levels[at.REACHED] += shift / ratio
    silent = is_silent(state)
    counts[at.SILENT] = counts[at.SILENT] + 1 if silent else 0
    counts[at.SHIFT] = shift
    counts[at.RESET] = 1 if onset or counts[at.SILENT] >= state.window // hop else 0


@kernel
def divergence(state: Any) -> int:
    """How far the stretched sound is ahead, a quarter window on, in input samples."""
    quarter = state.window // 4
    reached = state.levels[at.REACHED] + quarter / state.ratio
    ahead: int = math.floor(reached + 0.5) - state.counts[at.START] - quarter
    return ahead


@kernel
def steady_shift(ahead: int, hop: int, ratio: float, rate: int) -> int:
    """The synthesis hop that leads back to no divergence, a part at a time."""
    back = ahead / 4.0
    if abs(ahead) > 1000:
        back = ahead * 10.0 * hop / rate
    elif abs(ahead) > 100:
        back = ahead * 20.0 * hop / rate
    least, most = whole(0.3 * hop * ratio), whole(2.0 * hop * ratio)
    shift: int = min(max(whole(whole(hop * ratio) - back), least), most)
    return shift


@kernel
def whole(number: float) -> int:
    """The nearest whole number; of two as near, the even one."""
    below = math.floor(number)
    part = number - below
    if part > 0.5 or (part == 0.5 and below % 2 == 1):
        below += 1
    return int(below)
