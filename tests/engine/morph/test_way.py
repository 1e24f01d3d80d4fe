"""Ways between notes, as they are heard: even steps, brightness on a line."""

from __future__ import annotations

import numpy as np
import pytest

from engine.morph.decode import Coder, decoder_state
from engine.morph.errors import MorphError
from engine.morph.grid import Grid, magnitudes, to_db
from engine.morph.model import conditions_of
from engine.morph.phase import Phaser
from engine.morph.way import octaves, placed, straight, stretches, way

from .conftest import RATE, tone

GRID = Grid(512, 64)
HERTZ = 220.0
TOLD = np.zeros(1, np.float32)


def frames_of(brightness):
    """A held note's frames in dB."""
    sound = tone(HERTZ, 0.6, brightness, 0.0)
    return to_db(magnitudes(sound, GRID))[0][GRID.overlap : -GRID.overlap]


DARK, BRIGHT = frames_of(0.4), frames_of(0.7)


def decode(given):
    """One latent: from dark to bright, slowly at first, and with a dull hump on the way."""
    rows = []
    for share in np.asarray(given, float)[:, 0]:
        hump = -4.0 * np.sin(np.pi * share) * np.maximum(0.0, octaves(GRID) + 1.0)
        rows.append(DARK[20] + share**2 * (BRIGHT[20] - DARK[20]) + hump)
    return np.array(rows, np.float32)


FIRST, LAST = np.zeros((200, 1), np.float32), np.ones((200, 1), np.float32)


@pytest.fixture(scope="module")
def found():
    return way(decode, GRID, TOLD, HERTZ, FIRST, LAST)


def heard(found, steps=9):
    """Spectra of equal turns of a knob, summed over frames that all sound: (steps, bins)."""
    spectra = []
    for knob in np.linspace(0.0, 1.0, steps):
        place, tilt, gain = found.at(knob)
        levels = decode([[place]] * 60) + tilt * octaves(GRID) + gain
        sound = Phaser(GRID, hertz=HERTZ).frames(levels)[GRID.size :]
        spectra.append(magnitudes(sound, GRID)[8:-8].sum(axis=0))
    return np.array(spectra, float)


def centroids(spectra):
    return spectra @ np.arange(GRID.bins) / spectra.sum(axis=1)


def test_brightness_goes_straight_where_it_did_not(found):
    before, after = centroids(heard(straight())), centroids(heard(found))
    assert (np.diff(before) < 0.0).any()
    assert (np.diff(after) > 0.0).all()
    line = np.linspace(after[0], after[-1], len(after))
    assert np.abs(after - line).max() < 0.6 * np.abs(before - line).max()


def test_steps_are_more_even(found):
    def spread(spectra):
        in_db = 20.0 * np.log10(spectra)
        steps = np.linalg.norm(np.diff(in_db, axis=0), axis=1)
        return steps.std() / steps.mean()

    assert spread(heard(found)) < 0.7 * spread(heard(straight()))


def test_ends_are_left_as_they_are(found):
    assert found.at(0.0) == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert found.at(1.0) == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)


def test_places_rise_all_the_way(found):
    assert found.places.shape == found.tilt_db.shape == found.gain_db.shape == (33,)
    assert (np.diff(found.places) > 0.0).all()


def test_it_is_the_same_again(found):
    again = way(decode, GRID, TOLD, HERTZ, FIRST, LAST)
    np.testing.assert_array_equal(found.places, again.places)
    np.testing.assert_array_equal(found.tilt_db, again.tilt_db)


def test_the_way_from_a_note_to_itself_is_straight():
    found = way(decode, GRID, TOLD, HERTZ, FIRST, FIRST)
    np.testing.assert_array_equal(found.places, straight().places)
    assert not found.tilt_db.any()


def test_levels_alone_are_a_way_too():
    found = way(decode, GRID, TOLD, HERTZ, FIRST, FIRST, (0.0, -40.0))
    np.testing.assert_allclose(found.places, straight().places, atol=0.08)


def test_a_models_notes_have_a_way(make_morph):
    model = make_morph()
    coder = Coder(decoder_state(model))
    one, other = model.notes[0], model.notes[1]
    told = conditions_of(60, 100, model.conditions)
    gains = (one.gain_db.astype(np.float32), other.gain_db.astype(np.float32))
    found = way(coder, model.grid, told, 261.6, one.path, other.path, gains)
    assert np.isfinite(found.places).all()
    assert (np.diff(found.places) > 0.0).all()
    assert np.abs(found.tilt_db).max() <= 12.0


def test_short_notes_are_heard_more_than_once_and_long_ones_in_stretches():
    at, share = stretches(3, GRID)
    assert at.max() == 2
    assert len(at) == 8 * 2560 // GRID.hop
    assert share.sum() == pytest.approx(1.0)
    at, share = stretches(1000, GRID)
    assert at[0] == 0
    assert at[-1] == 999
    assert share.sum() == pytest.approx(1.0)
    assert len(share) == 3 + 7
    assert share[:3].max() < share[3:].min()  # an onset is short, what comes after it is not
    assert GRID.rate == RATE


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_brightness_costs_no_level_at_any_rate(rate):
    grid = Grid(GRID.size, GRID.hop, rate)
    found = way(decode, grid, TOLD, HERTZ * rate / RATE, FIRST, LAST)
    place, tilt, gain = found.at(0.5)
    bare = decode([[place]])
    leant = bare + tilt * octaves(grid) + gain
    louder = 10.0 * np.log10((10.0 ** (leant / 10.0)).sum() / (10.0 ** (bare / 10.0)).sum())
    assert abs(tilt) > 1.0 and abs(louder) < 1.0


@pytest.mark.parametrize("grid", [Grid(1024, 64), Grid(4096, 2048)])
def test_there_is_a_way_on_any_grid(grid):
    def slopes(given):
        falls = -6.0 * (1.0 - np.square(np.asarray(given, np.float32)[:, :1]))
        return -20.0 + falls * np.maximum(octaves(grid), -2.0)

    found = way(slopes, grid, TOLD, HERTZ, FIRST, LAST)
    assert (np.diff(found.places) > 0.0).all() and np.isfinite(found.tilt_db).all()


def test_a_note_that_dies_away_has_a_way_to_one_that_stays():
    """Most of the way is the silence that fills: a knob's first half goes but a part of it."""
    dies = np.maximum(-60.0 * np.arange(750) / 250.0, -130.0)
    first, last = np.zeros((750, 1), np.float32), np.ones((750, 1), np.float32)
    found = way(decode, GRID, TOLD, HERTZ, first, last, (dies, np.zeros(750)))
    assert (np.diff(found.places) > 0.0).all()
    assert abs(found.at(0.5)[0] - 0.5) > 0.05
    alike = way(decode, GRID, TOLD, HERTZ, first, last, (dies, dies))
    assert np.isfinite(alike.tilt_db).all()
    assert (np.diff(alike.places) > 0.0).all()


def test_silence_has_a_way_too():
    found = way(decode, GRID, TOLD, HERTZ, FIRST, LAST, (-200.0, -200.0))
    np.testing.assert_allclose(found.places, straight().places, atol=1e-6)
    assert not found.tilt_db.any()


def test_a_knob_between_two_steps_is_between_their_places():
    table = np.array([0.0, 0.6, 1.0], np.float32)
    assert placed(table, 0.25) == pytest.approx(0.3)
    assert placed(table, 0.5) == pytest.approx(0.6)
    assert placed(table, -1.0) == 0.0
    assert placed(table, 2.0) == 1.0
    assert placed(table, float("nan")) == 0.0


@pytest.mark.parametrize(
    ("first", "last", "gains", "told"),
    [
        (np.zeros((9, 1)), np.zeros((9, 2)), (0.0, 0.0), "paths of shapes"),
        (np.zeros((0, 1)), np.zeros((9, 1)), (0.0, 0.0), "paths of shapes"),
        (np.zeros((9, 1)), np.ones((9, 1)), (np.zeros(8), 0.0), "gains of shape"),
    ],
)
def test_what_is_no_way_is_told_in_one_line(first, last, gains, told):
    with pytest.raises(MorphError, match=told) as caught:
        way(decode, GRID, TOLD, HERTZ, first, last, gains)
    assert "\n" not in str(caught.value)
