"""What was trained plays: the same latents and frames by the engine's own code."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from engine.morph.decode import Coder, decoder_state
from engine.morph.file import read_morph, write_morph
from engine.morph.grid import GRIDS, magnitudes
from engine.morph.model import conditions_of
from models.morph.live.export import chosen, exported
from models.morph.live.network import MorphNetwork
from models.morph.live.places import envelope_db, places_of
from models.morph.live.stored import steady

from .live_notes import HELD_S, RATE, Tone, tiny, tones

GRID = GRIDS["live"]
SECOND = RATE / GRID.hop


@pytest.mark.parametrize("conditions", ["chroma", "notes"])
def test_a_network_plays_as_it_was_trained(tmp_path: Path, conditions: str) -> None:
    torch.manual_seed(3)
    job = tiny(conditions=conditions)
    network = MorphNetwork(job).eval()
    write_morph(tmp_path / "a.npz", exported(network, job, tones(1)))
    model = read_morph(tmp_path / "a.npz")
    note = model.notes[0]
    told = np.tile(conditions_of(note.pitch, note.velocity, conditions), (note.frames, 1))
    played = Coder(decoder_state(model))(np.concatenate([note.path, told], 1))
    with torch.no_grad():
        wanted = network.decode(torch.from_numpy(note.path), torch.from_numpy(told)).numpy()
    assert np.abs(played - (80.0 * np.clip(wanted, 0.0, 1.0) - 80.0)).max() < 0.02


def test_a_note_is_as_loud_as_it_was() -> None:
    torch.manual_seed(3)
    job, note = tiny(), tones(1)[0]
    network = MorphNetwork(job).eval()
    model = exported(network, job, [note, Tone("b", "b", 60, 6.0, silent=True)])
    assert [one.name for one in model.notes] == ["tone_0-057-100"]
    found = magnitudes(note.sound(), job.frame_grid)
    reference = 20.0 * np.log10(found.max())
    gain = model.notes[0].gain_db.astype(float)
    assert np.all(np.abs(gain - reference) <= 6.1)


def test_a_held_tone_begins_is_repeated_and_ends_where_it_does() -> None:
    levels = envelope_db(magnitudes(Tone("a", "a", 60, 6.0).sound(), GRID))
    path = np.random.default_rng(1).random((len(levels), 4)).astype(np.float32)
    places = places_of(levels, path, GRID)
    assert places.attack / SECOND < 0.06
    assert places.release / SECOND == pytest.approx(HELD_S, abs=0.05)
    assert places.attack < places.loop_start < places.loop_end < places.release <= places.frames


def test_a_plucked_tone_is_not_repeated() -> None:
    levels = envelope_db(magnitudes(Tone("a", "a", 60, 6.0, fades=30.0).sound(), GRID))
    places = places_of(levels, np.zeros((len(levels), 4), np.float32), GRID)
    assert places.loop_start == places.loop_end == places.release
    assert places.release / SECOND == pytest.approx(HELD_S, abs=0.05)


def test_the_shortest_sounds_have_places_too() -> None:
    for frames in (1, 2, 5, 40, 200):
        levels = np.zeros(frames)
        places = places_of(levels, np.zeros((frames, 4), np.float32), GRID)
        row = (places.attack, places.loop_start, places.loop_end, places.release, places.frames)
        assert list(row) == sorted(row) and places.frames == frames


def test_few_notes_of_every_instrument_are_chosen_evenly() -> None:
    notes = tones(3, pitches=tuple(range(48, 73, 2)))
    kept = chosen(notes, 3)
    assert [(note.instrument, note.pitch) for note in kept] == [
        (f"tone_{k}", pitch) for k in range(3) for pitch in (52, 60, 68)
    ]


def test_latents_that_hardly_move_stay_where_they_are() -> None:
    codes = np.array([[100, 7], [101, 9], [102, 4], [103, 4], [101, 5]], np.uint8)
    assert steady(codes, 2).tolist() == [[100, 7], [100, 7], [100, 4], [103, 4], [103, 4]]


def test_a_note_is_called_what_players_call_its_instrument() -> None:
    job = tiny()
    network = MorphNetwork(job).eval()
    known = Tone("x", "reed_acoustic_068", 57, 3.0, title="oboe")
    same = [Tone("y", f"string_{k}", 57, 4.0 + k, title="fiddle") for k in range(2)]
    model = exported(network, job, [known, *same])
    names = [note.name for note in model.notes]
    assert names == ["oboe-057-100", "string_0-057-100", "string_1-057-100"]
