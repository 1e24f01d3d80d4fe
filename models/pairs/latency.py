"""Finds by how much a chain is late beyond what it reports, so that wet can line up with dry.

Late is only what is silent for certain: the wet sound is moved so that the answer to a burst
begins with the burst, never further. So filters keep their phase, and a delay that has a dry
path keeps its delay. A delay without one looks like latency, and needs to be told apart by hand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.pairs.spec import Stage, Value
from models.pairs.stages import Audio, build, play

MOST_S = 0.05  # what comes later is the effect's own sound
HEARD = 1e-6  # of the answer's peak; 24 bits are 6e-8
HISS = 0.01  # of the peak: what differs more is not the same sound twice


def probe(rate: int) -> tuple[Audio, int]:
    """Half a second with a burst of noise in it, and the frame in which that begins."""
    begin, length = rate // 8, rate // 8
    sound = np.zeros(rate // 2, np.float32)
    sound[begin : begin + length] = np.random.default_rng(4).uniform(-0.5, 0.5, length)
    sound[begin] = 0.5
    return sound, begin


def examine(stages: tuple[Stage, ...], values: dict[str, Value], rate: int) -> dict[str, Any]:
    """How late a chain is and whether reset() makes it as new.

    ``late`` is in frames beyond ``reported`` ones, negative where more was reported than is
    true, None where nothing is heard in time. ``reset`` tells whether the same players give the
    same sound again, ``differs`` by how much of the peak new ones differ from each other.
    """
    sound, begin = probe(rate)
    players = build(stages, values)
    first = play(players, sound, rate)
    again = play(players, sound, rate)
    fresh = play(build(stages, values), sound, rate)
    still = play(build(stages, values), np.zeros_like(sound), rate)
    differs = max(difference(first, again), difference(first, fresh))
    if differs < HISS:
        late = onset(first, still, begin, rate, max(HEARD, 10.0 * differs))
    else:  # hiss of its own: the first difference says nothing
        late = correlated(first, sound, rate)
    return {
        "late": late,
        "reported": sum(player.reported for player in players),
        "reset": bool(np.array_equal(first, again)),
        "differs": difference(first, fresh),
    }


def difference(a: Audio, b: Audio) -> float:
    """The largest difference of two sounds, of the peak of the first."""
    peak = float(np.abs(a).max(initial=0.0))
    return float(np.abs(a - b).max(initial=0.0)) / peak if peak else 0.0


def onset(answer: Audio, still: Audio, begin: int, rate: int, heard: float = HEARD) -> int | None:
    """Frames from the burst to the first difference it makes; None beyond MOST_S."""
    most = round(MOST_S * rate)
    frames = min(len(answer), len(still))
    made = np.abs(answer[:frames].astype(np.float64) - still[:frames])
    peak = made.max(initial=0.0)
    if peak <= 1e-9:
        return None
    late = int(np.argmax(made > heard * peak)) - begin
    return late if abs(late) <= most else None


def correlated(answer: Audio, sound: Audio, rate: int) -> int | None:
    """Frames by which ``answer`` is like ``sound`` but later, upside down or not."""
    most = round(MOST_S * rate)
    likeness = correlation(answer, sound)
    near = np.concatenate((likeness[-most:], likeness[: most + 1]))
    if near.max(initial=0.0) < 0.5:
        return None
    return int(np.argmax(near)) - most


def correlation(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """How alike ``a`` is to ``b`` moved by n frames, 0 to 1, at place n; negative n at the end."""
    size = 1 << (len(a) + len(b) - 1).bit_length()
    spectrum = np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size))
    power = float(np.sqrt(np.sum(a * a) * np.sum(b * b))) or 1.0
    return np.asarray(np.abs(np.fft.irfft(spectrum, size)) / power)
