"""Where in the beat the player is: a distribution over every tempo and place, moved on each hop.

The state space of Krebs, Böck and Widmer (An efficient state-space model for joint tempo and
meter tracking, ISMIR 2015), forward only: a state is an interval of so many hops and a place in
it; tempo changes at beats only. Differences: the network's answer weighs as the ratio of its odds
to the odds of a beat at any time, so that an answer that knows nothing leaves the distribution
as it is and the beat goes on through silence; a second answer weighs tempi; and a little of the
belief is always spread over all states, so that nothing is ruled out for ever.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.pulse.bands import HOPS_A_SECOND

SHORTEST, LONGEST = 18, 150  # hops between two beats: 333 to 40 bpm
INTERVALS = LONGEST - SHORTEST + 1
STATES = INTERVALS * (LONGEST + SHORTEST) // 2
STIFFNESS = 30.0  # how fast a tempo change gets unlikely; 100 suits a tempo that hardly moves
LEAP = 2e-3  # of the belief at a beat may take any tempo
SURPRISE = 5e-5  # of all the belief is anywhere, at every hop
ODDS = 0.035  # of a beat at any hop
MOST = 40.0  # the ratio's limits are this and one over this
LATE_HOPS = 2.25  # the network answers this late: 1.9 on drums, 2.2 to 2.7 on clicks
PHASES = 48
PLACE_BINS = 24  # places that the network weighs
WIDTH, FAR = 0.04, 5.0  # of what a player says: of its tempo's logarithm and its place; in widths


def beliefs(tempo_lowest: float, tempo_highest: float) -> dict[str, Any]:
    """State of ``move`` and ``find``: all tempi from lowest to highest (bpm) alike, any place."""
    lengths = np.arange(SHORTEST, LONGEST + 1)
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    ratio = lengths[None, :] / lengths[:, None]
    change = np.exp(-STIFFNESS * np.abs(ratio - 1.0))
    change = (1.0 - LEAP) * change / change.sum(axis=1, keepdims=True) + LEAP / INTERVALS
    tempo = 60.0 * HOPS_A_SECOND / lengths
    allowed = ((tempo >= tempo_lowest) & (tempo <= tempo_highest)).astype(np.float32)
    prior = allowed / lengths
    belief = np.repeat(prior / lengths, lengths)
    angles = 2 * np.pi * np.arange(PHASES) / PHASES
    return {
        "belief": (belief / belief.sum()).astype(np.float32),
        "bin_of": np.concatenate([_bins(int(n)) for n in lengths]),
        "placed": np.ones(PLACE_BINS, np.float32),
        "start": np.zeros(INTERVALS, np.int64),  # where place 0 of each interval lies
        "first_state": first,
        "change": change.astype(np.float32),  # from, to
        "ending": np.zeros(INTERVALS, np.float32),
        "begun": np.zeros(INTERVALS, np.float32),
        "mass": np.zeros(INTERVALS, np.float32),
        "weighed": np.ones(INTERVALS, np.float32),
        "phases": np.zeros(PHASES, np.float64),
        "phase_table": np.array([np.cos(angles), np.sin(angles)]),
        "found": np.zeros(4),
    }


def _bins(places: int) -> npt.NDArray[np.int64]:
    """The nearest of ``PLACE_BINS`` to each place of an interval."""
    nearest = np.floor(np.arange(places) * PLACE_BINS / places + 0.5).astype(np.int64)
    return nearest % PLACE_BINS


@kernel
def move(state: Any, beat: float, trust: float) -> None:
    """Move on by a hop in which a beat was given the probability ``beat``.

    ``trust`` is the exponent of its ratio: hops near each other say the same.
    ``state.weighed`` is how much each interval's tempo gains, ``state.placed`` how much each
    place in the beat does, evenly spaced places of it.
    """
    belief, start, first, begun = state.belief, state.start, state.first_state, state.begun
    for k in range(INTERVALS):
        n = SHORTEST + k
        last = start[k] - 1 if start[k] > 0 else n - 1  # place 0 is where the last one was
        state.ending[k] = belief[first[k] + last]
        start[k] = last
        begun[k] = np.float32(0.0)
    for j in range(INTERVALS):  # all sums at once: one after another each would wait for itself
        for k in range(INTERVALS):
            begun[k] += state.change[j, k] * state.ending[j]
    ratio = (beat + 1e-5) / (1.0 - beat + 1e-5) / (ODDS / (1.0 - ODDS))
    ratio = min(max(ratio, 1.0 / MOST), MOST) ** trust
    near = math.sqrt(ratio)
    total = 0.0
    for k in range(INTERVALS):
        n, at = SHORTEST + k, first[k]
        zero = start[k]
        one = zero + 1 if zero + 1 < n else 0
        before = zero - 1 if zero > 0 else n - 1
        belief[at + zero] = begun[k] * np.float32(ratio)
        belief[at + one] *= np.float32(near)
        belief[at + before] *= np.float32(near)
        sum = weigh(belief[at : at + n], zero, state.bin_of[at : at + n], state.placed)
        state.mass[k] = sum
        total += sum * state.weighed[k]
    keep = np.float32((1.0 - SURPRISE) / total)
    spread = np.float32(SURPRISE / STATES)
    for k in range(INTERVALS):
        n, at = SHORTEST + k, first[k]
        gain = keep * state.weighed[k]
        for i in range(n):
            belief[at + i] = belief[at + i] * gain + spread
        state.mass[k] = state.mass[k] * gain + n * spread


@kernel
def rest(state: Any) -> None:
    """Move on by a hop of silence: every interval goes on as it was, none gets likelier."""
    for k in range(INTERVALS):
        state.start[k] = state.start[k] - 1 if state.start[k] > 0 else SHORTEST + k - 1


@kernel
def weigh(row: Any, zero: int, bin_of: Any, placed: Any) -> float:
    """Weigh each place of an interval, whose first is at ``zero`` of ``row``; returns their sum."""
    n = row.shape[0]
    total = np.float32(0.0)
    for place in range(n - zero):
        row[zero + place] *= placed[bin_of[place]]
        total += row[zero + place]
    for i in range(zero):
        row[i] *= placed[bin_of[n - zero + i]]
        total += row[i]
    return total


MODE, INTERVAL, PLACE, SURE = range(4)


@kernel
def find(state: Any, wanted: float, near: float) -> None:
    """Find tempo and place: ``state.found`` is the mode, its interval in hops, place 0..1, mass.

    ``wanted`` is a place in the beat that is preferred where it is nearly as likely, or -1.
    Intervals that differ by less than the share ``near`` are one tempo.
    """
    best, best_mass = 0, 0.0
    kept = int(state.found[MODE])
    kept_mass = 0.0
    for k in range(INTERVALS):
        reach = max(1, int((SHORTEST + k) * near))
        sum = 0.0
        for j in range(max(0, k - reach), min(INTERVALS, k + reach + 1)):
            sum += state.mass[j]
        if sum > best_mass:
            best, best_mass = k, sum
        if abs(k - kept) <= 1 and sum > kept_mass:
            kept_mass = sum
    reach = max(1, int((SHORTEST + best) * near))
    low, high = max(0, best - reach), min(INTERVALS, best + reach + 1)
    phases = state.phases
    for i in range(PHASES):
        phases[i] = 0.0
    total, mean = 0.0, 0.0
    for k in range(low, high):
        n, at, zero = SHORTEST + k, state.first_state[k], state.start[k]
        total += state.mass[k]
        mean += state.mass[k] / n
        step = PHASES / n
        for i in range(n):
            place = i - zero if i >= zero else i - zero + n
            phases[int(place * step)] += state.belief[at + i]
    state.found[MODE] = best
    state.found[INTERVAL] = total / mean
    top, top_mass = 0, -1.0
    for i in range(PHASES):
        mass = 0.0
        for j in range(-3, 4):
            mass += phases[(i + j) % PHASES]
        if wanted >= 0.0:
            off = abs(i + 0.5 - wanted * PHASES)
            off = min(off, PHASES - off)
            if off < 4.0:
                mass *= 1.5
        if mass > top_mass:
            top, top_mass = i, mass
    c, s, mass = 0.0, 0.0, 0.0
    for j in range(-4, 5):
        i = (top + j) % PHASES
        c += phases[i] * state.phase_table[0, i]
        s += phases[i] * state.phase_table[1, i]
        mass += phases[i]
    place = math.atan2(s, c) / (2.0 * math.pi) + 0.5 / PHASES
    state.found[PLACE] = place - math.floor(place)
    state.found[SURE] = mass


@kernel
def settle(state: Any, rate: float, beats: float) -> None:
    """Somebody says that it is ``rate`` beats a hop and ``beats`` now: believe it nine in ten.

    What is believed lies as far behind as the network answers late.
    """
    belief = state.belief
    place = beats - LATE_HOPS * rate
    place -= math.floor(place)
    for i in range(STATES):
        belief[i] *= np.float32(0.1)
    total = settled(state, rate, place, 0.0)
    settled(state, rate, place, 0.9 / total)


@kernel
def settled(state: Any, rate: float, place: float, gain: float) -> float:
    """Add a bump around a tempo and a place, ``gain`` times; returns its sum. What lies further
    than FAR of its widths is left out: all states would take as long as a block may."""
    total = 0.0
    for k in range(INTERVALS):
        n, at, zero = SHORTEST + k, state.first_state[k], state.start[k]
        slow = math.log(n * rate) / WIDTH
        if abs(slow) > FAR:
            continue
        tempo = math.exp(-0.5 * slow * slow) / n
        middle = int(math.floor(place * n))  # noqa: RUF046 - a float to the compiler
        reach = int(FAR * WIDTH * n) + 1
        for j in range(middle - reach, middle + reach + 1):
            off = (j / n - place) / WIDTH
            bump = tempo * math.exp(-0.5 * off * off)
            total += bump
            state.belief[at + (zero + j) % n] += np.float32(gain * bump)
    return total


__all__ = ["INTERVAL", "MODE", "PLACE", "SURE", "beliefs", "find", "move", "rest", "settle"]
