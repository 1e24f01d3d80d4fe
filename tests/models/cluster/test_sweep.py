"""Sweeps: what is tried, who goes on, and that a sweep which is killed goes on where it was."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.cli import main
from engine.jobs import Record, all_jobs, make
from models.cluster import Outcome, Program, Unit
from models.cluster.here import Here
from models.cluster.sweep.asha import Asha
from models.cluster.sweep.errors import StoppedError, SweepError
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


@pytest.mark.parametrize("worst", [float("inf"), float("nan")])
def test_where_the_last_part_fails_the_next_best_goes_on_and_there_is_an_end(worst: float) -> None:
    asha, parts = Asha(2, 3), list[tuple[int, int]]()
    while (job := asha.next()) is not None and len(parts) < 20:
        parts.append(job)
        asha.told(*job, worst if job[1] == 2 else float(job[0]))
    assert parts == [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (1, 2)]
    assert asha.best() == (0, 1)


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

    def run(
        self, program: Program, units: Iterable[Unit | None], ahead: bool = True
    ) -> Iterator[Outcome]:
        for number, unit in enumerate(units):
            assert unit is not None
            assert all(Path(path).is_absolute() for path in unit.writes.values())
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
    for points in job.curves.values():  # a part's course begins where the one before it ended
        assert [x for x, _ in points] == sorted({x for x, _ in points})
    assert any(label.endswith("preview-model") for label, _ in job.all_previews())


LEARN = """
import json, pathlib, sys
rate, steps, folder = float(sys.argv[1]), float(sys.argv[2]), pathlib.Path(sys.argv[3])
(folder / "made").mkdir(exist_ok=True)
(folder / "made" / "model").write_text(str(rate))
with open("done", "a") as file:
    file.write(f"{rate} {steps:g}\\n")
print("learning")
print(json.dumps({"score": {"loss": abs(rate - 0.3) + 1 / steps, "rate": rate}}))
"""
OWN = """
[sweep]
trainer = "command"
data = "data"
metric = "score.loss"
steps = 90
samples = 4
{more}

[params]
rate = {rates}

[options]
command = "{python} learn.py {{rate}} {{steps}} {{folder}}"
artefact = "made"
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with a program that learns; it writes down what it did."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TARAF_JOBS", str(tmp_path / "jobs"))
    monkeypatch.delenv("TARAF_JOB", raising=False)
    monkeypatch.setattr("engine.jobs.record._OURS", [])
    (tmp_path / "learn.py").write_text(LEARN)
    (tmp_path / "data").mkdir()
    return tmp_path


def of(rates: str, more: str = "") -> Path:
    """The sweep of that program."""
    path = Path("own.toml")
    path.write_text(OWN.format(rates=rates, more=more, python=sys.executable))
    return path


GRID = 'method = "grid"'


def test_any_command_can_be_swept_and_its_result_is_put_again_but_over_nothing_else(
    own: Path,
) -> None:
    sweep = read_sweep(of("[0.1, 0.3, 0.9]", GRID))
    running = Running(sweep, Path("run"), Here(2))
    summary = running.run()
    assert summary.best.part.params == {"rate": 0.3}
    for _ in range(2):
        running.export(summary.best, Path("best"))
        assert Path("best/model").read_text() == "0.3"
    Path("best/mine.wav").touch()
    with pytest.raises(SweepError, match=r"there is mine\.wav, .* it is not replaced"):
        running.export(summary.best, Path("best"))
    assert sorted(path.name for path in Path("best").iterdir()) == ["mine.wav", "model"]
    named = replace(sweep, options={**sweep.options, "artefact": "mad"})
    with pytest.raises(SweepError, match="the command left no mad"):
        Running(named, Path("run"), Inside()).export(summary.best, Path("other"))


def test_a_command_has_a_default_only_where_it_is_told_one(own: Path) -> None:
    path = of("[0.1, 0.3, 0.9]")
    assert all(trial["rate"] for trial in read_sweep(path).trials())
    path.write_text(path.read_text() + "rate = 0.2\n")
    trials = read_sweep(path).trials()
    assert (trials[0], len(trials)) == ({}, 4)
    found = Running(read_sweep(path), Path("run"), Inside()).run()
    assert not any(part.error for part in found.parts)


def test_what_lies_there_is_found_when_the_time_is_over(own: Path) -> None:
    sweep = read_sweep(of("{ low = 0.0, high = 1.0 }"))
    whole = Running(sweep, Path("run"), Inside()).run()
    assert whole.best.part.share == 1.0
    spent = replace(sweep, budget_minutes=1e-9)
    again = Running(spent, Path("run"), Inside(0)).run()
    assert [part.key for part in again.parts] == [part.key for part in whole.parts]
    assert (again.best.folder, again.stopped) == (whole.best.folder, "done")
    more = replace(spent, samples=5)
    assert Running(more, Path("run"), Inside(0)).run().stopped == "budget"
    with pytest.raises(SweepError, match="nothing was trained: no time"):
        Running(spent, Path("fresh"), Inside(0)).run()


def test_a_part_that_another_was_written_over_is_done_again(own: Path) -> None:
    first = read_sweep(of("[0.1, 0.9]", GRID))
    other = read_sweep(of("[0.2, 0.9]", GRID))
    for sweep, rate in ((first, "0.1"), (other, "0.2"), (first, "0.1")):
        best = Running(sweep, Path("run"), Inside()).run().best
        assert (best.folder / "made" / "model").read_text() == rate
    done = Path("done").read_text().split("\n")
    assert done == ["0.1 90", "0.9 90", "0.2 90", "0.1 90", ""]


def test_another_metric_judges_what_was_trained_already(own: Path) -> None:
    sweep = read_sweep(of("[0.3, 0.1]", GRID))
    with pytest.raises(SweepError, match=r"there is no metric los; there is score\.loss"):
        Running(replace(sweep, metric="los"), Path("run"), Inside()).run()
    assert Running(sweep, Path("run"), Inside()).run().best.part.params == {"rate": 0.3}
    by_rate = Running(replace(sweep, metric="score.rate"), Path("run"), Inside(0)).run()
    assert by_rate.best.part.params == {"rate": 0.1}
    assert Path("done").read_text() == "0.3 90\n0.1 90\n"


def test_a_sweep_that_goes_on_tells_its_job_nothing_twice(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record = make(["sweep", "own.toml"], "sweep", "mine")
    words = ["sweep", str(of("[0.1, 0.3, 0.9]")), "--jobs", "1", "--runs", "run", "--out", "made"]
    told = []
    for _ in range(2):
        monkeypatch.setenv("TARAF_JOB", str(record.folder))
        assert main(words) == 0
        told.append(all_jobs()[0].curves)
    assert told[0] == told[1]
    assert any(len(points) == 3 for points in told[0].values())


def test_a_sweep_that_is_asked_to_stop_makes_a_model_of_the_best_so_far(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asks = "from engine.jobs import all_jobs\nall_jobs()[0].stop()\n"
    (own / "learn.py").write_text(LEARN + asks)
    words = ["sweep", str(of("[0.1, 0.3]", GRID)), "--jobs", "1", "--runs", "run", "--out", "made"]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stopped"], told["parts"]) == ("asked", 1)
    assert Path("made/own/model").read_text() == "0.1"
    (job,) = all_jobs()
    assert (job.state, len(job.models)) == ("stopped", 1)


def test_a_sweep_that_is_stopped_before_it_has_anything_has_not_failed(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = of("[0.1, 0.3]", GRID)
    with pytest.raises(StoppedError):
        Running(read_sweep(path), Path("run"), Inside(), stop=lambda: True).run()
    monkeypatch.setattr(Record, "asked_to_stop", True)
    assert main(["sweep", str(path), "--runs", "run", "--out", "made", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == {"model": None, "parts": 0, "stopped": "asked"}
    assert "nothing was trained before it was stopped" in told.err
    assert all_jobs()[0].state == "stopped"
