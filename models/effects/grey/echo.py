"""Finds echoes: a delay whose output goes through a filter back into it.

The first echo and how each becomes the next are read off the impulse response, where an echo is
the one before it, filtered: a linear prediction over one delay. Gauss and Newton's method then
makes the box itself, heard with the training sound, equal the effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import fft, linalg

from engine.boxes import BoxError
from engine.boxes.echo import LONGEST, MOST_TAPS, Echo
from models.effects.grey import Found
from models.effects.grey.fitting import (
    Heard,
    Vector,
    box_error,
    box_network,
    hear_through,
    held_out,
)
from models.effects.grey.linear import heart
from models.pairs import Pairs

DIRECT = 512  # taps: what comes earlier than this is no echo
NEAR = 16  # taps before an echo's onset that are its own
TAPS = 256
LOUD = 1e-2  # of the loudest tap
AN_ECHO = 0.3  # a response that echoes leave this share of is of another kind
GOOD = 0.05
ROUNDS = 6
NOTHING = 1e-9  # of the energy: taps behind which there is less are dropped


def find(pairs: Pairs) -> Found | None:
    """The effect as endless echoes; None where its response is no train of echoes."""
    if pairs.knobs:
        return None
    known = heart(pairs)
    if known is None or known.response.left > AN_ECHO:
        return None
    box = from_response(known.response.taps)
    if box is None:
        return None
    box, rounds = refine(box, known.sounds[:1], pairs.sample_rate)
    esr = box_error(box, held_out(pairs), pairs.sample_rate)
    if not esr <= GOOD:
        return None
    milliseconds = 1000.0 * int(box.delay_samples) / pairs.sample_rate
    why = (
        f"The impulse response is a train of echoes, one every {milliseconds:.5g} ms.",
        f"Each comes back at {20.0 * np.log10(max(box.largest, 1e-6)):.2f} dB at most, through a "
        f"filter of {len(box.loop)} taps; the direct sound has {len(box.dry)}.",
        f"After {rounds} rounds of fitting, held-out sound is left with an error-to-signal ratio "
        f"of {esr:.2g}.",
        *known.notes,
    )
    return Found("echo", box_network(box, pairs.sample_rate), why, esr)


def from_response(taps: Vector) -> Echo | None:
    """The echoes in an impulse response; None if it is none."""
    level = np.abs(taps)
    later = np.flatnonzero(level[DIRECT:] > LOUD * level.max())
    if len(later) == 0:
        return None
    delay = DIRECT + int(later[0]) - NEAR
    if delay > LONGEST:
        return None
    dry, wet = taps[:DIRECT], taps.copy()
    wet[:DIRECT] = 0.0
    count = min(TAPS, delay, len(taps) - delay)
    echo = taps[delay : delay + count]
    loop = _prediction(wet, delay, count)
    box = _checked(delay, dry, echo, loop)
    impulse = np.zeros(len(taps), np.float32)
    impulse[0] = 1.0
    made = hear_through(box, impulse, 48_000)
    apart = float(np.sum(np.square(made - taps)) / np.sum(np.square(wet)))
    return box if apart < AN_ECHO else None


def _prediction(wet: Vector, delay: int, count: int) -> Vector:
    """The filter that makes each echo of the one before: least squares over the first few."""
    own, cross = np.zeros(count), np.zeros(count)
    for turn in range(1, 9):
        first = delay * turn
        width = min(2 * count * turn, delay)
        past, now = wet[first : first + width], wet[first + delay : first + delay + width]
        if len(now) < count:
            break
        past = past[: len(now)]
        size = fft.next_fast_len(2 * len(now) + count)
        x, y = fft.rfft(past, size), fft.rfft(now, size)
        own += fft.irfft(np.square(np.abs(x)), size)[:count]
        cross += fft.irfft(np.conj(x) * y, size)[:count]
    if own[0] <= 0.0:
        return np.zeros(count)
    own[0] *= 1.0 + 1e-9
    return np.asarray(linalg.solve_toeplitz(own, cross))


def refine(box: Echo, sounds: Sequence[Heard], sample_rate: int) -> tuple[Echo, int]:
    """The box after rounds of Gauss and Newton's method on ``sounds``, and how many there were."""
    box = trimmed(box)
    best = box_error(box, sounds, sample_rate)
    for turn in range(ROUNDS):
        moved, step = _step(box, sounds, sample_rate), 1.0
        while True:
            tried = trimmed(_mixed(box, moved, step))
            error = box_error(tried, sounds, sample_rate)
            if error < best or step < 0.1:
                break
            step /= 3.0
        if not error < best:
            return box, turn
        done = error > 0.9 * best
        box, best = tried, error
        if done:
            return box, turn + 1
    return box, ROUNDS


def _step(box: Echo, sounds: Sequence[Heard], sample_rate: int) -> list[Vector]:
    """By how much to change the taps of dry, echo and loop.

    The slopes by the taps are one signal each, delayed: the sound; the sound through the loop;
    what the loop makes of its own output. The normal equations are blocks of their correlations.
    """
    counts = [len(box.dry), len(box.echo), len(box.loop)]
    curve, pull = np.zeros((sum(counts), sum(counts))), np.zeros(sum(counts))
    nothing, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    bare = Echo(box.delay_samples, nothing, one, box.loop)
    for heard in sounds:
        wet = hear_through(replace(box, dry=nothing), heard.dry, sample_rate)
        made = hear_through(box, heard.dry, sample_rate)
        slopes = [
            heard.dry,
            *(hear_through(bare, sound, sample_rate) for sound in (heard.dry, wet)),
        ]
        size = fft.next_fast_len(len(made) + max(counts), real=True)
        spectra = [fft.rfft(slope.astype(np.float64), size) for slope in slopes]
        rest = fft.rfft((heard.wet - made).astype(np.float64), size)
        row = 0
        for i, rows in enumerate(counts):
            pull[row : row + rows] += fft.irfft(np.conj(spectra[i]) * rest, size)[:rows]
            column = 0
            for j, columns in enumerate(counts):
                both = fft.irfft(np.conj(spectra[i]) * spectra[j], size)
                block = linalg.toeplitz(both[:rows], np.append(both[0], both[:-columns:-1]))
                curve[row : row + rows, column : column + columns] += block[:, :columns]
                column += columns
            row += rows
    curve += 1e-9 * np.diag(np.diag(curve)) + 1e-12 * np.trace(curve) * np.eye(len(curve))
    change = linalg.solve(curve, pull, assume_a="sym")
    return np.split(change, np.cumsum(counts)[:-1])


def _mixed(box: Echo, change: list[Vector], step: float) -> Echo:
    """The box with ``step`` of a change."""
    taps = [
        old + step * more for old, more in zip((box.dry, box.echo, box.loop), change, strict=True)
    ]
    return _checked(int(box.delay_samples), *taps)


def _checked(delay: int, dry: Vector, echo: Vector, loop: Vector) -> Echo:
    """A box of these taps, its loop turned down where it would not fade."""
    given = [np.asarray(taps[:MOST_TAPS], np.float32) for taps in (dry, echo, loop)]
    try:
        return Echo(delay, *given)
    except BoxError:
        largest = np.abs(np.fft.rfft(given[2], 8 * MOST_TAPS)).max()
        return Echo(delay, given[0], given[1], given[2] * np.float32(0.98 / largest))


def trimmed(box: Echo) -> Echo:
    """The same box without taps that do nothing, before and behind those that do."""
    lead = min(_lead(box.echo), _lead(box.loop)) if np.any(box.loop) else _lead(box.echo)
    return Echo(
        int(box.delay_samples) + lead,
        box.dry[: _needed(box.dry)],
        box.echo[lead : max(lead + 1, _needed(box.echo))],
        box.loop[lead : max(lead + 1, _needed(box.loop))],
    )


def _needed(taps: Vector | np.ndarray) -> int:
    rest = np.cumsum(np.square(taps[::-1].astype(np.float64)))[::-1]
    return max(1, int(np.count_nonzero(rest > NOTHING * rest[0])))


def _lead(taps: Vector | np.ndarray) -> int:
    past = np.cumsum(np.square(taps.astype(np.float64)))
    return int(np.count_nonzero(past <= NOTHING * past[-1])) if past[-1] > 0.0 else 0
