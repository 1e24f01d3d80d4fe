"""Training: each approach learns, goes on where it was, and leaves a folder that can be used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from engine.sampler.errors import SamplerError
from engine.sampler.file import read_sampler
from models.sampler import folder as files
from models.sampler.export import exported
from models.sampler.job import read_job
from models.sampler.literal import Literal, literal_dream
from models.sampler.material import Material
from models.sampler.network import SamplerNetwork
from models.sampler.settings import Preview, Progress, Settings
from models.sampler.sound import to_learn
from models.sampler.start import start_components
from models.sampler.training import train

from .tiny import RATE, SHAPES, job_for, quick, two_tones

Sound = NDArray[np.float32]
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("vector", {}), ("vector", {"loss": "heard", "start": "linear"}),
    ("column", {"start": "linear"}), ("column", {"loss": "spread"}),
    ("transpose", {"start": "linear"}), ("transpose", {"loss": "spread"}),
    ("spectrum", {}), ("spectrum", {"log": False, "use_residual": True, "num_layers": 2}),
]  # fmt: skip


@pytest.fixture
def loop() -> Sound:
    return two_tones()


def missed(folder: Path) -> list[float]:
    return [row["missed"] for row in files.lines(folder / files.HISTORY)]


@pytest.mark.parametrize(("approach", "values"), VARIANTS)
def test_each_approach_learns_two_tones(
    approach: str, values: dict[str, Any], loop: Sound, tmp_path: Path
) -> None:
    events: list[Progress | Preview] = []
    job = job_for(approach, **values)
    settings = quick(200 if approach == "spectrum" else 60)
    trained = train(job, tmp_path, settings=settings, sound=loop, told=events.append)
    told = [event for event in events if isinstance(event, Progress)]
    assert told[-1].step == settings.updates
    updates = np.diff([0, *(event.step for event in told)])  # the clock says of how many it tells
    error = np.average([event.missed for event in told], weights=updates)
    assert error < 0.9  # 1 is to predict nothing
    made, rate = soundfile.read(trained.best.file)
    assert rate == RATE and len(made) == round(0.1 * RATE) and np.isfinite(made).all()
    assert read_job(tmp_path / "job.json") == job
    assert read_sampler(tmp_path / "best.npz").approach == approach


@pytest.mark.parametrize("approach", ["column", "vector"])
def test_linear_first_weights_predict_before_anything_is_learnt(
    approach: str, loop: Sound, tmp_path: Path
) -> None:
    for start in ("random", "linear"):
        folder = tmp_path / start
        job = job_for(approach, start=start, lr=1e-9, num_layers=2)
        train(job, folder, settings=quick(1), sound=loop)
    assert missed(tmp_path / "linear")[0] < 0.2 < 0.9 < missed(tmp_path / "random")[0]


@pytest.mark.parametrize("approach", SHAPES)
def test_resuming_equals_going_on(approach: str, loop: Sound, tmp_path: Path) -> None:
    job = job_for(approach, use_dropout=True, input_dropout=0.9, noisify=0.01)
    whole = train(job, tmp_path / "whole", settings=quick(6), sound=loop)
    train(job, tmp_path / "parts", settings=quick(3), sound=loop)
    parts = train(job, tmp_path / "parts", settings=quick(6), sound=loop, resume=True)
    assert parts.steps == whole.steps == 6
    kept = [torch.load(tmp_path / p / "checkpoint.pt")["network"] for p in ("whole", "parts")]
    for name, weight in kept[0].items():
        torch.testing.assert_close(kept[1][name], weight, rtol=0, atol=0)
    steps = [row["step"] for row in files.lines(tmp_path / "parts" / files.HISTORY)]
    assert steps == sorted(steps)


@pytest.mark.parametrize("approach", SHAPES)
@pytest.mark.parametrize("residual", [False, True])
def test_what_is_exported_equals_torch(approach: str, residual: bool, loop: Sound) -> None:
    torch.manual_seed(3)
    job = job_for(approach, num_layers=2, use_residual=residual, weight_stddev=0.3)
    network, material = SamplerNetwork(job).eval(), Material(loop, job, 1)
    model = exported(network, job, material.scale)
    model.check()
    piece = material.read(np.random.default_rng(1), 40)
    with torch.no_grad():
        said, _ = network(piece.heard, network.zero_state(1))
        if network.taps is not None:
            said = network.mix(said, said.new_zeros(1, network.history, 1))
    literal = Literal(model)
    heard = material.scale.off(piece.heard)[0]
    if approach == "transpose":  # rows that are awake from the first step on
        rows, length = literal.rows, job.seg_len
        assert network.history == (rows - 1) * length
        literal.rows = 1
        literal.states = [(h[:1], c[:1]) for h, c in literal.states]
        taps, literal.taps = literal.taps, torch.ones(1)
        literal.model = model_without_bias(model)
        u = torch.cat([literal.step(row[None]) for row in heard])[:, 0] / material.scale.scale
        line = torch.cat([torch.zeros(network.history), u])
        made = sum(taps[i] * line[i * length : i * length + len(u)] for i in range(rows))
        made = (made + model.taps_bias)[:, None] * material.scale.scale
    else:
        literal.states = [(h[:1], c[:1]) for h, c in literal.states]
        made = torch.cat([literal.step(row[None]) for row in heard])
    torch.testing.assert_close(material.scale.on(made), said[0], rtol=0, atol=1e-5)


def test_components_become_part_of_the_exported_matrices(loop: Sound) -> None:
    job = job_for("vector", num_layers=2, components=16, weight_stddev=0.3)
    network, material = SamplerNetwork(job).eval(), Material(loop, job, 1)
    start_components(network, material, 1)
    model = exported(network, job, material.scale)
    model.check()
    piece = material.read(np.random.default_rng(1), 40)
    with torch.no_grad():
        said, _ = network(piece.heard, network.zero_state(1))
        wanted = network.squashed(said)[0]
        again = network.squashed(network.aimed(piece.wanted))
    missed = (again - piece.wanted).square().mean() / piece.wanted.square().mean()
    assert missed < 1e-3  # two tones are four components
    literal = Literal(model)
    literal.states = [(h[:1], c[:1]) for h, c in literal.states]
    made = torch.cat([literal.step(row[None]) for row in material.scale.off(piece.heard)[0]])
    torch.testing.assert_close(material.scale.on(made), wanted, rtol=0, atol=1e-5)


def model_without_bias(model: Any) -> Any:
    import dataclasses

    return dataclasses.replace(model, taps_bias=0.0)


@pytest.mark.parametrize("approach", SHAPES)
def test_the_literal_sampler_dreams(approach: str, loop: Sound) -> None:
    job = job_for(approach, label_shape=[1, 64]) if approach == "vector" else job_for(approach)
    network, material = SamplerNetwork(job).eval(), Material(loop, job, 1)
    made = literal_dream(exported(network, job, material.scale), loop[:4096], 5)
    assert np.isfinite(made).all() and len(made) == (320 if approach == "vector" else 5)


def test_the_best_scoring_model_is_kept_not_the_last(
    loop: Sound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merits = iter([0.2, 0.9, 0.4, 0.1])
    monkeypatch.setattr("models.sampler.previews.Judge.judge", lambda *_: (next(merits), {}))
    settings = quick(4, preview_every_s=1e-9, preview_share=1.0)
    trained = train(job_for("vector"), tmp_path, settings=settings, sound=loop)
    assert (trained.best.step, trained.best.merit) == (2, 0.9)
    rows = files.lines(tmp_path / files.PREVIEWS)
    assert [row["merit"] for row in rows] == [0.2, 0.9, 0.4, 0.1]
    assert all((tmp_path / files.PREVIEW_FOLDER / row["file"]).is_file() for row in rows)
    kept = read_sampler(tmp_path / "best.npz")
    last = torch.load(tmp_path / "checkpoint.pt")["network"]["head.weight"].numpy()
    assert not np.array_equal(kept.head.kernel, last)


def test_previews_are_scored(loop: Sound, tmp_path: Path) -> None:
    pytest.importorskip("librosa")
    settings = quick(2, scored=True, preview_s=2.0)
    trained = train(job_for("vector"), tmp_path, settings=settings, sound=loop)
    assert set(trained.best.grades) == {"C1", "C2", "C3", "C4"}


def test_stopping_keeps_the_best_and_resumes(loop: Sound, tmp_path: Path) -> None:
    asked = iter([False, False, True])
    job = job_for("vector")
    trained = train(job, tmp_path, settings=quick(50), sound=loop, stop=lambda: next(asked))
    assert (trained.stopped, trained.steps) == ("interrupted", 2)
    again = train(job, tmp_path, settings=quick(4), sound=loop, resume=True)
    assert (again.stopped, again.steps) == ("budget", 4)


def test_a_folder_with_a_training_is_not_written_over(loop: Sound, tmp_path: Path) -> None:
    train(job_for("vector"), tmp_path, settings=quick(1), sound=loop)
    with pytest.raises(SamplerError, match="holds a training"):
        train(job_for("vector"), tmp_path, settings=quick(1), sound=loop)
    with pytest.raises(SamplerError, match="of another job: hidden = 16, there 32"):
        other = job_for("vector", hidden=16)
        train(other, tmp_path, settings=quick(1), sound=loop, resume=True)


def test_a_damaged_checkpoint_is_one_line(loop: Sound, tmp_path: Path) -> None:
    train(job_for("vector"), tmp_path, settings=quick(1), sound=loop)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SamplerError, match=r"checkpoint\.pt: cannot be read"):
        train(job_for("vector"), tmp_path, settings=quick(2), sound=loop, resume=True)


def test_a_full_disk_is_one_line_and_loses_nothing(
    loop: Sound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    train(job_for("vector"), tmp_path, settings=quick(1), sound=loop)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    monkeypatch.setattr("engine.whole.os.urandom", bytes)  # so that the draft's name is known

    def doing(what: str) -> None:
        if what == "training":
            (tmp_path / ".checkpoint.pt.00000000.part").symlink_to("/dev/full")

    with pytest.raises(SamplerError, match=r"checkpoint\.pt: the disk is full") as raised:
        train(job_for("vector"), tmp_path, settings=quick(2), sound=loop, resume=True, doing=doing)
    assert "\n" not in str(raised.value)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_a_killed_training_leaves_a_folder_to_go_on_from(loop: Sound, tmp_path: Path) -> None:
    source, folder = tmp_path / "loop.wav", tmp_path / "run"
    soundfile.write(source, loop, RATE)
    program = (
        "import sys, pathlib\n"
        "sys.path.insert(0, sys.argv[3])\n"
        "from tiny import job_for, quick\n"
        "from models.sampler.training import train\n"
        "settings = quick(100000, preview_every_s=0.2, save_every_s=0.05)\n"
        "job = job_for('vector', source=sys.argv[1])\n"
        "train(job, pathlib.Path(sys.argv[2]), settings=settings)\n"
    )
    given = [sys.executable, "-c", program, str(source), str(folder), str(Path(__file__).parent)]
    with subprocess.Popen(given) as running:
        until = time.monotonic() + 120.0
        while not (folder / "best.npz").exists() and time.monotonic() < until:
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
    assert read_sampler(folder / "best.npz").approach == "vector"
    job = read_job(folder / "job.json")
    stood = torch.load(folder / "checkpoint.pt")["stands"]["step"]
    trained = train(job, folder, settings=quick(stood + 2), resume=True)
    assert trained.steps == stood + 2
    json.dumps(trained.as_json())


@pytest.mark.parametrize(
    ("sound", "told"),
    [
        (np.zeros(4 * RATE), "is silent"),
        (np.full(4 * RATE, 0.25), "is silent"),
        (0.1 * np.sin(np.arange(200)), "too short for vector with seg_len = 64"),
    ],
)
def test_a_recording_that_teaches_nothing_is_one_line(
    sound: Sound, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "sound.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    with pytest.raises(SamplerError, match=told) as raised:
        to_learn(path, job_for("vector"))
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_any_format_and_rate_is_learnt_as_mono(kind: str, tmp_path: Path) -> None:
    t = np.arange(48_000) / 48_000
    stereo = np.stack([0.4 * np.sin(2 * np.pi * 440 * t), np.zeros(48_000)], 1)
    path = tmp_path / f"sound.{kind}"
    soundfile.write(path, stereo, 48_000)
    found = to_learn(path, job_for("vector"))
    assert found.shape == (RATE,) and found.dtype == np.float32
    assert np.sqrt(np.mean(found[1000:-1000] ** 2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("given", [{"threads": 0}, {"accelerator": "tpu"}, {"rows": -1}])
def test_settings_that_cannot_be_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SamplerError, match=next(iter(given))):
        Settings(**given)
