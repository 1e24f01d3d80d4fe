"""A style distilled: contents, pairs that are kept, the network as it plays, the command."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from engine.artefact import open_artefact
from engine.neural.compiled import compile_network
from models.commands.style import style as command
from models.replay import replay
from models.style.distil.contents import KINDS, content
from models.style.distil.glass import RATE as GLASS_RATE
from models.style.distil.glass import glass
from models.style.distil.losses import Goal, spectral
from models.style.distil.network import Restyler
from models.style.distil.pairs import contents_of, make, pieces
from models.style.distil.settings import PIECE_S, RATE, Job
from models.style.distil.training import CHECKPOINT, PREVIEW, Training, rings
from models.style.errors import StyleError
from models.style.folder import write
from models.style.sound import Recording

QUICK = Job(minutes=0.02, content_s=5.0, held_s=5.0, iterations=1, bands=4, hidden=4, modes=2,
            batch=1, segment=12_288, beginning=20)  # fmt: skip


@pytest.fixture(scope="module")
def style() -> Recording:
    return Recording(glass(seconds=2.0)[None], GLASS_RATE, "glass")


@pytest.fixture
def file(style: Recording, tmp_path: Path) -> Path:
    write(tmp_path / "glass.wav", style)
    return tmp_path / "glass.wav"


def noise(samples: int, seed: int = 1) -> Any:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def network(seed: int = 0) -> Restyler:
    torch.manual_seed(seed)
    made = Restyler(6, 5, 3, torch.tensor([[300.0, 0.1], [900.0, 0.2], [4000.0, 0.05]]))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return made


def test_what_is_played_is_what_was_trained_whatever_the_parts() -> None:
    trained, sound = network(), noise(9000)
    with torch.no_grad():
        wanted = trained(torch.from_numpy(sound)[None])[0].numpy()
    player = compile_network(trained.to_network())
    np.testing.assert_allclose(player.play(sound[None]), wanted, atol=1e-5)


def test_it_hears_nothing_of_what_is_to_come() -> None:
    trained, sound = network(), noise(6000)
    other = sound.copy()
    other[4000:] = noise(2000, 2)
    with torch.no_grad():
        one, two = (trained(torch.from_numpy(each)[None])[0] for each in (sound, other))
    np.testing.assert_array_equal(one[:4000], two[:4000])
    assert trained.to_network().latency_samples == 0


def test_contents_are_of_every_kind_alike_for_a_number_and_loud() -> None:
    made = [content(k, 3) for k in range(len(KINDS))]
    assert {len(one) for one in made} == {round(PIECE_S * RATE)}
    np.testing.assert_array_equal(made[1], content(1, 3))
    assert not np.array_equal(made[1], content(1 + len(KINDS), 3))
    for one in made:
        assert np.isfinite(one).all()
        assert 0.05 < float(np.sqrt(np.mean(np.square(one)))) < 0.2


def test_contents_of_ones_own_are_cut_and_some_are_held_out() -> None:
    own = Recording(noise(round(31.0 * RATE))[None], RATE, "mine.wav")
    parts = pieces([own])
    assert len(parts) == 6
    learnt, held = contents_of(QUICK, parts)
    assert (len(learnt), len(held)) == (1, 1)
    with pytest.raises(StyleError, match=r"mine\.wav: is shorter than 5 s"):
        pieces([Recording(noise(RATE)[None], RATE, "mine.wav")])


@pytest.mark.parametrize("quiet", [0.5, 5.0])
def test_a_single_piece_is_not_both_learnt_and_held_out(quiet: float) -> None:
    sound = np.concatenate([noise(round(5.0 * RATE)), np.zeros(round(quiet * RATE), np.float32)])
    with pytest.raises(StyleError, match=r"mine\.wav: one piece of 5 s .* 10 s are wanted"):
        pieces([Recording(sound[None], RATE, "mine.wav")])


def test_pairs_are_kept_for_the_same_style_only(style: Recording, tmp_path: Path) -> None:
    contents = [content(0, 1)[: 2 * RATE]]
    done: list[float] = []
    first = make(style, contents, QUICK, tmp_path, done.append)
    stamp = (tmp_path / "0000.npz").stat().st_mtime_ns
    again = make(style, contents, QUICK, tmp_path, done.append)
    np.testing.assert_array_equal(first.wet, again.wet)
    assert (tmp_path / "0000.npz").stat().st_mtime_ns == stamp
    assert done == [1.0, 1.0]
    other = Recording(style.samples[:, ::-1].copy(), style.rate, "other")
    make(other, contents, QUICK, tmp_path, done.append)
    assert (tmp_path / "0000.npz").stat().st_mtime_ns != stamp
    (tmp_path / "0000.npz").write_bytes(b"PK\3\4 is torn")
    assert make(style, contents, QUICK, tmp_path, done.append).wet.shape == first.wet.shape


def test_losses_are_nothing_for_the_same_and_more_for_others(style: Recording) -> None:
    dry = torch.from_numpy(noise(RATE))[None]
    assert float(spectral(dry, dry)) == 0.0
    assert float(spectral(0.5 * dry, dry)) > 0.1
    goal = Goal(style)
    assert float(goal.left(dry, dry)) == pytest.approx(1.0, abs=1e-4)
    reached = goal.reached(torch.from_numpy(style.samples[:, :RATE]), dry)
    assert reached.style < 0.2
    assert goal.reached(dry, dry).onsets == pytest.approx(1.0, abs=1e-4)


def test_modes_begin_where_the_style_rings(style: Recording) -> None:
    found = rings(Goal(style), 8)
    assert found.shape == (8, 2)
    assert ((found[:, 0] > 79.0) & (found[:, 0] < 0.46 * RATE)).all()


def run(*words: str) -> Any:
    return CliRunner().invoke(command, ["distil", *words])


def test_the_command_makes_a_model_that_plays_and_goes_on_with_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.style.distil import settings

    monkeypatch.setattr(settings, "Job", lambda **told: Job(**{**QUICK.as_json(), **told}))
    asked = [str(file), "--name", "test-glass", "--minutes", "0.02", "--seconds", "5", "--json"]
    asked += ["--iterations", "1", "--threads", "1"]
    asked += ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    told = run(*asked)
    assert told.exit_code == 0, told.output
    figures = json.loads(told.stdout.splitlines()[-1])
    assert figures["steps"] > 0
    assert set(figures) >= {"played", "equaliser", "transfer"} and figures["ended"] == "done"
    artefact = open_artefact(tmp_path / "out" / "test-glass")
    assert artefact.sample_rate == RATE
    assert np.isfinite(replay(artefact, noise(4000))).all()
    folder = tmp_path / "runs" / "test-glass"
    assert (folder / PREVIEW).is_file()
    refused = run(*asked)
    assert "holds a distillation; resume it" in str(refused.exception)
    more = run(*asked, "--resume", "--minutes", "0.1")
    assert json.loads(more.stdout.splitlines()[-1])["steps"] > figures["steps"]
    (folder / CHECKPOINT).write_text("not a checkpoint")
    broken = run(*asked, "--resume")
    assert "is no checkpoint of a distillation" in str(broken.exception)


def test_a_distillation_that_is_stopped_says_so(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.style.distil import settings

    monkeypatch.setattr(settings, "Job", lambda **told: Job(**{**QUICK.as_json(), **told}))
    update = Training._update

    def interrupted(training: Training) -> tuple[float, float]:
        os.kill(os.getpid(), signal.SIGINT)
        return update(training)

    monkeypatch.setattr(Training, "_update", interrupted)
    monkeypatch.chdir(tmp_path)
    made = run(str(file), "--minutes", "9", "--seconds", "5", "--iterations", "1", "--json",
               "--threads", "1", "--out", str(tmp_path / "out"))  # fmt: skip
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout.splitlines()[-1])["ended"] == "stopped"
    assert "stopped; the best so far is kept, --resume goes on from" in made.stderr
    assert (tmp_path / "runs" / "distil" / "glass" / CHECKPOINT).is_file()


@pytest.mark.parametrize(("name", "value"), [("content_s", 1.0), ("bands", 1), ("segment", 64)])
def test_a_job_out_of_range_is_told(name: str, value: float) -> None:
    with pytest.raises(StyleError, match=f"{name} = .* is outside"):
        Job(**{**QUICK.as_json(), name: value}).check()
