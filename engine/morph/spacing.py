"""Equal steps for the ear along the straight way from one point of the latent space to another.

Equal steps of latents are no equal steps of timbre: a decoder changes much in one place and little
in another. The way is decoded once, cut into steps by the distance of its mel cepstra, and read
off a table while it is played. Source: SoundMorpher (Niu et al. 2024, arXiv 2410.02144), which
asks for equal distances of log-mel spectra. This is what frames alone tell, and cheap; of notes
that are heard whole, `way.py` makes a better table.

    c(t) = cepstrum of decode(first + t (last - first)), level gains_db(t)
    s(t) = int_0^t |c'(u)| du,   table_k = s^-1(k / (steps - 1) s(1))
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError
from engine.morph.grid import Array, Grid

STEPS = 33
"""Of a table: more than one per four values of a MIDI controller."""
PLACES = 65
"""Where the way is decoded."""
BANDS, COEFFICIENTS = 40, 20
"""Mel bands are as wide as a bin at least, on every grid that is played."""
RANGE_DB = 120.0
"""What is softer, below the loudest band of the whole way, is not heard."""
LEAST = 0.02
"""Of the mean: less change than this counts as this, so that a table jumps over nothing."""
STILL = 1e-6
"""Less change than this from place to place is rounding."""

Decode = Callable[[Array], Array]
"""Latents and conditions (n, given) to dB (n, bins): engine.morph.decode.Coder."""
Wide = npt.NDArray[np.float64]


def even(
    decode: Decode, grid: Grid, conditions: npt.ArrayLike, first: npt.ArrayLike,
    last: npt.ArrayLike, steps: int = STEPS, gains_db: tuple[float, float] = (0.0, 0.0),
) -> Array:  # fmt: skip
    """The table (steps,): how far along the way one is, 0 to 1, where a knob is at k / (steps - 1).

    ``first`` and ``last`` are latents (latents,), or those of frames that sound together (frames,
    latents), of which the mean cepstrum counts; ``conditions`` (conditions,) are of the pitch that
    will be heard. ``gains_db`` are the levels at both ends; they go in dB along the same way.
    Takes ``PLACES`` times the frames' decodes: a millisecond or two, and not for an audio thread.
    Raises MorphError, one line, for shapes that do not fit.
    """
    one, other, told = _ends(first, last, conditions)
    if steps < 2:
        raise MorphError(f"steps = {steps}: a way has two ends")
    if np.array_equal(one, other) and gains_db[0] == gains_db[1]:
        return np.linspace(0.0, 1.0, steps, dtype=np.float32)
    at = np.linspace(0.0, 1.0, PLACES)
    levels = along(decode, told, one, other, at)
    gains = gains_db[0] + at * (gains_db[1] - gains_db[0])
    return table_of(cepstra(levels + gains[:, None, None], grid), steps)


def along(decode: Decode, conditions: Array, first: Array, last: Array, at: Wide) -> Array:
    """The way decoded: dB (places, frames, bins) at the places ``at`` from 0 to 1."""
    share = at.astype(np.float32)[:, None, None]
    latents = first + share * (last - first)
    places, frames, count = latents.shape
    given = np.empty((places * frames, count + len(conditions)), np.float32)
    given[:, :count] = latents.reshape(-1, count)
    given[:, count:] = conditions
    made = decode(given)
    return made.reshape(places, frames, -1)


def cepstra(levels: npt.ArrayLike, grid: Grid) -> Wide:
    """Mel cepstra (places, COEFFICIENTS) of dB (places, frames, bins), means over the frames.

    The orthonormal DCT-II of 40 mel bands in dB, RANGE_DB deep below the loudest of all; the first
    is the level. Source: Davis and Mermelstein 1980.
    """
    given = np.asarray(levels, np.float64)
    return mean_cepstra(10.0 ** (given / 10.0), grid, BANDS)


def mean_cepstra(power: Wide, grid: Grid, bands: int) -> Wide:
    """The same of power (places, frames, bins) and any number of bands."""
    heard = power @ _mel(grid, bands).T
    least = max(float(heard.max()) * 10.0 ** (-RANGE_DB / 10.0), 1e-30)
    in_db = 10.0 * np.log10(np.maximum(heard, least))
    return np.asarray(in_db.mean(axis=1) @ _cosines(bands).T)


def table_of(features: Wide, steps: int = STEPS) -> Array:
    """The table (steps,) of features (places, numbers) at equal places of a way.

    0 and 1 at its ends, rising everywhere; a straight line where nothing changes.
    """
    lengths = np.linalg.norm(np.diff(features, axis=0), axis=1)
    mean = float(lengths.mean()) if len(lengths) else 0.0
    if not (np.isfinite(mean) and mean > STILL):
        return np.linspace(0.0, 1.0, steps, dtype=np.float32)
    walked = np.concatenate([[0.0], np.cumsum(np.maximum(lengths, LEAST * mean))])
    wanted = np.linspace(0.0, 1.0, steps) * walked[-1]
    made = np.interp(wanted, walked, np.linspace(0.0, 1.0, len(walked)))
    made[0], made[-1] = 0.0, 1.0
    return np.asarray(made, np.float32)


def placed(table: Array, knob: float) -> float:
    """Where on the way a knob of 0 to 1 is, by the table; between its steps on a line."""
    last = len(table) - 1
    held = min(max(float(knob), 0.0), 1.0) * last if knob == knob else 0.0
    low = min(int(held), last - 1)
    share = held - low
    return float(table[low] * (1.0 - share) + table[low + 1] * share)


def _ends(
    first: npt.ArrayLike, last: npt.ArrayLike, conditions: npt.ArrayLike
) -> tuple[Array, Array, Array]:
    one, other = (np.atleast_2d(np.asarray(end, np.float32)) for end in (first, last))
    told = np.asarray(conditions, np.float32)
    if one.shape != other.shape or one.ndim != 2 or not one.size:
        raise MorphError(f"ends of shapes {one.shape} and {other.shape} are not (frames, latents)")
    if told.ndim != 1:
        raise MorphError(f"conditions of shape {told.shape} are not (conditions,)")
    return one, other, told


@cache
def _mel(grid: Grid, count: int) -> Wide:
    """Triangles (count, bins) of unit area, as far apart in mel (Slaney 1998) up to the middle of
    the rate."""
    top = _mel_of(grid.rate / 2.0)
    edges = np.array([_hertz_of(mel) for mel in np.linspace(0.0, top, count + 2)])
    bins = np.arange(grid.bins) * grid.rate / grid.size
    wide = np.maximum(np.diff(edges), grid.rate / grid.size)  # no band between two bins
    rising = (bins - edges[1:-1, None]) / wide[:-1, None] + 1.0
    falling = 1.0 - (bins - edges[1:-1, None]) / wide[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(triangles / triangles.sum(axis=1, keepdims=True))


def _mel_of(hertz: float) -> float:
    """Linear to 1 kHz, then 27 to a factor of 6.4."""
    if hertz < 1000.0:
        return hertz * 3.0 / 200.0
    return 15.0 + 27.0 * float(np.log(hertz / 1000.0)) / float(np.log(6.4))


def _hertz_of(mel: float) -> float:
    if mel < 15.0:
        return mel * 200.0 / 3.0
    return 1000.0 * float(6.4 ** ((mel - 15.0) / 27.0))


@cache
def _cosines(bands: int) -> Wide:
    """Rows (COEFFICIENTS, bands) of the orthonormal DCT-II."""
    k, n = np.arange(COEFFICIENTS)[:, None], np.arange(bands)[None, :]
    rows = np.sqrt(2.0 / bands) * np.cos(np.pi * k * (2.0 * n + 1.0) / (2.0 * bands))
    rows[0] *= np.sqrt(0.5)
    return np.asarray(rows)


__all__ = [
    "PLACES", "STEPS", "Decode", "along", "cepstra", "even", "mean_cepstra", "placed", "table_of",
]  # fmt: skip
