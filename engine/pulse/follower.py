"""The whole follower: sound in, beats out; what the plugin runs and what is measured offline.

A hop is a hundredth of a second: what is heard becomes a network's answer (or, without one, how
much louder it got), the answer moves the states, and the oscillator goes along.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.neural.network import Network
from engine.pulse.bands import BANDS, due, hear, hearing
from engine.pulse.bars import bars, count_bars
from engine.pulse.network import hopwise, run_layers
from engine.pulse.states import (
    INTERVALS,
    LATE_HOPS,
    LONGEST,
    PLACE_BINS,
    SHORTEST,
    SURE,
    beliefs,
    move,
    rest,
)
from engine.pulse.tracker import BEATS, ENOUGH, RATE, TRUSTED, coast, follow, oscillator, remember

BEAT, FIRST, STROKES, FAMILIES = 0, 1, 2, 4
TEMPO, TEMPO_BINS = STROKES + FAMILIES, 48
TEMPO_LOWEST, TEMPO_HIGHEST = 40.0, 320.0
PLACES = TEMPO + TEMPO_BINS
OUTPUTS = PLACES + PLACE_BINS
"""What the network tells: logits of a beat, of a bar's first, of a stroke of kick, snare, cymbals
and toms; a softmax over tempi evenly spaced in pitch from lowest to highest, and one over how
much of the beat has passed, ``LATE_HOPS`` ago."""
TRUST, BEAT_TRUST = 0.85, 0.45
"""Of a beat, as an exponent: where it is all there is, and beside a network's places, which say
much of it already and do not sway with each stroke that is early or late."""
NEAR, PLACED_NEAR = 0.04, 0.06
"""Beats that last as long within this share are one tempo: without a network, where strokes halfway
between beats would turn a wider one round, and with one."""
TEMPO_TRUST = 0.006  # exponent of the tempo's ratio at each hop: hops near each other say the same
PLACE_TRUST, PLACE_MOST = 0.04, 4.0  # as for tempo; and how far from even a place may be
OTHER = 0.85  # so far outside of the range the network's tempo is another one
OUTSIDE = 0.7  # what is left at each hop of the belief in a tempo that was ruled out
USUAL = 0.006  # how much an octave from 120 bpm costs at each hop
RISE, FAINT = 0.06, 0.3  # mean rise of all bands, probability of a stroke: less is silence
ABOVE, LATELY = 3.0, 0.02  # noise always rises a little: how often that; of the last hop in that
SILENCE = 1.25  # beats of it until tempo and place are kept as they are
SLOW = 1.0 / 80.0  # beats a hop, where none is known
AGREE = 0.01  # of the last hop in how sure it is
STROKE = 0.5  # the probability at which a stroke is told
REST_HOPS = 5  # no two strokes nearer than that
QUIET, WAKE = 1.0 / 250.0, 0.1  # of the confidence: a hop takes it, one in which sound comes gives
STRENGTH, RESTED, ALIVE, FLUX, SILENT, USUALLY = range(6)
"""Places in ``state.strokes``: of the last stroke; hops since then; 1 while he is heard, falling;
the recent peak of how much louder it got; hops since anything was heard; by how much bands rise
of late."""


def follower(rate: float, network: Network | None = None) -> dict[str, Any]:
    """State of ``attend`` at ``rate`` samples a second, with a network or without."""
    bins = np.arange(SHORTEST, LONGEST + 1)
    at = np.log2(6000.0 / bins / TEMPO_LOWEST) / np.log2(TEMPO_HIGHEST / TEMPO_LOWEST)
    at = np.clip(at * (TEMPO_BINS - 1), 0.0, TEMPO_BINS - 1.0)
    low = np.minimum(at.astype(np.int64), TEMPO_BINS - 2)
    return {
        **hearing(rate),
        **beliefs(TEMPO_LOWEST, TEMPO_HIGHEST),
        **oscillator(),
        **bars(),
        **hopwise(network),
        "answered": np.zeros(OUTPUTS, np.float32),
        "answer": np.zeros(TEMPO),
        "likely": np.zeros(PLACE_BINS),
        "folded": np.zeros(PLACE_BINS),
        "placed_at": np.zeros(1),  # the tempo of the network's places, beats a hop; 0 without one
        "bin_tempo": np.geomspace(TEMPO_LOWEST, TEMPO_HIGHEST, TEMPO_BINS),
        "usual": np.exp(-USUAL * np.log2(6000.0 / bins / 120.0) ** 2),
        "bin_low": low,
        "bin_part": at - low,
        "strokes": np.zeros(6),
        "counted": np.zeros(2, np.int64),
    }


@kernel
def attend(state: Any, lowest: float, highest: float, ahead: float, held: int, meter: int) -> int:
    """A hop has been heard: move on; 1 if a beat is announced, ``ahead`` hops before it falls.

    Tempi outside ``lowest`` to ``highest`` bpm are forgotten; ``held`` is 1 where tempo and
    place shall not follow; ``meter`` is beats a bar, or 0 to find out.
    """
    hear(state)
    trust, near = TRUST, NEAR
    if state.net_ops.shape[0] > 0:
        trust, near = BEAT_TRUST, PLACED_NEAR
        ask(state)
        fit(state, lowest, highest)
    else:
        guess(state)
    window(state, lowest, highest)
    tell_strokes(state)
    silent, struck, pulse = state.strokes[SILENT], state.strokes[RESTED], state.pulse
    beats = silent * max(pulse[RATE], SLOW)
    if beats < SILENCE:
        move(state, state.answer[BEAT], trust)
        announced = follow(state, ahead, held, near, struck)
        if pulse[ENOUGH] == 1.0:
            remember(state, silent)
    else:
        rest(state)
        if held == 0 and pulse[ENOUGH] == 1.0 and beats - pulse[RATE] < SILENCE:
            coast(state, silent - 1.0)
        announced = follow(state, ahead, 1, near, struck)
    agree(state)
    count_bars(state, state.answer[FIRST], meter)
    return announced


@kernel
def ask(state: Any) -> None:
    """Ask the network; ``state.answer`` are probabilities, ``state.weighed`` weights of tempi."""
    told = state.answered
    run_layers(state, state.features, told)
    for k in range(TEMPO):
        state.answer[k] = 1.0 / (1.0 + math.exp(-min(max(told[k], -30.0), 30.0)))
    most = told[TEMPO]
    for k in range(1, TEMPO_BINS):
        most = max(most, told[TEMPO + k])
    total = 0.0
    for k in range(TEMPO_BINS):
        total += math.exp(told[TEMPO + k] - most)
    even = most + math.log(total / TEMPO_BINS)  # the logit of a tempo that is as likely as any
    place(state)
    for k in range(INTERVALS):
        low, part = state.bin_low[k], state.bin_part[k]
        logit = told[TEMPO + low] * (1.0 - part) + told[TEMPO + low + 1] * part
        ratio = min(max(logit - even, -3.0), 3.0)
        state.weighed[k] = state.usual[k] * math.exp(TEMPO_TRUST * ratio)


@kernel
def place(state: Any) -> None:
    """Weights of places in the beat: the ratio to one that is as likely as any, tempered."""
    told, most = state.answered, state.answered[PLACES]
    for k in range(1, PLACE_BINS):
        most = max(most, told[PLACES + k])
    total = 0.0
    for k in range(PLACE_BINS):
        total += math.exp(told[PLACES + k] - most)
    even = most + math.log(total / PLACE_BINS)
    for k in range(PLACE_BINS):
        ratio = told[PLACES + k] - even
        state.likely[k] = math.exp(ratio) / PLACE_BINS
        state.placed[k] = math.exp(PLACE_TRUST * min(max(ratio, -PLACE_MOST), PLACE_MOST))


@kernel
def fit(state: Any, lowest: float, highest: float) -> None:
    """Its places at its own tempo, or where that is not wanted, at twice or half of it."""
    told, best = state.answered, 0
    for k in range(1, TEMPO_BINS):
        if told[TEMPO + k] > told[TEMPO + best]:
            best = k
    tempo = state.bin_tempo[best]
    if tempo < OTHER * lowest:
        fold(state.placed, state.folded)
        fold(state.likely, state.folded)
        tempo *= 2.0
    elif OTHER * tempo > highest:
        unfold(state.placed, state.folded)
        unfold(state.likely, state.folded)
        tempo *= 0.5
    state.placed_at[0] = tempo / 6000.0


@kernel
def fold(places: Any, made: Any) -> None:
    """Two beats in each one there was: a place is as likely as it is in either, on average."""
    half = PLACE_BINS // 2
    for k in range(PLACE_BINS):
        low, high = k // 2, ((k + 1) // 2) % PLACE_BINS
        first = 0.5 * (places[low] + places[high])
        second = 0.5 * (places[low + half] + places[(high + half) % PLACE_BINS])
        made[k] = 0.5 * (first + second)
    for k in range(PLACE_BINS):
        places[k] = made[k]


@kernel
def unfold(places: Any, made: Any) -> None:
    """One beat in two: both halves are as likely as the beats that were."""
    for k in range(PLACE_BINS):
        made[k] = places[(2 * k) % PLACE_BINS]
    for k in range(PLACE_BINS):
        places[k] = made[k]


@kernel
def guess(state: Any) -> None:
    """Without a network: the more bands get louder at once, the likelier a stroke and a beat."""
    rise = 0.0
    for k in range(BANDS):
        rise += state.features[BANDS + k]
    rise /= BANDS
    strokes = state.strokes
    strokes[FLUX] = max(rise, strokes[FLUX] * 0.995, 0.05)
    share = rise / strokes[FLUX]
    for k in range(TEMPO):
        state.answer[k] = 0.0
    state.answer[BEAT] = 0.3 * share * share + 0.005
    if rise * BANDS > ABOVE * strokes[USUALLY]:
        state.answer[STROKES] = share * share
    for k in range(INTERVALS):
        state.weighed[k] = state.usual[k]
    for k in range(PLACE_BINS):
        state.placed[k] = 1.0
        state.likely[k] = 1.0 / PLACE_BINS


@kernel
def window(state: Any, lowest: float, highest: float) -> None:
    """Let the belief in tempi outside the range fade."""
    for k in range(INTERVALS):
        tempo = 6000.0 / (SHORTEST + k)
        if tempo < 0.98 * lowest or tempo > 1.02 * highest:
            state.weighed[k] *= OUTSIDE


@kernel
def tell_strokes(state: Any) -> None:
    """Count strokes: how many so far, how strong the last; ``state.counted`` has the family."""
    strokes, best = state.strokes, 0
    for k in range(1, FAMILIES):
        if state.answer[STROKES + k] > state.answer[STROKES + best]:
            best = k
    rise = np.float32(0.0)
    for k in range(BANDS):
        rise += state.features[BANDS + k]
    strokes[RESTED] += 1.0
    strokes[SILENT] += 1.0
    strokes[USUALLY] += LATELY * (rise - strokes[USUALLY])
    louder = rise > RISE * BANDS and rise > ABOVE * strokes[USUALLY]
    if louder or state.answer[STROKES + best] > FAINT:
        strokes[SILENT] = 0.0
        strokes[ALIVE] = min(1.0, strokes[ALIVE] + WAKE)
    strokes[ALIVE] = max(0.0, strokes[ALIVE] - QUIET)
    if state.answer[STROKES + best] > STROKE and strokes[RESTED] >= REST_HOPS:
        strokes[STRENGTH], strokes[RESTED] = state.answer[STROKES + best], 0.0
        state.counted[0] += 1
        state.counted[1] = best


@kernel
def agree(state: Any) -> None:
    """How likely, of late, the network thought the place where the beat is said to be; without
    one, how much of the belief is there."""
    pulse = state.pulse
    if state.net_ops.shape[0] == 0:
        pulse[TRUSTED] += AGREE * (state.found[SURE] - pulse[TRUSTED])
        return
    at = pulse[BEATS] - LATE_HOPS * pulse[RATE]
    middle = int((at - math.floor(at)) * PLACE_BINS + 0.5)
    share = 0.0
    for k in range(-2, 3):
        share += state.likely[(middle + k) % PLACE_BINS]
    pulse[TRUSTED] += AGREE * (share - pulse[TRUSTED])


@kernel
def sureness(state: Any) -> float:
    """How sure it is of its beat, 0 to 1: of what it believes, and that somebody plays."""
    return min(1.0, state.pulse[TRUSTED] * state.strokes[ALIVE])


__all__ = ["ALIVE", "BEAT", "FIRST", "OUTPUTS", "STRENGTH", "STROKES", "TEMPO", "TEMPO_BINS",
           "TEMPO_HIGHEST", "TEMPO_LOWEST", "attend", "due", "follower", "sureness"]  # fmt: skip
