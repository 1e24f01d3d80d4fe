"""Sweeps: what is tried, who goes on, and that a sweep which is killed goes on where it was."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.jobs import all_jobs
from models.cluster import Outcome, Program, Unit
from models.cluster.here import Here
from models.cluster.sweep.asha import Asha
from models.cluster.sweep.errors import SweepError
from models.cluster.sweep.ledger import Ledger
from models.cluster.sweep.run import Running
from models.cluster.sweep.spec import read_sweep
from models.cluster.sweep.worker import answer
from models.pairs.wav import wav_bytes, write_whole

SWEEP = """
[sweep]
trainer = "effect"
data = "{data}"
samples = 4
steps = 18
{more}

[params]
learning_rate = {{ low = 1e-3, high = 3e-2, log = true }}
arch = ["lstm-small"]

[options]
batch = 2
segment = 512
"""


def written(tmp_path: Path, text: str = SWEEP, **more: Any) -> Path:
    path = tmp_path / "mine.toml"
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in more.items())
    path.write_text(text.format(data=tmp_path / "pairs", more=lines))
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two short pairs of a soft clipper."""
    for number in range(2):
        dry = np.random.default_rng(number).uniform(-0.8, 0.8, 24_000).astype(np.float32)
        for kind, sound in (("dry", dry), ("wet", np.tanh(3.0 * dry))):
            write_whole(tmp_path / "pairs" / kind / f"{number}.wav", wav_bytes(sound, 48_000))
    return tmp_path / "pairs"


def test_halving_trains_the_best_whole_and_the_rest_little() -> None:
    quality = list(range(27))
    random.Random(1).shuffle(quality)
    asha, shares, spent = Asha(27, 4), (1 / 27, 1 / 9, 1 / 3, 1.0), dict[int, float]()
    while (job := asha.next()) is not None:
        trial, rung = job
        spent[trial] = shares[rung]
        asha.told(trial, rung, quality[trial] + 0.1 * (3 - rung))
    best = asha.best()
    assert best is not None
    assert (quality[best[0]], best[1]) == (0, 3)
    assert sum(spent.values()) < 27 / 4


def test_nobody_waits_for_a_rung_to_be_full_and_failures_go_no_further() -> None:
    asha = Asha(6, 2)
    first = [asha.next() for _ in range(3)]
    assert first == [(0, 0), (1, 0), (2, 0)]
    for trial, metric in enumerate((3.0, 1.0, float("nan"))):
        asha.told(trial, 0, metric)
    assert asha.next() == (1, 1)  # one of three, though three others have not begun
    assert asha.next() == (3, 0)
    few = Asha(2, 2)
    for _ in range(2):
        job = few.next()
        assert job is not None
        few.told(*job, float(job[0]))
    assert few.next() == (0, 1)  # too few for one in three: the best is trained whole all the same
    few.told(0, 1, 0.5)
    assert few.next() is None
    assert few.best() == (0, 1)


def test_trials_are_the_same_each_time_and_the_first_is_the_default(tmp_path: Path) -> None:
    sweep = read_sweep(written(tmp_path))
    trials = sweep.trials()
    assert trials == read_sweep(written(tmp_path)).trials()
    assert trials[0] == {}
    rates = [float(one["learning_rate"]) for one in trials[1:]]
    assert len(set(rates)) == 3
    assert all(1e-3 <= rate <= 3e-2 for rate in rates)
    assert sweep.shares == pytest.approx((1 / 9, 1 / 3, 1.0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('trainer = "efect"', "sweep.trainer = 'efect' is none of effect, sampler"),
        ("samples = 0", "sweep.samples = 0 is not a whole number, 1 to 100000"),
        ('method = "bayes"', "sweep.method = 'bayes' is none of asha, random, grid"),
        ('metric = "loss"', "sweep.metric = 'loss' is none of validation_esr"),
        ("color = 1", "sweep.color is not known; there are"),
        ("minutes = 2.0\nsteps = 10", "either sweep.minutes or sweep.steps"),
    ],
)
def test_a_mistake_in_a_sweep_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    lines = ["[sweep]", 'data = "pairs"', text]
    if "trainer" not in text:
        lines.insert(1, 'trainer = "effect"')
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([*lines, "[params]", "batch = [1, 2]"]))
    with pytest.raises(SweepError) as caught:
        read_sweep(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ("batches = [1]", "params.batches is not known; batch is meant?"),
        ("batch = [0]", "params.batch: 0 is not a whole number, 1 to 4096"),
        ("batch = {low = 8, high = 2}", "params.batch: low and high are two numbers"),
        ("batch = {low = 0, high = 2, log = true}", "low = 0 must be above 0 where log = true"),
        ("batch = []", "params.batch = []: allowed is"),
    ],
)
def test_a_mistake_in_what_is_turned_names_it(tmp_path: Path, params: str, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'[sweep]\ntrainer = "effect"\ndata = "pairs"\n[params]\n{params}\n')
    with pytest.raises(SweepError) as caught:
        read_sweep(path)
    assert told in str(caught.value)


class Inside:
    """Does units in this process; is killed when so many are done."""

    slots = 1

    def __init__(self, most: int = 1000) -> None:
        self.most = most

    def run(self, program: Program, units: Iterator[Unit | None], ahead: bool) -> Iterator[Outcome]:
        for number, unit in enumerate(units):
            assert unit is not None
            if number == self.most:
                raise KeyboardInterrupt
            told = answer(program.setup["trainer"], unit.task)
            yield Outcome(unit, told, told.get("error", ""))


def test_a_killed_sweep_goes_on_and_does_nothing_twice(pairs: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="needs the train extra")
    sweep = read_sweep(written(tmp_path))
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        Running(sweep, folder, Inside(2)).run()
    assert len(Ledger(folder).parts) == 2
    with (folder / "trials.jsonl").open("a") as file:
        file.write('{"trial": 9, "ru')  # the kill tore a line
    summary = Running(sweep, folder, Inside()).run()
    keys = [part.key for part in Ledger(folder).parts]
    assert len(keys) == len(set(keys)) == len(summary.parts)
    assert summary.best.part.share == 1.0
    assert summary.spent < 0.7
    parts = {(part.trial, part.rung): part for part in summary.parts}
    whole = read_sweep(written(tmp_path, method="random", rungs=1))
    trained = Running(whole, tmp_path / "whole", Inside()).run()
    for part in trained.parts:  # in parts or at once: the same network
        if (part.trial, 2) in parts:
            assert parts[part.trial, 2].metric == pytest.approx(part.metric, rel=1e-6)


def test_the_command_makes_a_model_and_a_job_of_it(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("lightning", reason="needs the train extra")
    from engine.artefact import open_artefact
    from engine.cli import main

    monkeypatch.setenv("TARAF_JOBS", str(tmp_path / "jobs"))
    path = written(tmp_path)
    words = ["sweep", str(path), "--jobs", "1", "--json", "--runs", str(tmp_path / "runs")]
    assert main([*words, "--out", str(tmp_path / "models")]) == 0
    told = json.loads(capsys.readouterr().out)
    model = open_artefact(tmp_path / "models" / "mine")
    assert model.trained["esr"] == pytest.approx(told["value"], rel=0.5)
    (job,) = all_jobs()
    assert (job.kind, job.state, job.done) == ("sweep", "done", 1.0)
    assert [plays for _, plays, _ in job.models] == ["model"]
    assert len(job.curves) == 4
    assert any(label.endswith("preview-model") for label, _ in job.all_previews())


def test_any_command_can_be_swept(tmp_path: Path) -> None:
    program = tmp_path / "learn.py"
    program.write_text(
        "import json, sys, pathlib\n"
        "rate, steps, folder = float(sys.argv[1]), float(sys.argv[2]), pathlib.Path(sys.argv[3])\n"
        "(folder / 'model').write_text(str(rate))\n"
        "print('learning'); print(json.dumps({'score': {'loss': abs(rate - 0.3) + 1 / steps}}))\n"
    )
    (tmp_path / "data").mkdir()
    path = tmp_path / "own.toml"
    path.write_text(
        f'[sweep]\ntrainer = "command"\ndata = "{tmp_path / "data"}"\nmethod = "grid"\n'
        'metric = "score.loss"\nsteps = 90\n[params]\nrate = [0.1, 0.3, 0.9]\n'
        f'[options]\ncommand = "python3 {program} {{rate}} {{steps}} {{folder}}"\n'
        'artefact = "model"\n'
    )
    sweep = read_sweep(path)
    running = Running(sweep, tmp_path / "run", Here(2))
    summary = running.run()
    assert summary.best.part.params == {"rate": 0.3}
    running.export(summary.best, tmp_path / "best")
    assert (tmp_path / "best").read_text() == "0.3"
