"""The way from one note to another, as it is heard: even steps, a brightness that goes straight.

Between two notes timbre does not change evenly, and brightness may go up before it goes down. A
``Way`` mends both by three tables over a knob: where on the way to be, how much to tilt the
spectrum (dB an octave), and how much louder that has to be. They come from sound, not from frames:
what partials leave between them, and what phases add there, is a large part of what changes.

    places    s^-1(knob), s the length of the path of mean mel cepstra, from 0 to 1
    tilt      so that the centroid is c_0 + knob (c_1 - c_0); none at both ends
    gain      so that the tilt leaves the energy as it is

Equal distances of log-mel spectra: Niu et al., SoundMorpher (2024), arXiv 2410.02144. Features of a
morph that go straight: Caetano and Rodet, Musical instrument sound morphing guided by
perceptually motivated features, IEEE TASLP 21 (2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from engine.morph.cepstra import Wide, mean_cepstra
from engine.morph.errors import MorphError
from engine.morph.grid import Array, Grid
from engine.morph.phase import Phaser

STEPS = 33
"""Of a table: more than one per four values of a MIDI controller."""
STRETCHES = 8
"""Of a note that is heard, from its beginning to its end."""
EARLY = 1.5
"""Power of their places: nearer to each other where it begins, and where it may die away."""
STRETCH = 2560
"""Samples of each at least: a frame of the ear's, and what comes before it."""
ONSETS = 3
"""Frames of the ear's in the first stretch: that is where what decays has its spectrum."""
HEARD_AT = 7
"""Places of the way that are made into sound."""
ROUNDS = 3
"""At most so often tilts are found for the places as they were, and the places found anew;"""
ENOUGH, ALIKE = 0.1, 0.01
"""until the centroid is off its line by no more than this share of its way, or of itself."""
EAR, BANDS = Grid(2048, 512), 128
"""The ear's grid, but for its rate, which is that of the sound."""
MOST_TILT = 12.0
PIVOT_HZ = 1000.0
INAUDIBLE_DB, NOTHING_DB = -100.0, -300.0
"""A frame whose loudest bin is softer than the first is not played; the second is silence whatever
is added."""
LEAST, STILL = 0.02, 1e-6
"""Less change from place to place than this share of the mean counts as that, so that a table jumps
over nothing; less than the second is rounding."""
_HALVINGS = 30

Decode = Callable[[Array], Array]
"""Latents and conditions (n, given) to dB (n, bins): engine.morph.decode.Coder."""


@dataclass(frozen=True, eq=False)
class Way:
    """Tables (steps,) over a knob from 0 to 1; between two steps on a line."""

    places: Array  # 0 to 1, rising: latents are first + places (last - first), gains too
    tilt_db: Array  # to add to each bin: tilt_db * octaves(grid) + gain_db
    gain_db: Array

    def at(self, knob: float) -> tuple[float, float, float]:
        """Place, tilt and gain of a knob."""
        tables = (self.places, self.tilt_db, self.gain_db)
        place, tilt, gain = (placed(table, knob) for table in tables)
        return place, tilt, gain


def placed(table: Array, knob: float) -> float:
    """What a table tells of a knob of 0 to 1; between its steps on a line."""
    last = len(table) - 1
    held = min(max(float(knob), 0.0), 1.0) * last if knob == knob else 0.0
    low = min(int(held), last - 1)
    share = held - low
    return float(table[low] * (1.0 - share) + table[low + 1] * share)


def straight(steps: int = STEPS) -> Way:
    """The way as it is, mended in nothing."""
    none = np.zeros(steps, np.float32)
    return Way(np.linspace(0.0, 1.0, steps, dtype=np.float32), none, none)


def octaves(grid: Grid) -> Array:
    """How many octaves each bin (bins,) is above 1 kHz; 0 Hz counts as half a bin."""
    bins = np.maximum(np.arange(grid.bins), 0.5)
    return np.log2(bins * grid.rate / grid.size / PIVOT_HZ).astype(np.float32)


def way(
    decode: Decode, grid: Grid, conditions: npt.ArrayLike, hertz: float, first: npt.ArrayLike,
    last: npt.ArrayLike, gains_db: tuple[npt.ArrayLike, npt.ArrayLike] = (0.0, 0.0),
    steps: int = STEPS,
) -> Way:  # fmt: skip
    """The way between two notes whose paths (frames, latents) are played side by side.

    Of the longer one what comes after the shorter one's end is not heard. ``conditions`` and
    ``hertz`` are of the pitch that is played, ``gains_db`` (frames,) what is added to both paths'
    frames. Takes about a tenth of a second: not for an audio thread. Raises MorphError, one line.
    """
    heard = _Heard.of(decode, grid, conditions, hertz, first, last, gains_db)
    if heard.is_still:
        return straight(steps)
    at, (walked, tilts, gains) = np.linspace(0.0, 1.0, HEARD_AT), _listened(heard)
    places = np.interp(np.linspace(0.0, 1.0, steps), walked, at)
    tables = (places, np.interp(places, at, tilts), np.interp(places, at, gains))
    return Way(*(np.asarray(table, np.float32) for table in tables))


def _listened(heard: _Heard) -> tuple[Wide, Wide, Wide]:
    """How far along the way HEARD_AT places are, and what mends them best: tilts and gains.

    Tilts act on frames, and sound is not quite what frames say; so it is listened to again.
    """
    levels = [heard.levels(float(place)) for place in np.linspace(0.0, 1.0, HEARD_AT)]
    tilts = gains = np.zeros(HEARD_AT)
    best, least = (tilts, tilts, gains), np.inf
    for number in range(1 + ROUNDS):
        sizes = heard.sizes(levels, tilts, gains)
        spectra = np.einsum("pfb,f->pb", sizes, heard.share)
        walked = _walked(sizes, heard.share, heard.ear)
        off = _off_line(spectra, walked)
        if off < least:
            best, least = (walked, tilts, gains), off
        if number and off <= 1.0:
            break
        tilts, gains = _mended(spectra, walked, tilts, gains, heard.ear)
    return best


@dataclass(frozen=True, eq=False)
class _Heard:
    """Two notes' frames side by side, and how they become sound; ``share`` (frames of the ear's,):
    how much of a note each stands for."""

    decode: Decode
    grid: Grid
    conditions: Array
    phaser: Phaser
    paths: tuple[Array, Array]
    gains_db: tuple[Array, Array]
    share: Wide

    @classmethod
    def of(
        cls, decode: Decode, grid: Grid, conditions: npt.ArrayLike, hertz: float,
        first: npt.ArrayLike, last: npt.ArrayLike, gains_db: tuple[npt.ArrayLike, npt.ArrayLike],
    ) -> _Heard:  # fmt: skip
        """The stretches that are listened to; MorphError for shapes that do not fit."""
        one, other = (np.atleast_2d(np.asarray(end, np.float32)) for end in (first, last))
        if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or not one.size:
            shapes = f"{one.shape} and {other.shape}"
            raise MorphError(f"paths of shapes {shapes} are not (frames, latents)")
        levels = []
        for path, gain in zip((one, other), gains_db, strict=True):
            given = np.asarray(gain, np.float32)
            if given.shape not in ((), (len(path),)):
                raise MorphError(f"gains of shape {given.shape} are not ({len(path)},)")
            levels.append(np.broadcast_to(given, (len(path),)))
        at, share = stretches(min(len(one), len(other)), grid)
        conditions = np.asarray(conditions, np.float32)
        paths, gains = (one[at], other[at]), (levels[0][at], levels[1][at])
        return cls(decode, grid, conditions, Phaser(grid, hertz=hertz), paths, gains, share)

    @property
    def ear(self) -> Grid:
        """The grid of ``sizes``."""
        return replace(EAR, rate=self.grid.rate)

    @property
    def is_still(self) -> bool:
        """Whether both notes are the same."""
        same = np.array_equal(self.paths[0], self.paths[1])
        return same and np.array_equal(self.gains_db[0], self.gains_db[1])

    def sizes(self, levels: list[Array], tilts: Wide, gains: Wide) -> Wide:
        """Magnitudes (places, frames, bins) of each place's sound, as the ear's grid has them.

        Its frames see nothing of another stretch; the first ones see the silence before the note.
        """
        octave, made = octaves(self.grid), []
        for frames, tilt, gain in zip(levels, tilts, gains, strict=True):
            self.phaser.restart()
            leant = frames + np.float32(tilt) * octave + np.float32(gain)
            parts = self.phaser.frames(leant).reshape(STRETCHES, -1)
            onset = np.concatenate([np.zeros(EAR.size // 2), parts[0, self.grid.lead :]])
            begun = [onset[k * EAR.hop :][: EAR.size] for k in range(ONSETS)]
            made.append([*begun, *parts[1:, -EAR.size :]])
        return np.abs(np.fft.rfft(np.array(made, np.float64) * EAR.window))

    def levels(self, place: float) -> Array:
        """dB (frames, bins) at a place of the way, as they are played."""
        (one, other), share = self.paths, np.float32(place)
        count = one.shape[1]
        given = np.empty((len(one), count + len(self.conditions)), np.float32)
        given[:, :count] = one + share * (other - one)
        given[:, count:] = self.conditions
        gain = self.gains_db[0] + share * (self.gains_db[1] - self.gains_db[0])
        made = self.decode(given) + gain[:, None]
        made[made.max(axis=1) <= INAUDIBLE_DB] = NOTHING_DB
        return made


def stretches(frames: int, grid: Grid) -> tuple[npt.NDArray[np.int64], Wide]:
    """Numbers of the frames of a note that are listened to, stretch by stretch, and what share of
    the note each of the ear's frames there stands for (ONSETS + STRETCHES - 1,).

    A note that is shorter than a stretch is heard again and again.
    """
    length = -(-max(STRETCH, EAR.size + grid.lead) // grid.hop)
    last = max(frames - length, 0)
    starts = (last * np.linspace(0.0, 1.0, STRETCHES) ** EARLY).astype(np.int64)
    middles = (starts[1:] + length) * grid.hop - EAR.size / 2
    middles = np.concatenate([np.arange(ONSETS) * EAR.hop, middles])
    edges = np.concatenate([[0.0], (middles[:-1] + middles[1:]) / 2.0, [frames * grid.hop]])
    share = np.maximum(np.diff(edges), 1.0)
    at = starts[:, None] + np.arange(length)
    return (at % frames).reshape(-1), share / share.sum()


def _walked(sizes: Wide, share: Wide, ear: Grid) -> Wide:
    """How far each place (places,) is along the way for the ear, 0 to 1; stretches (stretches,)
    count as much as their ``share``."""
    means = mean_cepstra(np.square(sizes), ear, BANDS, share)
    lengths = np.linalg.norm(np.diff(means, axis=0), axis=1)
    least = LEAST * float(lengths.mean())
    walked = np.concatenate([[0.0], np.cumsum(np.maximum(lengths, max(least, STILL)))])
    return np.asarray(walked / walked[-1])


def _mended(spectra: Wide, walked: Wide, tilts: Wide, gains: Wide, ear: Grid) -> tuple[Wide, Wide]:
    """Tilts and gains at all places that put the centroids of ``spectra`` (places, bins), which
    have the old ones, on a line over ``walked``."""
    octave = octaves(ear).astype(np.float64)
    first, last = _centroid(spectra[0]), _centroid(spectra[-1])
    new_tilts, new_gains = tilts.copy(), gains.copy()
    for k in np.flatnonzero(spectra[1:-1].any(axis=1)) + 1:  # silence needs none
        bare = spectra[k] * 10.0 ** (-(tilts[k] * octave + gains[k]) / 20.0)
        tilt = _tilt(bare, first + walked[k] * (last - first), octave)
        tilted = bare * 10.0 ** (tilt * octave / 20.0)
        new_tilts[k] = tilt
        new_gains[k] = 10.0 * np.log10(np.square(bare).sum() / np.square(tilted).sum())
    return new_tilts, new_gains


def _off_line(spectra: Wide, walked: Wide) -> float:
    """How far the centroids of ``spectra`` are off a line over ``walked``; 1 is near enough."""
    found = np.array([_centroid(spectrum) for spectrum in spectra])
    line = found[0] + walked * (found[-1] - found[0])
    enough = max(ENOUGH * abs(found[-1] - found[0]), ALIKE * found.max())
    return float(np.abs(found - line).max() / enough)


def _tilt(spectrum: Wide, wanted: float, octave: Wide) -> float:
    """dB an octave that give a spectrum this centroid, by halving: more is always brighter."""
    low, high = -MOST_TILT, MOST_TILT
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _centroid(spectrum * 10.0 ** (middle * octave / 20.0)) < wanted:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _centroid(spectrum: Wide) -> float:
    """In bins; silence has none, and lies in the middle."""
    total = float(spectrum.sum())
    bins = np.arange(len(spectrum))
    return float(bins @ spectrum) / total if total > 0.0 else 0.5 * len(spectrum)


__all__ = [
    "INAUDIBLE_DB", "STEPS", "Decode", "Way", "octaves", "placed", "straight", "stretches", "way",
]  # fmt: skip
