"""Frames that are drawn to learn from stay frames, whatever is done to them."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from engine.morph.errors import MorphError
from engine.morph.grid import GRIDS, magnitudes, to_db
from engine.morph.model import CONDITIONS, conditions_of
from models.morph.live.augment import STILL, Chances, Drawing, bent
from models.morph.live.material import decibels_of, frames_of

from .live_notes import Tone, frames, tones


def chance(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_frames_are_those_of_the_grid_within_half_a_step() -> None:
    note = tones(1, pitches=(60,))[0]
    kept = frames_of([note], GRIDS["live"], 4096)
    wanted, _ = to_db(magnitudes(note.sound(), GRIDS["live"]))
    wanted = wanted[wanted.max(1) > -75.0]
    assert kept.levels.shape == wanted.shape
    assert np.abs(np.maximum(decibels_of(kept.levels), -80.0) - wanted).max() <= 0.2501


def test_notes_without_sound_are_left_out_and_nothing_else_is_an_error() -> None:
    loud, silent = Tone("a", "a", 60, 6.0), Tone("b", "b", 60, 6.0, silent=True)
    assert frames_of([silent, loud], GRIDS["live"], 8).instruments == ("a",)
    with pytest.raises(MorphError, match="not one that sounds"):
        frames_of([silent], GRIDS["live"], 8)


def test_drawn_without_changes_frames_are_those_in_memory() -> None:
    known = frames()
    drawn, conditions = Drawing(known, "chroma", STILL).draw(32, chance())
    rows = np.clip((decibels_of(known.levels) + 80.0) / 80.0, 0.0, 1.0)
    for row in drawn.numpy():
        assert np.abs(rows - row).max(1).min() < 1e-6
    assert conditions.shape == (32, CONDITIONS["chroma"])


@pytest.mark.parametrize("kind", ["chroma", "notes"])
def test_changed_frames_are_within_bounds_and_the_same_seed_draws_the_same(kind: str) -> None:
    drawing = Drawing(frames(), kind, Chances(1.0, 1.0, 1.0))
    drawn, conditions = drawing.draw(256, chance())
    assert float(drawn.min()) >= 0.0 and float(drawn.max()) <= 1.0
    assert float(conditions.min()) >= 0.0 and float(conditions.max()) <= 1.0
    assert drawn.max(1).values.min() > 0.0
    assert torch.equal(drawn, drawing.draw(256, chance())[0])
    assert not torch.equal(drawn, drawing.draw(256, chance(2))[0])


@pytest.mark.parametrize("kind", ["chroma", "notes"])
def test_bent_conditions_are_those_of_the_engine(kind: str) -> None:
    pitches = np.array([0.0, 11.5, 47.25, 59.75, 60.0, 126.5, 127.0])
    before = torch.from_numpy(np.stack([conditions_of(60, 90, kind)] * len(pitches)))
    found = bent(before, torch.from_numpy(pitches).float(), kind).numpy()
    wanted = np.stack([conditions_of(pitch, 90, kind) for pitch in pitches])
    assert np.abs(found - wanted).max() < 1e-5


def test_a_detuned_frame_has_its_partial_where_its_pitch_says() -> None:
    known = frames_of([Tone("a", "a", 81, 12.0)], GRIDS["live"], 4096)
    drawing = Drawing(known, "chroma", Chances(0.0, 0.0, 1.0, semitones=6.0))
    drawn, conditions = drawing.draw(200, chance())
    pitches = conditions[:, 13].numpy() * 127.0
    hertz = 440.0 * 2.0 ** ((pitches - 69.0) / 12.0)
    bins = drawn[:, 4:].numpy().argmax(1) + 4  # a click of the attack may lie below
    assert np.median(np.abs(bins - hertz / (16_000 / 256))) < 1.0


def test_partials_get_gains_of_their_own_and_the_loudest_stays_as_loud() -> None:
    known = frames_of([Tone("a", "a", 69, 6.0)], GRIDS["quality"], 4096)
    still, changed = (
        Drawing(known, "notes", chances).draw(64, chance())[0]
        for chances in (STILL, Chances(0.0, 0.0, 0.0, toothed=1.0, tooth_db=6.0))
    )
    assert torch.allclose(still.amax(1), changed.amax(1), atol=0.02)
    partials = [round(440.0 * k * 512 / 16_000) for k in (1, 2, 3, 4)]
    gains = (changed - still)[:, partials] * 80.0
    assert 2.0 < float(gains.diff(dim=1).std()) < 15.0
