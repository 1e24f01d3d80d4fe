"""Mel cepstra: what a spectrum sounds like in twenty numbers, whatever its partials are.

The orthonormal DCT-II of mel bands in dB; the first number is the level. Source: Davis and
Mermelstein, Comparison of parametric representations for monosyllabic word recognition, IEEE TASSP
28 (1980); bands of Slaney, Auditory toolbox (1998).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from engine.morph.grid import Grid

BANDS, COEFFICIENTS = 40, 20
"""Mel bands are as wide as a bin at least, on every grid that is played."""
RANGE_DB = 120.0
"""What is softer, below the loudest band of all, is not heard."""

Wide = npt.NDArray[np.float64]


def cepstra(levels: npt.ArrayLike, grid: Grid) -> Wide:
    """Mel cepstra (places, COEFFICIENTS) of dB (places, frames, bins), means over the frames."""
    given = np.asarray(levels, np.float64)
    return mean_cepstra(10.0 ** (given / 10.0), grid, BANDS)


def mean_cepstra(power: Wide, grid: Grid, bands: int, share: Wide | None = None) -> Wide:
    """The same of power (places, frames, bins) and any number of bands; frames count as much as
    their ``share`` (frames,) tells, or all the same."""
    heard = power @ _mel(grid, bands).T
    least = max(float(heard.max()) * 10.0 ** (-RANGE_DB / 10.0), 1e-30)
    in_db = 10.0 * np.log10(np.maximum(heard, least))
    mean = np.average(in_db, axis=1, weights=share)
    return np.asarray(mean @ _cosines(bands).T)


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


__all__ = ["Wide", "cepstra", "mean_cepstra"]
