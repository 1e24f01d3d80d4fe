"""Trainings of the thesis: every network learns, stops, goes on and is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.morph.errors import MorphError
from models.morph.seed import checkpoint
from models.morph.seed.losses import over_floor
from models.morph.seed.material import Material, NoteArrays, arrays_of, held_out
from models.morph.seed.networks import build
from models.morph.seed.reconstruction import Reconstructor
from models.morph.seed.settings import ARCHITECTURES, Progress, Settings
from models.morph.seed.spectra import Transform
from models.morph.seed.training import train_seed

from .seed_notes import SAMPLES, SMALL, notes, tiny


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_network_learns_and_comes_back_from_its_folder(
    architecture: str, tmp_path: Path
) -> None:
    told: list[Progress] = []
    settings = tiny(architecture=architecture, epochs=3)
    trained = train_seed(notes(), settings, tmp_path / "run", told.append)
    assert trained.network.code == 64 and trained.stopped == "budget"
    assert told[-1].done == 1.0 and told[-1].validation is not None
    assert trained.rmse_db < 80.0 and len(trained.history) == trained.epochs
    made, again = Reconstructor.of(trained, SAMPLES), Reconstructor.opened(tmp_path / "run")
    coded = made.encoded(notes(1).sounds, 60.0)[0]
    assert coded.code.shape == (64,)
    np.testing.assert_array_equal(made.values(coded), again.values(coded))
    if architecture in ("banded", "convolutional", "deep", "lstm"):
        assert trained.history[-1]["loss"] < trained.history[0]["loss"]


@pytest.mark.parametrize("architecture", ["banded", "convolutional", "deep"])
@pytest.mark.parametrize("shape", [(60, 31, 40), (128, 126, 64)])
def test_networks_take_any_grid(architecture: str, shape: tuple[int, int, int]) -> None:
    bins, frames, code = shape
    transform = Transform(n_fft=256, hop=128, mels=bins)
    code = 64 if architecture == "convolutional" and bins == 128 else code
    code = 2 * 1 * 20 if bins == 60 and architecture == "convolutional" else code
    settings = tiny(architecture=architecture, code=code, transform=transform)
    network = build(settings, frames)
    values, pitches = torch.rand(3, bins, frames), torch.full((3,), 60.0)
    made, cost = network(values, pitches)
    assert made.shape == values.shape and float(cost) == 0.0
    assert network.encode(values, pitches).shape == (3, code)


def test_principal_components_find_what_is_linear() -> None:
    rng = np.random.default_rng(1)
    settings = tiny(architecture="pca", code=3)
    network = build(settings, 126)
    spectra = torch.from_numpy(rng.random((3, 128, 126), np.float32))
    weights = torch.from_numpy(rng.random((20, 3), np.float32))
    values = torch.einsum("nk,kbf->nbf", weights, spectra)
    zeros = torch.zeros(12)
    network.fit(lambda: iter([(values[:12], zeros), (values[12:], zeros)]))
    made, _ = network(values, torch.zeros(20))
    assert float((made - values).square().mean().sqrt()) < 2e-3  # kept in 16 bits meanwhile


def test_components_of_time_and_frequency_are_a_projection_that_more_of_them_make_better() -> None:
    material, errors = Material(notes(), SMALL), []
    for code in (8, 32, 128):
        network = build(tiny(architecture="separable", code=code), material.frames).eval()
        network.fit(lambda: material.plain(8))
        ((values, pitches),) = material.plain(24)
        with torch.no_grad():
            codes = network.encode(values, pitches)
            made = network.decode(codes, pitches)
            torch.testing.assert_close(network.encode(made, pitches), codes, rtol=0.0, atol=2e-3)
        errors.append(float((made - values).square().mean()))
    assert errors[2] < 0.5 * errors[1] < 0.25 * errors[0]


def test_what_lies_under_the_floor_is_no_mistake() -> None:
    wanted, made = torch.tensor([0.0, 0.0, 0.5]), torch.tensor([-0.3, 0.2, -0.1])
    torch.testing.assert_close(over_floor(made, wanted), torch.tensor([0.0, 0.2, -0.6]))


def test_stopping_and_going_on_is_as_never_stopped(tmp_path: Path) -> None:
    settings = tiny(epochs=4, mixed=0.5)
    whole = train_seed(notes(), settings, tmp_path / "whole")
    asked: list[int] = []

    def third_epoch() -> bool:
        asked.append(1)
        return len(asked) == 7  # of 3 batches an epoch: within the third

    broken = train_seed(notes(), settings, tmp_path / "part", stop=third_epoch)
    assert broken.stopped == "interrupted" and broken.epochs == 2
    again = train_seed(notes(), settings, tmp_path / "part", resume=True)
    assert again.epochs == 4
    for name, one in whole.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], one, rtol=0.0, atol=0.0)
    rows = [json.loads(line) for line in (tmp_path / "part/history.jsonl").open()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]


def test_stopped_at_once_there_is_a_network_all_the_same(tmp_path: Path) -> None:
    trained = train_seed(notes(), tiny(), tmp_path / "run", stop=lambda: True)
    assert trained.stopped == "interrupted"
    assert Reconstructor.opened(tmp_path / "run").network.code == 64


def test_the_learning_rate_falls_where_validation_does_not_improve() -> None:
    settings = tiny(epochs=12, learning_rate=1e-6, patience=0, schedule="plateau")
    flat = notes()
    trained = train_seed(flat, settings, valid=flat.at([0]))
    assert trained.history[-1]["rate"] <= trained.history[0]["rate"]
    cosine = train_seed(flat, tiny(epochs=4, schedule="cosine"))
    rates = [row["rate"] for row in cosine.history]
    assert rates == sorted(rates, reverse=True) and rates[-1] < 0.1 * rates[0]


def test_instruments_are_held_out_whole() -> None:
    learnt, tried = held_out(notes(), 0.34, 1)
    assert not set(learnt.instruments) & set(tried.instruments)
    assert len(set(tried.instruments)) == 2 and len(learnt) + len(tried) == 24
    with pytest.raises(MorphError, match="two instruments"):
        held_out(notes(1), 0.1, 1)


def test_mixtures_are_of_one_pitch_and_end_at_their_maximum() -> None:
    material = Material(notes(), SMALL)
    mixed = [values for values, _ in material.drawn(8, 1.0, (1, 0))]
    plain = [values for values, _ in material.drawn(8, 0.0, (1, 0))]
    assert sum(map(len, mixed)) == sum(map(len, plain)) == 24
    for one, other in zip(mixed, plain, strict=True):
        torch.testing.assert_close(one.amax((1, 2)), torch.ones(8), rtol=0.0, atol=1e-3)
        assert float((one - other).abs().max()) > 0.01 and float(one.min()) >= 0.0


def test_notes_of_a_dataset_are_read() -> None:
    class One:
        instrument, family, pitch = "flute_acoustic_000", "flute", 61

        def sound(self) -> np.ndarray:
            return np.ones(100, np.float32)

    read = arrays_of([One(), One()])
    assert read.sounds.shape == (2, 100) and read.families == ("flute", "flute")
    with pytest.raises(MorphError, match="0 notes"):
        arrays_of([])


def test_settings_come_back_from_json() -> None:
    for settings in (Settings(), Settings.thesis(), Settings.ours(transform=SMALL, code=64)):
        assert Settings.from_json(json.loads(json.dumps(settings.as_json()))) == settings


@pytest.mark.parametrize(
    "given",
    [
        {"architecture": "transformer"}, {"loss": "mae"}, {"code": 0}, {"epochs": 0},
        {"learning_rate": 0.0}, {"mixed": 1.5}, {"batch": 1}, {"device": "tpu"},
        {"schedule": "step"}, {"activation": "gelu"},
    ],
)  # fmt: skip
def test_settings_that_are_not_allowed_are_told(given: dict[str, object]) -> None:
    with pytest.raises(MorphError, match="allowed") as raised:
        tiny(**given)
    assert next(iter(given)) in str(raised.value)


def test_a_code_that_does_not_fit_the_grid_is_told() -> None:
    with pytest.raises(MorphError, match="multiple of 64"):
        build(Settings.thesis(code=100), 126)


def test_folders_that_do_not_fit_are_told(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(MorphError, match="no checkpoint"):
        train_seed(notes(), tiny(), run, resume=True)
    train_seed(notes(), tiny(epochs=1), run)
    with pytest.raises(MorphError, match="holds a training"):
        train_seed(notes(), tiny(), run)
    with pytest.raises(MorphError, match="code = 32, there 64"):
        train_seed(notes(), tiny(code=32), run, resume=True)
    (run / checkpoint.CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(MorphError, match="cannot be read"):
        train_seed(notes(), tiny(), run, resume=True)
    (run / checkpoint.SETTINGS).write_text("[]")
    with pytest.raises(MorphError, match=r"settings\.json"):
        Reconstructor.opened(run)


def test_notes_that_cannot_be_learnt_are_told() -> None:
    good = notes(2, (60,))
    with pytest.raises(MorphError, match="is not finite"):
        NoteArrays(np.full((1, 10), np.nan, np.float32), np.array([60]), ("a",))
    with pytest.raises(MorphError, match="labels"):
        NoteArrays(good.sounds, good.pitches[:1], good.instruments)
    with pytest.raises(MorphError, match="44100 Hz"):
        Material(NoteArrays(good.sounds, good.pitches, good.instruments, rate=44_100), SMALL)
    short = NoteArrays(good.sounds[:, :500], good.pitches, good.instruments)
    with pytest.raises(MorphError, match="500 samples"):
        train_seed(good, tiny(), valid=short)
