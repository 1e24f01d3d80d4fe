"""Codes to sound: as they were, between two, by hand; the comparison and its page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.morph.errors import MorphError
from models.morph.seed.comparison import table
from models.morph.seed.reconstruction import Coded, Reconstructor, with_energy
from models.morph.seed.report import report
from models.morph.seed.settings import Trained
from models.morph.seed.study import study
from models.morph.seed.training import train_seed

from .seed_notes import SAMPLES, SMALL, notes, tiny


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train_seed(notes(), tiny(architecture="pca", code=20))


@pytest.fixture
def made(trained: Trained) -> Reconstructor:
    return Reconstructor.of(trained, SAMPLES)


@pytest.fixture
def ends(made: Reconstructor) -> tuple[Coded, ...]:
    both = notes().at([0, 12])
    return made.encoded(both.sounds, both.pitches)


def test_a_note_comes_back_with_its_phase_and_its_energy(
    made: Reconstructor, ends: tuple[Coded, ...]
) -> None:
    sound, original = made.sound(ends[0]), notes().sounds[0]
    assert np.square(sound).mean() == pytest.approx(np.square(original).mean(), rel=1e-3)
    off = np.square(sound - original).sum() / np.square(original).sum()
    assert 10.0 * np.log10(off) < -10.0


def test_the_way_between_two_codes_begins_and_ends_at_them(
    made: Reconstructor, ends: tuple[Coded, ...]
) -> None:
    a, b = ends
    np.testing.assert_allclose(made.interpolated(a, b, 0.0).code, a.code)
    np.testing.assert_allclose(made.interpolated(a, b, 1.0).code, b.code, atol=1e-6)
    middle = made.interpolated(a, b, 0.5)
    np.testing.assert_allclose(middle.code, 0.5 * (a.code + b.code), atol=1e-6)
    assert middle.energy == pytest.approx(0.5 * (a.energy + b.energy))
    assert middle.reference == pytest.approx((a.reference * b.reference) ** 0.5)
    assert middle.phases is None
    sound = made.sound(middle)
    assert sound.shape == (SAMPLES,) and np.isfinite(sound).all()
    assert np.square(sound).mean() == pytest.approx(middle.energy, rel=1e-3)


def test_a_code_is_set_by_hand_and_read_back(made: Reconstructor, ends: tuple[Coded, ...]) -> None:
    positions = made.positions(ends[0])
    assert positions.min() >= 0.0 and positions.max() <= 1.0
    again = made.set_by_hand(positions, ends[0].pitch)
    np.testing.assert_allclose(made.positions(again), positions, atol=1e-5)
    sound = made.activated(np.full(20, 0.5), 60.0, -30.0)
    assert 10.0 * np.log10(np.square(sound).mean()) == pytest.approx(-30.0, abs=0.1)
    with pytest.raises(MorphError, match="20"):
        made.activated(np.full(3, 0.5))
    with pytest.raises(MorphError, match="0 to 1"):
        made.activated(np.full(20, 2.0))


def test_polished_codes_come_nearer() -> None:
    trained = train_seed(notes(), tiny(epochs=1))
    made, given = Reconstructor.of(trained, SAMPLES), notes().at([20, 22])
    wanted = SMALL.values(given.sounds)[0]
    errors = []
    for steps in (0, 60):
        codes = made.encoded(given.sounds, given.pitches, polish=steps)
        errors.append(np.square(np.stack([made.values(c) for c in codes]) - wanted).mean())
    assert errors[1] < 0.98 * errors[0]


def test_silence_stays_silent() -> None:
    assert not with_energy(np.zeros(10, np.float32), 1.0).any()


def test_shorter_notes_end_in_silence_and_broken_ones_are_told(made: Reconstructor) -> None:
    assert len(made.encoded(np.ones(100), 60.0)) == 1
    with pytest.raises(MorphError, match="not finite"):
        made.encoded(np.full(100, np.inf), 60.0)


def test_the_table_has_a_row_for_each_and_learnt_notes_come_back_better() -> None:
    rows = table(notes(), tiny(epochs=1), names=("pca", "ours"), other=notes(2))
    assert [row.name for row in rows] == ["pca", "ours"]
    assert rows[0].learnt["rmse_db"] < rows[0].unseen["rmse_db"]
    assert rows[0].other is not None and rows[0].as_json()["code"] == 64


def test_a_study_is_written_as_one_page(tmp_path: Path) -> None:
    found = study(
        notes(), tiny(epochs=1, code=20, held_out=0.34), tmp_path, names=("pca", "deep"), polish=2
    )
    assert found.answers["interpolation"]["ways"]["cross-fade"]["residual"] < 0.2
    told = json.loads((tmp_path / "study.json").read_text())
    assert told["network"] == "pca"
    told["interpolation"]["pairs"][0][0] = "caf\udce9"  # a file's name may hold any bytes
    (tmp_path / "study.json").write_text(json.dumps(told))
    page = report(tmp_path).read_text(encoding="utf-8")
    assert "caf? to" in page
    for number in range(1, 6):
        assert f"<h2>{number}. " in page
    assert page.count("<audio") > 10 and "http://" not in page and "https://" not in page
    with pytest.raises(MorphError, match="holds a study"):
        study(notes(), tiny(), tmp_path)


def test_a_folder_without_a_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(MorphError, match=r"study\.json"):
        report(tmp_path)
    (tmp_path / "study.json").write_text("{}")
    with pytest.raises(MorphError, match="not the figures"):
        report(tmp_path)
