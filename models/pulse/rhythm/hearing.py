"""A recording of drums as a part on the grid, by what the follower hears of beats and strokes.

The follower tells families of drums, not drums: each is played on one, cymbals on a closed hi-hat.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from engine.pulse.bands import HOPS_A_SECOND
from engine.pulse.follower import STROKES
from models.pulse.errors import PulseError
from models.pulse.following.hearing import Heard, Ranges, hear, network_of
from models.pulse.paper.feel import deviations, settled
from models.pulse.paper.tempo import peak_offset
from models.pulse.rhythm.grid import STEPS_A_BEAT, Grid, on_grid
from models.pulse.takes import FAMILIES, NOTE

if TYPE_CHECKING:
    from engine.neural.network import Network

Array = npt.NDArray[np.float64]
PITCHES = (36, 38, 42, 45)  # of the drum each family is played on
BANDS_HZ = ((30.0, 120.0), (150.0, 4000.0), (6000.0, 15_000.0), (60.0, 400.0))
THRESHOLDS = (0.3, 0.15, 0.1, 0.12)  # of each family: best on takes of drummers 3 and 6
SHARE, LEAST, EVERY_S = 0.3, 0.1, 2.0
"""Drums that sound like none it has learnt from are told less surely: of the chance that is reached
once in so many seconds, this share is enough, if it is not less than LEAST."""
APART = 2  # hops: of two strokes of a family that are nearer the likelier is told
USUAL = (80, 110, 90, 115)  # the velocity of each family's median stroke; drummers' own
CURVE = 2.0  # amplitude is velocity to this power
WINDOW_S = 0.03  # of sound after a stroke that its strength is taken from
LATE = 2.0  # hops: so late the network answers to drums
LEAST_BEATS = 8
SURE = 0.5  # the median confidence: of nine takes all of 0.6 or more were read right, none of 0.41
SILENT = 1e-4


class Listener:
    """Reads recordings as parts; the network is opened for the first of them."""

    @cached_property
    def network(self) -> Network | None:
        """The network that comes with taraf."""
        return network_of("pulse")

    def __call__(self, file: Path) -> Grid:
        """The part in a recording; raises PulseError or SoundError, one line each."""
        heard = hear(file, self.network, Ranges())
        if float(np.abs(heard.sound).max()) < SILENT:
            raise PulseError(f"{file}: is silent")
        if len(heard.followed.beats) < LEAST_BEATS:
            told = f"{heard.seconds:.1f} s, {len(heard.followed.beats)} beats found"
            raise PulseError(f"{file}: {told}; at least {LEAST_BEATS} are needed")
        sure = heard.confidence
        if sure is not None and sure < SURE:
            told = f"its beat cannot be followed surely enough (confidence {sure:.2f}"
            raise PulseError(f"{file}: {told}; {SURE:g} or more is needed)")
        return part_of(heard)


def part_of(heard: Heard) -> Grid:
    """What was heard as a part, from the first bar that the follower began with."""
    meter = heard.meter
    assert meter is not None
    seconds, families, velocities = strokes(heard)
    pulse = settled(heard.followed.beats, seconds)
    feel = deviations(seconds, pulse)
    places = feel.beat + feel.fraction - first_of_bar(heard, meter)
    told = (places >= -0.5 / STEPS_A_BEAT) & (feel.beat < len(pulse))
    notes = np.zeros(int(told.sum()), NOTE)
    notes["beat"], notes["velocity"] = places[told], velocities[told]
    notes["pitch"] = np.array(PITCHES)[families[told]]
    tempo_bpm = 60.0 / float(np.median(np.diff(pulse)))
    return on_grid(notes, meter * STEPS_A_BEAT, tempo_bpm)


def first_of_bar(heard: Heard, meter: int) -> int:
    """The first beat of a bar, as most of the beats' numbers have it."""
    followed = heard.followed
    shifts = (np.arange(len(followed.place)) + 1 - followed.place)[followed.meter == meter]
    return int(np.bincount(shifts % meter).argmax())


def strokes(heard: Heard) -> tuple[Array, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Strokes by time: seconds (n,), places in FAMILIES, velocities 1 to 127."""
    found = []
    for family in range(len(FAMILIES)):
        chances = heard.followed.answers[:, STROKES + family]
        seconds = times(chances, threshold(chances, THRESHOLDS[family]))
        levels = velocities(heard, seconds, family)
        found.append((seconds, np.full(len(seconds), family), levels))
    all_of = [np.concatenate(part) for part in zip(*found, strict=True)]
    order = np.argsort(all_of[0], kind="stable")
    return all_of[0][order], all_of[1][order], all_of[2][order]


def threshold(chances: Array, most: float) -> float:
    """The chance, at most ``most``, from which one of ``chances`` (hops,) is a stroke."""
    inner = chances[1:-1]
    peaks = np.sort(inner[(inner > chances[:-2]) & (inner >= chances[2:])])
    often = int(len(chances) / HOPS_A_SECOND / EVERY_S) + 1
    reached = float(peaks[-often]) if len(peaks) >= often else 0.0
    return min(most, max(LEAST, SHARE * reached))


def times(chances: Array, threshold: float) -> Array:
    """When strokes fell (n,), in seconds and finer than a hop, by their chances (hops,)."""
    padded = np.pad(chances, APART)
    rows = np.lib.stride_tricks.sliding_window_view(padded, 2 * APART + 1)
    before, after = rows[:, :APART].max(axis=1), rows[:, APART + 1 :].max(axis=1)
    peaks = np.flatnonzero((chances > threshold) & (chances > before) & (chances >= after))
    finer = np.array([peak_offset(chances, int(at)) for at in peaks], np.float64)
    return np.asarray((peaks + finer + 1.0 - LATE) / HOPS_A_SECOND)


def velocities(heard: Heard, seconds: Array, family: int) -> npt.NDArray[Any]:
    """How hard each stroke at ``seconds`` was by how much louder its band got, 1 to 127.

    How hard a drummer hits as a whole no recording tells: the median stroke has ``USUAL``.
    """
    if len(seconds) == 0:
        return np.zeros(0, np.int64)
    frames = round(WINDOW_S * heard.rate)
    mono = np.pad(heard.sound.mean(axis=1), (2 * frames, 2 * frames))
    hz, (lowest, highest) = np.fft.rfftfreq(frames, 1.0 / heard.rate), BANDS_HZ[family]
    inside = (hz >= lowest) & (hz <= highest)
    at = np.round(seconds * heard.rate).astype(np.int64) + 2 * frames

    def power(first: npt.NDArray[np.int64]) -> Array:
        rows = mono[first[:, None] + np.arange(frames)] * np.hanning(frames)
        return np.asarray(np.square(np.abs(np.fft.rfft(rows)[:, inside])).sum(axis=1))

    rise = np.sqrt(np.maximum(power(at) - power(at - frames), 1e-12))
    found = USUAL[family] * (rise / np.median(rise)) ** (1.0 / CURVE)
    return np.asarray(np.clip(np.round(found), 1, 127).astype(int))


__all__ = ["Listener", "part_of", "strokes"]
