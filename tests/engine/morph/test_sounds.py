"""Sounds of a morph: notes of one instrument, in an order that does not depend on the file's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.morph.errors import MorphError
from engine.morph.sounds import number_of, sounds_of


@pytest.fixture
def model(make_morph):
    """Two pianos and a flute, their notes in disorder."""
    one = make_morph(notes=1).notes[0]
    names = ("keyboard_acoustic_004-072-100", "flute_acoustic_073-060-100",
             "keyboard_acoustic_004-060-100", "keyboard_acoustic_000-048-100",
             "flute_acoustic_073-048-100")  # fmt: skip
    notes = tuple(
        replace(one, name=name, family=name.split("_")[0], pitch=int(name.split("-")[1]))
        for name in names
    )
    return replace(make_morph(), notes=notes)


def test_a_sound_is_an_instrument_and_its_number_is_by_family_and_name(model):
    told = [(sound.name, sound.family, sound.notes) for sound in sounds_of(model)]
    assert told == [
        ("flute_acoustic_073", "flute", (4, 1)),
        ("keyboard_acoustic_000", "keyboard", (3,)),
        ("keyboard_acoustic_004", "keyboard", (2, 0)),
    ]
    order = np.random.default_rng(0).permutation(5)
    other = replace(model, notes=tuple(model.notes[k] for k in order))
    assert [sound.name for sound in sounds_of(other)] == [name for name, *_ in told]


def test_notes_with_names_of_their_own_are_sounds_of_their_own(make_morph):
    assert [s.name for s in sounds_of(make_morph(notes=3))] == ["tone_0", "tone_1", "tone_2"]
    assert sounds_of(make_morph(notes=0)) == ()


def test_a_player_names_a_sound_by_its_name_its_family_or_a_part_of_it(model):
    sounds = sounds_of(model)
    wanted = {"Flute": 0, "keyboard_acoustic_004": 2, "keyboard": 1, "acoustic 000": 1, "_004": 2}
    assert {name: number_of(name, sounds) for name in wanted} == wanted
    for name in ("tuba", ""):
        with pytest.raises(MorphError, match=f"no sound is called '{name}'; ") as error:
            number_of(name, sounds)
        assert "\n" not in str(error.value)
