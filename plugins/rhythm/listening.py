"""Which drums the performer strikes: four families, told from the sound at every onset.

A hundred times a second ``engine.pulse.bands`` tells how much louder each band became. An onset
is a peak of all of them together; eight groups of bands then say which families it was.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.pulse.bands import BANDS, ENERGY, hear
from plugins.rhythm.memory import FAMILIES

GROUPS = 8
EDGES = np.array([0, 1, 2, 4, 8, 16, 25, 33, 40])  # bands of each group
SPAN = 3  # hops over which a stroke's rise is spread: the window is four hops long
LATENCY_S = 0.033  # from a stroke to the end of the hop that tells it
APART = 4  # hops between two onsets
FAINT = 1e-4  # mean of the bands' amplitudes: about -60 dB of full scale
FORGET = 0.99  # of the usual rise, a hop
ABOVE, LEAST = 2.0, 0.08  # an onset rises so much more than usual, in mean log10 of the bands
CLIP = 2.0  # strokes raise what is usual by no more than that, so that noise alone does
AFTER, FADE = 0.2, 0.93  # and than this much of the last onset, which fades a hop

WEIGHTS = np.array(
    [
        [3.15, 0.08, -1.88, -0.95, -1.56, 2.37, -1.28, -0.86, -1.39],
        [-1.5, 1.28, 0.75, 2.11, 2.6, -3.45, 0.05, -2.1, -1.2],
        [0.13, 0.01, -0.21, -1.04, -1.82, 1.27, 0.54, 3.85, 0.56],
        [-0.91, -0.86, 1.19, 0.19, 0.82, 0.51, -0.19, -0.87, -0.94],
    ]
)
"""Logarithms of the odds of kick, snare, cymbals and toms: by groups of bands, then a constant.

Logistic regression (C = 0.1: a closer fit hears the sound fonts rather than drums) on 24 takes of
the Groove MIDI Dataset's training split, no held-out drummer, rendered with two sound fonts. On 12
takes of the validation split F is 0.84, 0.77, 0.76 and 0.45: toms are hard to tell from kicks.
"""
SOFT, HARDER = 0.35, 0.2  # velocity by the largest rise; a rough guess, correlation 0.46

Ears = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Ears",
    "rate hop heard shape windowed spectrum used band_first band_count band_weights past features "
    "ears steps twiddle turn work rises sums usually ear strokes",
)


def listening() -> dict[str, Any]:
    """State of ``listen`` beside that of ``engine.pulse.bands.hearing``."""
    return {
        "rises": np.zeros((SPAN, GROUPS)),
        "sums": np.zeros(3),  # how much all rose in the last hops
        "usually": np.zeros(2),  # how much all rise, and how much the last onset did
        "ear": np.zeros(1, np.int64),  # hops since the last onset
        "strokes": np.zeros(FAMILIES, np.float32),
    }


@kernel
def listen(ears: Any, sensitivity: float) -> bool:
    """Hear the hop that is complete; True if a stroke was heard LATENCY_S before its end.

    ``strokes`` (4,) is then how hard each family was struck, 0 to 1; 0 is not at all.
    """
    hear(ears)
    rises, sums, ear = ears.rises, ears.sums, ears.ear
    slot = ears.hop[0] % SPAN
    total = 0.0
    for g in range(GROUPS):
        rise = 0.0
        for k in range(EDGES[g], EDGES[g + 1]):
            rise += ears.features[BANDS + k]
        rises[slot, g] = rise / (EDGES[g + 1] - EDGES[g])
        total += rises[slot, g]
    sums[0], sums[1], sums[2] = sums[1], sums[2], total / GROUPS
    usually = ears.usually
    usually[0] += (1.0 - FORGET) * (min(sums[2], CLIP * usually[0] + 0.02) - usually[0])
    usually[1] *= FADE
    ear[0] += 1
    least = max(LEAST + ABOVE * usually[0], AFTER * usually[1]) * 4.0 ** (0.5 - sensitivity)
    peak = sums[1] >= sums[0] and sums[1] > sums[2] and sums[1] > least
    if not peak or ear[0] < APART or ears.ears[ENERGY] < FAINT * 16.0 ** (0.5 - sensitivity):
        return False
    ear[0], usually[1] = 0, sums[1]
    return tell(ears)


@kernel
def tell(ears: Any) -> bool:
    """Fill ``strokes``; an onset that is no drum for sure is that of the likeliest family."""
    best, most = 0, -1e9
    for f in range(FAMILIES):
        odds, hard = WEIGHTS[f, GROUPS], 0.0
        for g in range(GROUPS):
            rise = 0.0
            for n in range(SPAN):
                rise = max(rise, ears.rises[n, g])
            odds += WEIGHTS[f, g] * rise
            hard = max(hard, rise)
        if odds > most:
            best, most = f, odds
        loud = min(1.0, SOFT + HARDER * hard)
        ears.strokes[f] = np.float32(loud if odds > 0.0 else 0.0)
        if f == FAMILIES - 1 and most <= 0.0:
            ears.strokes[best] = np.float32(loud)
    return True


__all__ = ["LATENCY_S", "listen", "listening"]
