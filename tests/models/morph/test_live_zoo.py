"""The morphs that come with taraf: what their cards say is so, and they play."""

import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

from engine.morph.decode import Coder, decoder_state
from engine.morph.file import read_morph
from engine.morph.grid import GRIDS
from engine.morph.model import conditions_of
from engine.morph.sounds import sounds_of

ZOO = Path(__file__).parents[3] / "models" / "zoo"
BYTES = 5_000_000

both = pytest.mark.parametrize(
    ("name", "grid"), [("morph", "quality"), ("morph-live", "live")], ids=("quality", "live")
)


@both
def test_the_card_is_of_the_file_and_tells_how_it_came_about(name: str, grid: str) -> None:
    folder = ZOO / name
    card = tomllib.loads((folder / "morph.toml").read_text())
    file = (folder / "morph.npz").read_bytes()
    assert (card["kind"], card["name"]) == ("morph", name)
    assert card["sha256"] == hashlib.sha256(file).hexdigest()
    assert card["licence"] and "FluidR3" in card["trained"]["data"]
    assert card["trained"]["command"].startswith("taraf train morph ")
    assert card["trained"]["test_rmse_db"] < card["trained"]["test_rmse_db_of_pca"]
    assert len(file) < BYTES


@both
def test_its_sounds_play_in_the_middle_of_their_notes(name: str, grid: str) -> None:
    model = read_morph(ZOO / name / "morph.npz")
    assert model.grid == GRIDS[grid] and model.latents == 16
    assert len(sounds_of(model)) >= 52
    coder = Coder(decoder_state(model))
    for note in model.notes[::20]:
        told = conditions_of(note.pitch, note.velocity, model.conditions)
        made = coder(np.concatenate([note.path[note.attack], told])[None])[0]
        assert np.isfinite(made).all() and -40.0 < made.max() <= 0.0
        root = 440.0 * 2.0 ** ((note.pitch - 69) / 12.0) / (model.grid.rate / model.grid.size)
        assert made[: round(12 * root)].max() > made[round(12 * root) :].max(initial=-80.0) - 20.0
