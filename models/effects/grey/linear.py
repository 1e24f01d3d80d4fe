"""Finds effects that are linear and do not change: filters, cabinets, delays, rooms.

What such an effect does to any sound is its impulse response; how far a sound departs from that
says how far the effect is from linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import oaconvolve

from engine.boxes.fir import Fir
from models.effects.grey import Found
from models.effects.grey.fitting import (
    Audio,
    Heard,
    Vector,
    box_error,
    box_network,
    held_out,
    training,
)
from models.effects.grey.identify import Response, identify
from models.pairs import Pairs

LONGEST_S = 5.0
TRAINING_S = 120.0
SHORT_S = 0.5
ENOUGH = 1e-7
"""A response of half a second that leaves less than this needs no longer one to be tried."""
NOT_LINEAR = 0.2
"""Error-to-signal ratio from which on the effect is called another kind."""
LEVELS_DB = (-70.0, -40.0, -30.0, -20.0, 0.0)

START_S = 1.0
"""An effect may change at the start of a sound, while its controls glide to where they are set."""


@dataclass(frozen=True)
class Heart:
    """What linear finders begin with: sound to train on, its response, what was noticed."""

    sounds: tuple[Heard, ...]
    response: Response
    notes: tuple[str, ...] = ()


_last: list[tuple[Pairs, Heart | None]] = []


def heart(pairs: Pairs) -> Heart | None:
    """The impulse response of the training pairs, as if they were linear; None for silence.

    The last answer is kept: several finders begin with it.
    """
    if not (_last and _last[0][0] is pairs):
        _last[:] = [(pairs, _heart(pairs))]
    return _last[0][1]


def _heart(pairs: Pairs) -> Heart | None:
    sounds = training(pairs, TRAINING_S)
    longest = max((len(heard.dry) for heard in sounds), default=0) // 2
    taps = min(round(LONGEST_S * pairs.sample_rate), longest)
    short = min(round(SHORT_S * pairs.sample_rate), taps)
    found = identify(sounds, short) if taps > 0 else None
    if found is not None and found.left > ENOUGH:
        found = identify(sounds, taps)
    if found is None:
        return None
    start = round(START_S * pairs.sample_rate)
    notes: tuple[str, ...] = ()
    for _ in range(2):
        mended = [_mended(heard, found.taps, start) for heard in sounds]
        if all(new is old for new, old in zip(mended, sounds, strict=True)):
            break
        found, sounds = identify(mended, taps) or found, mended
        notes = ("Sounds begin unlike they go on: their first second was not learnt from.",)
    return Heart(tuple(sounds), found, notes)


def _mended(heard: Heard, taps: Vector, start: int) -> Heard:
    """A sound whose start is as ``taps`` make it, where most of the error lies in the start."""
    if len(heard.dry) < 4 * start:
        return heard
    made = oaconvolve(heard.dry, taps)[: len(heard.dry)].astype(np.float32)
    apart = np.square((heard.wet - made).astype(np.float64))
    whole = np.square(heard.wet.astype(np.float64))
    if apart[:start].sum() < 0.3 * apart.sum() or apart[:start].sum() < 1e-6 * whole.sum():
        return heard
    return Heard(heard.dry, np.concatenate([made[:start], heard.wet[start:]]), heard.first)


def find(pairs: Pairs) -> Found | None:
    """The effect as one impulse response; None where it turns knobs or is far from linear."""
    if pairs.knobs:
        return None
    known = heart(pairs)
    if known is None or known.response.left > NOT_LINEAR:
        return None
    found = known.response
    box = Fir(found.taps.astype(np.float32))
    sounds = held_out(pairs)
    esr = box_error(box, sounds, pairs.sample_rate)
    if not esr <= NOT_LINEAR:
        return None
    why = (
        *_about(found, pairs.sample_rate),
        *known.notes,
        f"On held-out sound it leaves an error-to-signal ratio of {esr:.2g}.",
        _by_level(found.taps, sounds, pairs.sample_rate),
    )
    return Found("linear", box_network(box, pairs.sample_rate), why, esr)


def _about(found: Response, sample_rate: int) -> list[str]:
    taps = found.taps
    rest = np.cumsum(np.square(taps[::-1]))[::-1]
    below = int(np.count_nonzero(rest > 1e-6 * rest[0]))
    kind = (
        "It is linear and does not change"
        if found.left < 1e-4
        else "It is nearly linear"
        if found.left < 0.01
        else "It is only partly linear"
    )
    return [
        f"{kind}: one impulse response leaves {found.left:.2g} of the training sound's energy.",
        f"The response is {len(taps) / sample_rate:.3g} s long and 60 dB down after "
        f"{below / sample_rate:.3g} s.",
    ]


def _by_level(taps: Vector, sounds: Sequence[Heard], sample_rate: int) -> str:
    """The error at each level of the dry sound: alike where linear, growing where it clips."""
    size = sample_rate // 10
    rows: list[Vector] = []
    for heard in sounds:
        made: Audio = oaconvolve(heard.dry, taps)[: len(heard.dry)]
        count = (len(heard.dry) - heard.first) // size
        parts = [
            np.square(sound[heard.first : heard.first + count * size].astype(np.float64))
            .reshape(count, size)
            .sum(axis=1)
            for sound in (heard.dry, heard.wet - made, heard.wet)
        ]
        rows.append(np.array(parts))
    dry, apart, whole = np.concatenate(rows, axis=1)
    level = 10.0 * np.log10(dry / size + 1e-20)
    told = []
    for low, high in pairwise(LEVELS_DB):
        inside = (level > low) & (level <= high)
        if whole[inside].sum() > 0.0:
            ratio = apart[inside].sum() / whole[inside].sum()
            told.append(f"{ratio:.2g} at {low:g} to {high:g} dB")
    return f"The error by level of the dry sound: {', '.join(told) or 'nothing is loud enough'}."
