"""Steps along a way between two sounds are equal for the ear, whatever a decoder does."""

from __future__ import annotations

import numpy as np
import pytest

from engine.morph.decode import Coder, decoder_state
from engine.morph.errors import MorphError
from engine.morph.grid import GRIDS, Grid
from engine.morph.model import conditions_of
from engine.morph.spacing import along, cepstra, even, placed, table_of

GRID = Grid(256, 32)
TOLD = np.zeros(3, np.float32)


def bent(given):
    """A decoder of one latent: a spectrum that tilts, little at first and much at last."""
    tilt = np.asarray(given, float)[:, :1] ** 3
    return (-10.0 - 40.0 * tilt * np.linspace(0.0, 1.0, GRID.bins)).astype(np.float32)


def spread(table):
    """Of the steps that a table leaves, as the measures have it: deviation over mean."""
    levels = along(bent, TOLD, np.zeros((1, 1)), np.ones((1, 1)), np.asarray(table, float))
    steps = np.linalg.norm(np.diff(cepstra(levels, GRID), axis=0), axis=1)
    return steps.std() / steps.mean()


def test_steps_are_equal_where_a_decoder_is_not_straight():
    table = even(bent, GRID, TOLD, [0.0], [1.0], 9)
    assert spread(np.linspace(0.0, 1.0, 9)) > 0.5
    assert spread(table) < 0.05


def test_a_table_goes_from_0_to_1_and_never_back():
    table = even(bent, GRID, TOLD, [0.0], [1.0])
    assert table.shape == (33,)
    assert table[0] == 0.0
    assert table[-1] == 1.0
    assert (np.diff(table) > 0.0).all()


def test_a_table_of_the_way_back_is_the_same_way():
    there = even(bent, GRID, TOLD, [0.0], [1.0])
    back = even(bent, GRID, TOLD, [1.0], [0.0])
    np.testing.assert_allclose(1.0 - back[::-1], there, atol=1e-5)


def test_a_sound_to_itself_is_a_straight_line():
    table = even(bent, GRID, TOLD, [0.3], [0.3], 5)
    np.testing.assert_allclose(table, [0.0, 0.25, 0.5, 0.75, 1.0])


def test_what_changes_nothing_is_a_straight_line():
    table = even(lambda given: np.full((len(given), GRID.bins), -20.0), GRID, TOLD, [0.0], [1.0])
    np.testing.assert_allclose(table, np.linspace(0.0, 1.0, 33), atol=1e-6)


def test_where_nothing_changes_a_table_still_rises():
    steps = np.zeros((65, 2))
    steps[:, 0] = np.maximum(0.0, np.linspace(-1.0, 1.0, 65))  # still until the middle
    table = table_of(steps, 9)
    assert (np.diff(table) > 0.0).all()
    assert table[1] > 0.4


def test_levels_in_db_are_part_of_the_way():
    alone = even(bent, GRID, TOLD, [0.0], [1.0], 9)
    with_levels = even(bent, GRID, TOLD, [0.0], [1.0], 9, gains_db=(0.0, -60.0))
    line = np.linspace(0.0, 1.0, 9)
    assert np.abs(with_levels - line).max() < 0.5 * np.abs(alone - line).max()


def test_several_frames_count_together():
    first, last = [[0.0], [0.5]], [[1.0], [0.5]]
    table = even(bent, GRID, TOLD, first, last, 9)
    np.testing.assert_allclose(table, even(bent, GRID, TOLD, [0.0], [1.0], 9), atol=0.02)


@pytest.mark.parametrize("name", GRIDS)
def test_every_grid_has_bands_that_hear_something(name):
    grid = GRIDS[name]
    silent = np.full((grid.bins, 1, grid.bins), -80.0)
    heard = silent.copy()
    heard[np.arange(grid.bins), 0, np.arange(grid.bins)] = 0.0
    assert (np.abs(cepstra(heard, grid) - cepstra(silent, grid)).max(axis=1)[1:-1] > 0.1).all()


def test_a_models_decoder_has_a_table(make_morph):
    model = make_morph()
    first, last = np.random.default_rng(1).random((2, model.latents))
    told = conditions_of(60, 100, model.conditions)
    table = even(Coder(decoder_state(model)), model.grid, told, first, last)
    assert np.isfinite(table).all()
    assert (np.diff(table) > 0.0).all()


def test_a_knob_between_two_steps_is_between_their_places():
    table = np.array([0.0, 0.6, 1.0], np.float32)
    assert placed(table, 0.25) == pytest.approx(0.3)
    assert placed(table, 0.5) == pytest.approx(0.6)
    assert placed(table, -1.0) == 0.0
    assert placed(table, 2.0) == 1.0
    assert placed(table, float("nan")) == 0.0


@pytest.mark.parametrize(
    ("first", "last", "steps", "told"),
    [
        ([0.0], [1.0, 0.0], 9, "shapes"),
        ([], [], 9, "shapes"),
        ([0.0], [1.0], 1, "steps = 1"),
    ],
)
def test_what_is_no_way_is_told_in_one_line(first, last, steps, told):
    with pytest.raises(MorphError, match=told) as caught:
        even(bent, GRID, TOLD, first, last, steps)
    assert "\n" not in str(caught.value)
