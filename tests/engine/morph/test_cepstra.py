"""Mel cepstra of every grid's frames."""

from __future__ import annotations

import numpy as np
import pytest

from engine.morph.cepstra import cepstra, mean_cepstra
from engine.morph.grid import GRIDS, Grid

GRID = Grid(256, 32)


@pytest.mark.parametrize("name", GRIDS)
def test_every_grid_has_bands_that_hear_something(name):
    grid = GRIDS[name]
    silent = np.full((grid.bins, 1, grid.bins), -80.0)
    heard = silent.copy()
    heard[np.arange(grid.bins), 0, np.arange(grid.bins)] = 0.0
    assert (np.abs(cepstra(heard, grid) - cepstra(silent, grid)).max(axis=1)[1:-1] > 0.1).all()


def test_a_louder_spectrum_is_the_same_but_for_the_first_number():
    levels = -np.random.default_rng(1).random((1, 1, GRID.bins)) * 40.0
    soft, loud = cepstra(levels - 6.0, GRID)[0], cepstra(levels, GRID)[0]
    assert soft.shape == (20,)
    assert loud[0] - soft[0] == pytest.approx(6.0 * np.sqrt(40.0))
    np.testing.assert_allclose(loud[1:], soft[1:], atol=1e-9)


def test_frames_count_as_much_as_their_share():
    power = np.random.default_rng(2).random((3, 2, GRID.bins)) + 0.1
    first, last, both = (
        mean_cepstra(power, GRID, 40, np.array(share))
        for share in ((1.0, 0.0), (0.0, 1.0), (0.25, 0.75))
    )
    np.testing.assert_allclose(both, 0.25 * first + 0.75 * last)
    np.testing.assert_allclose(mean_cepstra(power, GRID, 40), 0.5 * first + 0.5 * last)
