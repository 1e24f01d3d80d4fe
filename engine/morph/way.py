"""The way from one note to another, as it is heard: even steps, a brightness that goes straight.

Between two notes timbre does not change evenly, and brightness may go up before it goes down. A
``Way`` mends both by three tables over a knob: where on the way to be, how much to tilt the
spectrum (dB an octave), and how much louder that has to be. They come from sound, not from frames:
what partials leave between them, and what phases add there, is a large part of what changes.

    places    s^-1(knob), s the length of the path of mean mel cepstra (spacing.py), from 0 to 1
    tilt      so that the centroid is c_0 + knob (c_1 - c_0); none at both ends
    gain      so that the tilt leaves the energy as it is

Features of a morph that go straight: Caetano and Rodet, Musical instrument sound morphing guided by
perceptually motivated features, IEEE TASLP 21 (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError
from engine.morph.grid import Array, Grid, magnitudes
from engine.morph.phase import SILENT_DB, Phaser
from engine.morph.spacing import LEAST, STEPS, STILL, Decode, Wide, mean_cepstra, placed

STRETCHES = 5
"""Of a note that is heard, from its beginning to its end."""
STRETCH = 2560
"""Samples of each: a frame that the ear's spectrum is taken of, and what comes before it."""
HEARD_AT = 7
"""Places of the way that are made into sound."""
ROUNDS = 1
"""Times that tilts are found for the places as they were, before the places are found anew."""
EAR, BANDS = Grid(2048, 512), 128
MOST_TILT = 12.0
PIVOT_HZ = 1000.0
_HALVINGS = 30


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
    at = np.linspace(0.0, 1.0, HEARD_AT)
    levels = [heard.levels(float(place)) for place in at]
    tilts = gains = np.zeros(HEARD_AT)
    for _ in range(ROUNDS):
        sizes = _sizes(heard.sounds(levels, tilts, gains))
        tilts, gains = _mended(sizes.sum(axis=1), _walked(sizes), tilts, gains)
    walked = _walked(_sizes(heard.sounds(levels, tilts, gains)))
    knobs = np.linspace(0.0, 1.0, steps)
    places = np.interp(knobs, walked, at)
    tables = (places, np.interp(places, at, tilts), np.interp(places, at, gains))
    return Way(*(np.asarray(table, np.float32) for table in tables))


@dataclass(frozen=True, eq=False)
class _Heard:
    """Two notes' frames side by side, and how they become sound."""

    decode: Decode
    grid: Grid
    conditions: Array
    phaser: Phaser
    paths: tuple[Array, Array]
    gains_db: tuple[Array, Array]

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
        at = stretches(min(len(one), len(other)), grid)
        conditions = np.asarray(conditions, np.float32)
        paths, gains = (one[at], other[at]), (levels[0][at], levels[1][at])
        return cls(decode, grid, conditions, Phaser(grid, hertz=hertz), paths, gains)

    @property
    def is_still(self) -> bool:
        """Whether both notes are the same."""
        same = np.array_equal(self.paths[0], self.paths[1])
        return same and np.array_equal(self.gains_db[0], self.gains_db[1])

    def sounds(self, levels: list[Array], tilts: Wide, gains: Wide) -> list[Array]:
        """The sound of each place (samples,), without its first frames' beginning."""
        octave, made = octaves(self.grid), []
        for frames, tilt, gain in zip(levels, tilts, gains, strict=True):
            self.phaser.restart()
            sound = self.phaser.frames(frames + np.float32(tilt) * octave + np.float32(gain))
            made.append(sound[self.grid.size :])
        return made

    def levels(self, place: float) -> Array:
        """dB (frames, bins) at a place of the way."""
        (one, other), share = self.paths, np.float32(place)
        count = one.shape[1]
        given = np.empty((len(one), count + len(self.conditions)), np.float32)
        given[:, :count] = one + share * (other - one)
        given[:, count:] = self.conditions
        gain = self.gains_db[0] + share * (self.gains_db[1] - self.gains_db[0])
        return np.maximum(self.decode(given) + gain[:, None], np.float32(SILENT_DB))


def stretches(frames: int, grid: Grid) -> npt.NDArray[np.int64]:
    """Numbers of the frames of a note that are listened to: all of a short one, and more than once
    what is shorter than a stretch."""
    length = STRETCH // grid.hop
    if frames >= STRETCHES * length:
        starts = np.linspace(0, frames - length, STRETCHES).astype(np.int64)
        return np.concatenate([np.arange(start, start + length) for start in starts])
    return np.arange(max(frames, length + grid.overlap), dtype=np.int64) % frames


def _sizes(sounds: list[Array]) -> Wide:
    """Magnitudes (places, frames, bins) as the ear's grid has them, of frames that see nothing but
    sound."""
    found = np.stack([magnitudes(sound, EAR) for sound in sounds]).astype(np.float64)
    whole = found[:, EAR.overlap - 1 : 1 - EAR.overlap]
    return whole if whole.shape[1] else found


def _walked(sizes: Wide) -> Wide:
    """How far each place (places,) is along the way for the ear, 0 to 1."""
    lengths = np.linalg.norm(np.diff(mean_cepstra(np.square(sizes), EAR, BANDS), axis=0), axis=1)
    least = LEAST * float(lengths.mean())
    walked = np.concatenate([[0.0], np.cumsum(np.maximum(lengths, max(least, STILL)))])
    return np.asarray(walked / walked[-1])


def _mended(spectra: Wide, walked: Wide, tilts: Wide, gains: Wide) -> tuple[Wide, Wide]:
    """Tilts and gains at all places that put the centroids of ``spectra`` (places, bins), which
    have the old ones, on a line over ``walked``."""
    octave = octaves(EAR).astype(np.float64)
    first, last = _centroid(spectra[0]), _centroid(spectra[-1])
    new_tilts, new_gains = tilts.copy(), gains.copy()
    for k in range(1, len(spectra) - 1):
        bare = spectra[k] * 10.0 ** (-(tilts[k] * octave + gains[k]) / 20.0)
        tilt = _tilt(bare, first + walked[k] * (last - first), octave)
        tilted = bare * 10.0 ** (tilt * octave / 20.0)
        new_tilts[k] = tilt
        new_gains[k] = 10.0 * np.log10(np.square(bare).sum() / np.square(tilted).sum())
    return new_tilts, new_gains


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


__all__ = ["Way", "octaves", "straight", "stretches", "way"]
