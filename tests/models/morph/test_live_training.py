"""The live morph learns, stops, goes on, and says in one line what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from engine.morph.errors import MorphError
from models.morph.live.checkpoint import CHECKPOINT, HISTORY
from models.morph.live.losses import losses
from models.morph.live.scoring import table
from models.morph.live.settings import Job, Progress
from models.morph.live.training import train

from .live_notes import frames, tiny


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_training_brings_frames_nearer(tmp_path: Path) -> None:
    heard: list[Progress] = []
    began = train(tiny(steps=1), frames(), frames(1, 1), tmp_path / "short")
    trained = train(tiny(steps=250), frames(), frames(1, 1), tmp_path / "long", told=heard.append)
    assert trained.score.rmse_db < 0.6 * began.score.rmse_db
    assert heard[-1].done == 1.0 and heard[-1].step == 250


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = train(tiny(), frames(), frames(4, 1), tmp_path / "whole")
    asked = iter([False] * 25 + [True])
    stopped = train(tiny(), frames(), frames(4, 1), tmp_path / "two", stop=lambda: next(asked))
    assert stopped.interrupted and stopped.stands.step == 25
    assert (tmp_path / "two" / CHECKPOINT).is_file()
    train(tiny(), frames(), frames(4, 1), tmp_path / "two", resume=True)
    kept = [
        torch.load(tmp_path / name / CHECKPOINT, weights_only=True) for name in ("whole", "two")
    ]
    for name, value in kept[0]["mean"].items():
        assert torch.equal(value, kept[1]["mean"][name]), name
    assert whole.stands.step == 60


def test_each_validation_is_a_line_for_those_who_watch(tmp_path: Path) -> None:
    asked = iter([False] * 25 + [True])
    train(tiny(), frames(), frames(4, 1), tmp_path, stop=lambda: next(asked))
    first = history(tmp_path)
    assert first[-1]["step"] == 25.0
    with (tmp_path / HISTORY).open("a") as file:
        file.write('{"step": 26.0}\n')  # of updates that no checkpoint kept
    trained = train(tiny(), frames(), frames(4, 1), tmp_path, resume=True)
    rows = history(tmp_path)
    assert rows == trained.stands.history and rows[: len(first)] == first
    steps = [row["step"] for row in rows]
    assert steps == sorted(set(steps)) and steps[-1] == 60.0
    assert set(rows[0]) == {"step", "seconds", "rmse_db", "convergence_db"}


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]


def test_bfloat16_learns_too(tmp_path: Path) -> None:
    trained = train(tiny(steps=60), frames(), frames(4, 1), tmp_path, half=True)
    assert np.isfinite(trained.score.rmse_db) and trained.score.rmse_db < 25.0


def test_a_folder_with_a_training_is_not_overwritten(tmp_path: Path) -> None:
    train(tiny(steps=2), frames(), frames(4, 1), tmp_path)
    with pytest.raises(MorphError, match="holds a training"):
        train(tiny(steps=2), frames(), frames(4, 1), tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.whole.os.urandom", bytes)  # so that the draft's name is known
    (tmp_path / ".checkpoint.pt.00000000.part").symlink_to("/dev/full")
    with pytest.raises(MorphError, match=r"checkpoint\.pt: cannot be written") as told:
        train(tiny(steps=2), frames(), frames(4, 1), tmp_path)
    assert "\n" not in str(told.value)
    assert not (tmp_path / CHECKPOINT).exists()


def test_what_can_not_be_gone_on_from_is_told_in_one_line(tmp_path: Path) -> None:
    learnt = frames()
    with pytest.raises(MorphError, match="no checkpoint"):
        train(tiny(), learnt, learnt, tmp_path, resume=True)
    (tmp_path / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(MorphError, match="cannot be read") as told:
        train(tiny(), learnt, learnt, tmp_path, resume=True)
    assert "\n" not in str(told.value)
    train(tiny(steps=2), learnt, learnt, tmp_path / "other")
    with pytest.raises(MorphError, match="latents = 5, there 4"):
        train(tiny(latents=5), learnt, learnt, tmp_path / "other", resume=True)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"grid": "thesis"}, "grid = 'thesis' is not one of quality, live"),
        ({"conditions": "mood"}, "conditions = 'mood' is not one of"),
        ({"latents": 0}, "latents = 0 is outside 1 to 64"),
        ({"lr": float("nan")}, "lr = nan is outside"),
    ],
)
def test_a_job_that_is_none_names_its_value(values: dict[str, object], told: str) -> None:
    with pytest.raises(MorphError, match=told):
        Job(**values).check()  # type: ignore[arg-type]


def test_a_job_comes_back_from_json() -> None:
    assert Job.from_json(tiny().as_json()) == tiny()


def test_frames_that_are_right_have_no_loss_and_louder_ones_have() -> None:
    wanted = torch.rand(8, 33)
    wanted[:, ::2] = 0.0
    none = losses(torch.where(wanted <= 0.0, -0.5, wanted), wanted)
    assert float(none.rmse_db) < 0.01 and float(none.convergence) < 1e-3
    more = losses(wanted + 0.05, wanted)
    assert float(more.rmse_db) == pytest.approx(4.0, abs=0.01)
    assert float(more.convergence) > 0.3


def test_the_table_holds_components_beside_the_network(tmp_path: Path) -> None:
    learnt, held = frames(), frames(4, 1)
    trained = train(tiny(steps=20), learnt, held, tmp_path)
    rows = table(trained.network, tiny().conditions, 4, learnt, held, dims=(2, 8))
    assert [(row.name, row.dims) for row in rows] == [("PCA", 2), ("PCA", 8), ("network", 4)]
    assert rows[1].rmse_db < rows[0].rmse_db
    assert all(row.lsd_db <= row.rmse_db + 1e-9 for row in rows)
    assert rows[2].rmse_db == pytest.approx(trained.score.rmse_db)
