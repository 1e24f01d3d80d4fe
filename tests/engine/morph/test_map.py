"""The map of a morph's sounds: what sounds alike lies near, and it fits into its square."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.morph.map import (
    BESIDE,
    distances,
    held,
    majorized,
    map_of,
    places_of,
    purity,
    trustworthiness,
)
from engine.morph.model import Note
from engine.morph.sounds import sounds_of

FRAMES = 40
FAMILIES = ("brass", "mallet", "reed")


def note(rng, name, family, pitch, latents, fades=0.0):
    path = np.clip(latents + rng.normal(0.0, 0.005, (FRAMES, len(latents))), 0.0, 1.0)
    gain = -20.0 - fades * np.arange(FRAMES)
    return Note(
        f"{name}-{pitch:03}-100", family, pitch, 100, path.astype(np.float16),
        gain.astype(np.float16), 2, 10, 30, 32,
    )  # fmt: skip


@pytest.fixture
def model(make_morph):
    """Three families of four sounds with three notes, each family somewhere of its own."""
    rng, base = np.random.default_rng(1), make_morph(notes=0)
    notes = []
    for family in FAMILIES:
        middle = rng.random(base.latents)
        for k in range(4):
            own = np.clip(middle + rng.normal(0.0, 0.06, base.latents), 0.0, 1.0)
            notes += [note(rng, f"{family}_{k}", family, pitch, own) for pitch in (48, 60, 72)]
    return replace(base, notes=tuple(notes))


def test_families_that_sound_alike_lie_together_and_fill_the_square(model):
    found = map_of(model)
    assert found.purity == 1.0 and found.chance == pytest.approx(3 / 11)
    assert found.kept > 0.9
    assert found.points.shape == (12, 2) and found.notes.shape == (36, 2)
    assert found.points.min(0).tolist() == [0.0, 0.0] and found.points.max(0).tolist() == [1.0, 1.0]
    assert found.notes.min() >= 0.0 and found.notes.max() <= 1.0
    assert [sound.name for sound in found.sounds] == [s.name for s in sounds_of(model)]
    assert found.pitches[0] == (48, 60, 72)


def test_the_map_of_a_model_is_always_the_same(model):
    first, again = map_of(model), map_of(replace(model))
    assert np.array_equal(first.points, again.points) and np.array_equal(first.notes, again.notes)
    order = np.random.default_rng(0).permutation(len(model.notes))
    mixed = map_of(replace(model, notes=tuple(model.notes[k] for k in order)))
    np.testing.assert_allclose(mixed.points, first.points, atol=1e-6)
    np.testing.assert_allclose(mixed.notes, first.notes[order], atol=1e-6)


def test_notes_lie_by_their_sounds(model):
    found = map_of(model)
    for sound, point in zip(found.sounds, found.points, strict=True):
        own = found.notes[list(sound.notes)]
        inside = ((own > 0.0) & (own < 1.0)).all()
        if inside:  # else they were held at the edge
            np.testing.assert_allclose(own.mean(axis=0), point, atol=1e-6)
        assert np.linalg.norm(own - point, axis=1).max() < BESIDE


def test_how_a_sound_goes_on_counts_too(make_morph):
    rng, base = np.random.default_rng(3), make_morph(notes=0)
    same = rng.random(base.latents)
    rows = [("a", 0.0), ("b", 0.0), ("c", 2.0), ("d", 2.0)]
    notes = tuple(note(rng, name, name, 60, same, fades) for name, fades in rows)
    apart = distances(map_of(replace(base, notes=notes)).points)
    assert apart[0, 1] < 0.3 * apart[0, 2] and apart[2, 3] < 0.3 * apart[1, 3]


def test_places_are_named_in_the_order_of_the_numbers(model):
    places = places_of(model)
    assert places_of(model) is places
    assert [place.name for place in places] == [sound.name for sound in sounds_of(model)]
    assert [place.family for place in places][::4] == list(FAMILIES)
    assert places[3].across == map_of(model).points[3, 0]


def test_of_many_sounds_only_some_are_compared(model, monkeypatch):
    whole = map_of(model)
    monkeypatch.setattr("engine.morph.map.MOST", 7)

    def few(features):
        assert len(features) <= 7
        return distances(features)

    monkeypatch.setattr("engine.morph.map.distances", few)
    found = map_of(model)
    assert found.points.shape == whole.points.shape
    assert found.purity > found.chance and found.kept > 0.6


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_sounds_or_equal_ones_have_a_map_as_well(make_morph, count):
    rng, base = np.random.default_rng(5), make_morph(notes=0)
    rows = rng.random((count, base.latents))
    notes = tuple(note(rng, f"s{k}", "reed", 60, row) for k, row in enumerate(rows))
    found = map_of(replace(base, notes=notes))
    assert found.points.shape == (count, 2) and np.isfinite(found.points).all()
    if count == 1:
        assert found.points.tolist() == [[0.5, 0.5]]
    alike = tuple(replace(one, latents=notes[0].latents) for one in notes)
    same = map_of(replace(base, notes=alike))
    assert np.isfinite(same.points).all() and ((same.points >= 0) & (same.points <= 1)).all()


def test_a_held_note_goes_to_and_fro_in_its_loop_or_stays(model):
    looped = model.notes[0]
    assert held(looped, np.arange(34)).tolist() == [*range(30), 28, 27, 26, 25]
    assert set(held(looped, np.arange(500))) == set(range(30))
    plain = replace(looped, loop_start=32, loop_end=32)
    assert held(plain, [0, 31, 32, 5000]).tolist() == [0, 31, 31, 31]
    assert held(replace(plain, release=0, attack=0, loop_start=0, loop_end=0), [7]).tolist() == [0]


def test_majorization_finds_places_that_were_there():
    rng = np.random.default_rng(2)
    true = rng.random((20, 2))
    wanted = distances(true)
    start = true + rng.normal(0.0, 0.2, true.shape)
    found = majorized(wanted, start)
    stress = [float(np.square(distances(p) - wanted).sum()) for p in (start, found)]
    assert stress[1] < 1e-3 * stress[0]


def test_the_figures_tell_a_good_map_from_a_bad_one():
    rng = np.random.default_rng(4)
    points = rng.random((24, 2))
    points[:, 0] += np.repeat([0.0, 3.0, 6.0], 8)
    names = [name for name in FAMILIES for _ in range(8)]
    apart = distances(points)
    assert purity(apart, names) == 1.0 and trustworthiness(apart, apart) == 1.0
    mixed = distances(rng.permutation(points))
    assert purity(mixed, names) < 0.7 and trustworthiness(apart, mixed) < 0.7
