"""One oscillator that goes along with what the states believe, and announces its beats ahead.

It moves smoothly while it agrees with the belief, and leaps when the belief has for some time
been elsewhere and is sure of it. Where just the beat is a network tells, once it has heard a
stroke; from stroke to stroke the oscillator goes on. Everything that follows the beat reads it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.pulse.states import INTERVAL, LATE_HOPS, PLACE, PLACE_BINS, SURE, find

BEATS, RATE, AWAY, TRUSTED, ENOUGH, LAST, STEADY, HEARD, BEFORE, SINCE, EVEN = range(11)
"""Places in ``state.pulse``: beats so far; beats a hop; how long the belief has been elsewhere;
confidence; 1 once it has begun; the last beat announced; beats a hop over some seconds; the beat
when something was last heard, and at the last hop; hops since a beat was announced; beats a hop
over about a second, for all that lasts as long as notes do."""
WEIGHT, TIME, BEAT, TIMES, BOTH = range(5)
"""Places in each of ``state.lines``: sums, over the hops of some seconds, of how much each weighs,
its time and its beat as seen from now, the square of the one and the product of both."""

PULL, PLACED_PULL = 0.35, 0.05
"""Of the distance to the belief is taken away at each hop: alone, and beside a network's places."""
FOLLOW = 0.1  # of the difference in tempo
NEAR_BINS = 3  # of the network's places, on either side of the beat, are near
EVEN_SHARE = (2 * NEAR_BINS + 1) / PLACE_BINS + 1e-6  # of those that know nothing
PLACED_LATE = 2.03  # hops: of where just the beat is the network tells a little sooner
LATER = 0.4  # hops: of clicks, which are few, the states are told so much later than of drums
STRUCK, BETWEEN = 0.33, 0.4
"""Of the distance to where it hears the beat is taken away at each hop after a stroke; and of what
is more than ``SLACK`` of it, at any hop."""
FRESH, FADING = 14.0, 10.0  # hops after a stroke with all of that, and until there is a third of it
SLACK = 2.2  # hops: even of a click it waits for a stroke that is due
BEND = 0.023  # of what is taken away makes it faster or slower
SAME = 0.2  # natural logarithm: tempi that differ by less are the same
APART = 0.12  # of a beat: further off is elsewhere
PATIENCE = 5.0  # hops of full certainty before it leaps
OCTAVE_PATIENCE = 50.0  # and before it counts twice or half as fast: the beat is no worse till then
OCTAVE, NEAR_OCTAVE = math.log(2.0), 0.15
BEGIN = 0.3  # the belief's mass at which it begins
CLOSEST = 0.6  # of a beat lies between two at least
STEADY_HOPS = 400.0  # over which a line is fitted through the beats, to go on along in silence
FITTED = 60.0  # hops of weight until that line is trusted
ANOTHER = 0.18  # further off is another tempo; strokes that are early or late sway it by less
EVEN_HOPS, EVEN_FITTED, UNEVEN = 120.0, 40.0, 0.1  # the same of the line that EVEN is told by
LEAPT = 0.15  # beats in a hop: more than it is ever pulled


def oscillator() -> dict[str, Any]:
    """State of ``follow`` beside that of the states."""
    return {"pulse": np.zeros(11), "lines": np.zeros((2, 5)), "told": np.zeros(4)}


@kernel
def follow(state: Any, ahead: float, held: int, near: float, struck: float) -> int:
    """Move the oscillator on by a hop; returns 1 if a beat is announced, ``ahead`` hops ahead.

    ``state.told`` is then its number and in how many hops it falls. Where ``held`` is 1 it goes
    on as it was. The last stroke was ``struck`` hops ago.
    """
    pulse, found = state.pulse, state.found
    pulse[BEATS] += pulse[RATE]
    if held == 1 and pulse[ENOUGH] == 1.0:
        return announce(state, ahead)
    wanted = -1.0
    if pulse[ENOUGH] == 1.0:
        wanted = pulse[BEATS] - LATE_HOPS * pulse[RATE]
        wanted -= math.floor(wanted)
    find(state, wanted, near)
    rate, sure = 1.0 / found[INTERVAL], found[SURE]
    place = found[PLACE] + LATE_HOPS * rate
    if pulse[ENOUGH] == 0.0:
        if sure < BEGIN:
            return 0
        pulse[ENOUGH], pulse[RATE], pulse[STEADY], pulse[EVEN] = 1.0, rate, rate, rate
        pulse[BEATS] = place - math.floor(place)
        pulse[LAST] = math.floor(pulse[BEATS])
    off = place - pulse[BEATS]
    off -= math.floor(off + 0.5)
    stretch = abs(math.log(rate / pulse[RATE]))
    if abs(off) < APART and stretch < 0.1:
        pulse[AWAY] = max(0.0, pulse[AWAY] - 2.0)
        pulse[RATE] += FOLLOW * sure * (rate - pulse[RATE])
        if abs(math.log(max(state.placed_at[0], 1e-9) / rate)) < SAME:
            pulse[BEATS] += PLACED_PULL * sure * (off + LATER * rate)
            go_near(state, struck)
        else:
            pulse[BEATS] += PULL * sure * off
    else:
        pulse[AWAY] += sure
        octave = abs(stretch - OCTAVE) < NEAR_OCTAVE
        if pulse[AWAY] > (OCTAVE_PATIENCE if octave else PATIENCE):
            leap(pulse, rate, off)
    return announce(state, ahead)


@kernel
def go_near(state: Any, struck: float) -> None:
    """Go towards where the network hears the beat, ``struck`` hops after a stroke.

    The states tell which beat it is; where just, the network knows better, which has heard 41 s.
    It knows best when it has just heard a stroke: between two it waits for the next, while the
    oscillator goes on unless it is far off.
    """
    pulse = state.pulse
    off = nearby(state.likely, pulse[BEATS] - PLACED_LATE * pulse[RATE])
    fresh = min(1.0, math.exp((FRESH - struck) / FADING))
    more = max(0.0, abs(off) - SLACK * pulse[RATE])
    moved = STRUCK * fresh * off + BETWEEN * (more if off > 0.0 else -more)
    pulse[BEATS] += moved
    pulse[RATE] += BEND * moved


@kernel
def nearby(likely: Any, beats: float) -> float:
    """How far from ``beats`` the network hears the beat, in beats, by its places near there; 0
    where these are no likelier than others."""
    place = beats - math.floor(beats)
    middle = int(place * PLACE_BINS + 0.5)
    mass, sum = 0.0, 0.0
    for k in range(-NEAR_BINS, NEAR_BINS + 1):
        share = likely[(middle + k) % PLACE_BINS]
        mass += share
        sum += share * ((middle + k) / PLACE_BINS - place)
    return float(sum / mass) if mass > EVEN_SHARE else 0.0


@kernel
def leap(pulse: Any, rate: float, off: float) -> None:
    """Go over to another tempo or place."""
    pulse[AWAY], pulse[RATE], pulse[STEADY], pulse[EVEN] = 0.0, rate, rate, rate
    pulse[BEATS] += off


@kernel
def remember(state: Any, silent: float) -> None:
    """Keep what to go on with in silence, which has lasted ``silent`` hops, and how fast it is.

    Lines by least squares, their weights falling over some seconds: a beat's own lateness hardly
    moves them, where a mean of the tempo would keep all of the last one's.
    """
    pulse = state.pulse
    moved = pulse[BEATS] - pulse[BEFORE]
    pulse[BEFORE] = pulse[BEATS]
    heard = silent * pulse[RATE] < 0.5  # later it only seems to get slower
    if abs(moved) > LEAPT:  # another place, the tempo is what it was
        moved = pulse[RATE]
    far = abs(math.log(pulse[EVEN] / pulse[RATE])) > UNEVEN
    go_along(state.lines[1], pulse, EVEN, EVEN_HOPS, EVEN_FITTED, heard, far, moved)
    far = abs(math.log(pulse[STEADY] / pulse[RATE])) > ANOTHER
    offset = go_along(state.lines[0], pulse, STEADY, STEADY_HOPS, FITTED, heard, far, moved)
    if silent == 0.0:
        pulse[HEARD] = pulse[BEATS] + offset


@kernel
def go_along(
    line: Any, pulse: Any, slope: int, hops: float, fitted: float, heard: bool, far: bool,
    moved: float,
) -> float:  # fmt: skip
    """Move a line on by a hop; where it was ``far`` from what is ``heard`` it begins anew.

    ``pulse[slope]`` is then its tempo; returns how far it is above the last beat.
    """
    if heard and far:
        pulse[slope] = pulse[RATE]
        for k in range(line.shape[0]):
            line[k] = 0.0
    shift(line, moved, hops)
    if heard:
        line[WEIGHT] += 1.0
    if line[WEIGHT] <= fitted:
        return 0.0
    spread = line[WEIGHT] * line[TIMES] - line[TIME] * line[TIME]
    pulse[slope] = (line[WEIGHT] * line[BOTH] - line[TIME] * line[BEAT]) / spread
    return float((line[BEAT] - pulse[slope] * line[TIME]) / line[WEIGHT])


@kernel
def shift(line: Any, moved: float, hops: float) -> None:
    """See the line's points from a hop later, in which ``moved`` beats have passed."""
    keep, weight, time, beat = 1.0 - 1.0 / hops, line[WEIGHT], line[TIME], line[BEAT]
    line[BOTH] = keep * (line[BOTH] - time * moved - beat + weight * moved)
    line[TIMES] = keep * (line[TIMES] - 2.0 * time + weight)
    line[TIME] = keep * (time - weight)
    line[BEAT] = keep * (beat - weight * moved)
    line[WEIGHT] = keep * weight


@kernel
def coast(state: Any, silent: float) -> None:
    """Silence has lasted ``silent`` hops: go on from the last sound as fast as it was for long.

    Beats that are missed look like a slower tempo until one knows that nobody plays.
    """
    pulse = state.pulse
    pulse[RATE] = pulse[EVEN] = pulse[STEADY]
    pulse[BEATS] = pulse[HEARD] + silent * pulse[STEADY]


@kernel
def announce(state: Any, ahead: float) -> int:
    """Tell the next beat at the hop that is nearest to ``ahead`` hops before it."""
    pulse = state.pulse
    due = math.floor(pulse[BEATS] + (ahead + 0.5) * pulse[RATE])
    pulse[SINCE] += 1.0
    if due <= pulse[LAST]:
        return 0
    if pulse[SINCE] * pulse[RATE] < CLOSEST:  # after a leap
        pulse[LAST] = due
        return 0
    pulse[SINCE] = 0.0
    state.told[0] = due
    state.told[1] = max(-1.0, (due - pulse[BEATS]) / pulse[RATE])
    pulse[LAST] = due
    return 1


__all__ = ["coast", "follow", "oscillator", "remember"]
