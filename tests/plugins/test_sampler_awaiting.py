"""A sampler whose training has yet to write its first model: another plays until it has."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from engine import preset
from engine.plugin import PluginError, Setup
from engine.rack import Lane, Link, Rack
from engine.sampler.file import write_sampler
from engine.sampler.finding import find_sampler
from engine.shared import Shared
from engine.stage import Stage
from engine.virtual import Pull
from plugins.sampler import Sampler, swapping

from .test_sampler import LOOK, RATE, after, phrase, rms, tiny

MODELS = 3
"""The readout that tells how many models were taken over."""


@pytest.fixture
def first(tmp_path: Path) -> Path:
    path = tmp_path / "first.npz"
    write_sampler(path, tiny("vector", scale=0.05))
    return path


def test_until_a_training_has_a_model_another_one_plays_and_it_says_so(
    first: Path, tmp_path: Path
) -> None:
    sampler = Sampler(model="runs/mine", until=str(first))
    sampler.prepare(Setup(RATE, 1, folder=tmp_path, offline=False))
    until = f"{first} plays until it holds a model"
    assert f"runs/mine: there is no such folder yet; {until}" in sampler.warnings
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    begun = Sampler(model="runs/mine", until=str(first))
    begun.prepare(Setup(RATE, 1, folder=tmp_path))
    assert f"runs/mine: holds no model yet; {until}" in begun.warnings
    write_sampler(tmp_path / "runs" / "mine" / "best.npz", tiny("vector"))
    there = Sampler(model="runs/mine", until=str(first))
    there.prepare(Setup(RATE, 1, folder=tmp_path))
    assert not any("until" in one for one in there.warnings)


@pytest.mark.parametrize(
    ("name", "until"), [("runs/mine", ""), ("runs/mine.npz", "first.npz"), ("mine", "first.npz")]
)
def test_without_that_or_for_a_file_or_a_name_it_must_be_there(
    name: str, until: str, first: Path, tmp_path: Path
) -> None:
    with pytest.raises(PluginError, match=r"no sampler is called|there is no such sampler"):
        Sampler(model=name, until=until).prepare(Setup(RATE, 1, folder=tmp_path))


def test_a_render_does_not_wait(first: Path, tmp_path: Path) -> None:
    rendered = Sampler(model="runs/mine", until=str(first))
    rendered.prepare(Setup(RATE, 1, folder=tmp_path, offline=True))
    assert f"runs/mine: there is no such folder yet; {first} plays" in rendered.warnings


def test_a_folder_is_looked_for_beside_the_preset_and_where_taraf_was_started(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    write_sampler(tmp_path / "runs" / "mine" / "best.npz", tiny("vector"))
    found = find_sampler("runs/mine", tmp_path / "presets")
    assert found == tmp_path / "runs" / "mine" / "best.npz"


def test_live_the_first_model_takes_over_as_loud_as_it_has_learnt(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swapping, "LOOK_SECONDS", 0.0)
    knobs = {"dry_db": -60.0, "pause_ms": 20.0, "answer_s": 0.2, "return_s": 0.0}
    settings = {"model": str(tmp_path / "mine"), "until": str(first)}
    lane = Lane("a", "left", (Link("sampler", "sampler", knobs, settings),))
    shared = Shared.private()
    stage = Stage(shared, RATE, LOOK)
    table = stage.build(Rack("test", lanes=(lane,)))
    stage.publish(table)
    pull, readouts = Pull(shared, LOOK, 1), shared.control["readouts"][0, 0]
    assert rms(pull.run(after(phrase(0.2), 0.2))) > 0.001
    (tmp_path / "mine").mkdir()
    write_sampler(tmp_path / "mine" / "best.npz", tiny("vector", number=9, scale=0.4))
    until = time.monotonic() + 60.0
    while readouts[MODELS] == 0.0 and time.monotonic() < until:
        stage.tick()
        pull.run(after(phrase(0.1), 0.3))
        time.sleep(0.005)
    pull.run(after(phrase(0.1), 0.3))
    assert readouts[MODELS] == 1.0
    stage.tick()
    assert not any("until" in one for one in table.warnings)
    np.testing.assert_allclose(np.sort(table.nodes[0].arrays["learnt"])[-1], 0.4, rtol=1e-6)
    assert rms(pull.run(after(phrase(0.2), 0.2))) > 0.001
    stage.close()


def test_the_preset_learn_taps_the_performer_and_waits_for_what_is_learnt() -> None:
    rack = preset.load(preset.find("learn")).rack
    assert list(rack.taps()) == ["you.tap"]
    (sampler,) = [link for _, link in rack.links() if link is not None and link.use == "sampler"]
    assert sampler.settings == {"model": "runs/sampler/mine", "until": "dream"}
