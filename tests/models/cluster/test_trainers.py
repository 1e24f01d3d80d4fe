"""Each trainer that can be swept: it pauses, goes on from there, and what it made plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("lightning", reason="needs the train extra")

from engine.pulse.bands import FEATURES
from engine.pulse.file import read_network
from engine.sampler.file import read_sampler
from models.cluster.sweep.worker import answer
from models.pulse.follower.hearing import TARGETS


def trained(
    trainer: str, data: Path, folder: Path, minutes: float, **params: Any
) -> tuple[list[dict[str, Any]], Path]:
    """A training in two parts, and the folder of what came of it."""
    rung = {"params": params, "options": {}, "budget": {"minutes": minutes}, "name": "mine"}
    parts, before = [], None
    for share in (0.4, 1.0):
        task = {"do": "advance", "data": str(data), "folder": str(folder / f"{share}")}
        task |= {"before": before, "rung": {**rung, "share": share}}
        parts.append(answer(trainer, task))
        assert "error" not in parts[-1]
        before = task["folder"]
    task |= {"do": "export", "folder": str(folder / "made"), "before": before}
    assert "error" not in answer(trainer, task)
    return parts, folder / "made"


def test_the_sampler_learns_in_parts_and_its_model_is_read(tmp_path: Path) -> None:
    at = np.arange(30 * 11_025) / 11_025
    sound = 0.3 * np.sin(2 * np.pi * np.where((at * 4) % 2 >= 1, 551.25, 367.5) * at)
    soundfile.write(tmp_path / "two.wav", sound.astype(np.float32), 11_025)
    more = {"hidden": 16, "rate": 11_025, "window_size": 256, "hop_size": 128}
    parts, made = trained("sampler", tmp_path / "two.wav", tmp_path / "run", 0.04, **more)
    assert parts[0]["steps"] < parts[1]["steps"]
    assert set(parts[1]["scores"]) == {"merit", "missed"}
    assert (tmp_path / "run" / "1.0" / parts[1]["previews"][0]).is_file()
    assert read_sampler(made / "sampler.npz").rate == 11_025


def test_the_network_that_hears_beats_learns_in_parts(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("scenes", "dev"):
        (tmp_path / "pulse" / name).mkdir(parents=True)
        sizes = {"features": FEATURES, "targets": TARGETS}
        scenes = np.zeros(2, [(part, np.float16, (1500, size)) for part, size in sizes.items()])
        scenes["features"] = rng.standard_normal((2, 1500, FEATURES))
        scenes["targets"][:, ::50] = 1.0
        np.save(tmp_path / "pulse" / name / "scenes-1-0-2-x.npy", scenes)
    parts, made = trained("pulse", tmp_path / "pulse", tmp_path / "run", 0.02, batch=2)
    assert parts[0]["steps"] < parts[1]["steps"]
    assert parts[1]["scores"]["beat"] <= parts[0]["scores"]["beat"]
    read_network(made / "pulse.json")


def test_what_is_no_data_of_a_trainer_is_one_line(tmp_path: Path) -> None:
    rung = {"params": {}, "options": {}, "budget": {"minutes": 0.1}, "share": 1.0}
    for trainer in ("pulse", "sampler", "effect", "rhythm", "morph"):
        task = {"do": "advance", "data": str(tmp_path), "folder": str(tmp_path / "run")}
        said = answer(trainer, {**task, "rung": rung})["error"]
        assert str(tmp_path) in said
        assert "\n" not in said
    assert list(tmp_path.iterdir()) == []
