"""What a network has to beat: counted contexts for what is hit, medians for how it is played.

Contexts as in drum modelling with n-grams: the steps 1, 2, 4 and 16 ago, backed off from the
longest to the shortest, each adding to the one below (Witten & Bell 1991's method C in spirit).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.pulse.rhythm.grid import COUNT, Grid

Array = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]
LAGS = (16, 4, 1, 2)
LEVELS = 8
PRIOR = 0.13  # of the cells of the grid are hit
WEIGHT = 32.0  # of the shorter context, in counts; chosen on development takes
PLACES = 32


class Contexts:
    """The chance of each hit by what was played 1, 2, 4 and 16 steps ago."""

    def __init__(self, grids: Sequence[Grid], weight: float = WEIGHT) -> None:
        self.weight = weight
        hits = np.concatenate([grid.hits.T.ravel() for grid in grids]).astype(bool)
        keys = [np.concatenate(level) for level in zip(*map(_keys, grids), strict=True)]
        self.tables = [_Table(level, hits) for level in keys]

    def chances(self, grid: Grid) -> Array:
        """The chance of a hit of each drum in each step, (T, 9)."""
        chance = np.full(grid.steps * COUNT, PRIOR)
        for table, keys in zip(self.tables, _keys(grid), strict=True):
            hit, seen = table.find(keys)
            chance = (hit + self.weight * chance) / (seen + self.weight)
        return chance.reshape(COUNT, grid.steps).T.clip(1e-4, 1 - 1e-4).astype(np.float32)


class Medians:
    """The usual offset and velocity of each drum at each place of a bar."""

    def __init__(self, grids: Sequence[Grid]) -> None:
        self.offsets, self.velocities = np.zeros((2, PLACES, COUNT), np.float32)
        parts = [np.concatenate([getattr(g, name) for g in grids]) for name in _PARTS]
        hits, offsets, velocities = parts
        places = np.concatenate([np.arange(g.steps) % g.bar for g in grids])
        for place in range(PLACES):
            for drum in range(COUNT):
                here = (places == place) & (hits[:, drum] > 0)
                here = here if here.sum() > 5 else hits[:, drum] > 0
                if here.any():
                    self.offsets[place, drum] = np.median(offsets[here, drum])
                    self.velocities[place, drum] = np.median(velocities[here, drum])

    def of(self, grid: Grid) -> tuple[Array, Array]:
        """Offsets and velocities to expect, (T, 9) each."""
        places = np.arange(grid.steps) % grid.bar
        return self.offsets[places], self.velocities[places]


_PARTS = ("hits", "offsets", "velocities")


class _Table:
    def __init__(self, keys: Keys, hits: npt.NDArray[np.bool_]) -> None:
        self.keys, where = np.unique(keys, return_inverse=True)
        self.seen = np.bincount(where).astype(float)
        self.hit = np.bincount(where, weights=hits)

    def find(self, keys: Keys) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        at = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        known = self.keys[at] == keys
        return self.hit[at] * known, self.seen[at] * known


def _keys(grid: Grid) -> list[Keys]:
    """What stands before each cell, from nothing to all of four steps: (9 T,) each, by drum."""
    masks = (grid.hits.astype(np.int64) << np.arange(COUNT)).sum(axis=1)
    ago = [np.concatenate([np.zeros(lag, np.int64), masks])[: grid.steps] for lag in LAGS]
    place = np.arange(grid.steps) % grid.bar
    by_drum = [_levels(drum, ago, place) for drum in range(COUNT)]
    return [np.concatenate(level) for level in zip(*by_drum, strict=True)]


def _levels(drum: int, ago: Sequence[Keys], place: Keys) -> list[Keys]:
    own = np.zeros_like(place)
    for masks in ago:
        own = 2 * own + (masks >> drum & 1)
    levels = [np.zeros_like(place), place, own, own * PLACES + place]
    whole = np.zeros_like(place)
    for masks in ago:
        whole = (whole << COUNT) + masks
        levels.append(whole)
    assert len(levels) == LEVELS
    return [level * COUNT + drum for level in levels]


__all__ = ["Contexts", "Medians"]
