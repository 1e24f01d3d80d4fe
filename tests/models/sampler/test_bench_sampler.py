"""The sampler's bench: what is an answer, a clear line, a training that passed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engine import preset
from engine.bench import Report
from engine.bench.stage.telling import StageError
from models.bench.refusals import Bad, is_clear
from models.bench.sampler import guitar, hour, live, sampler, speed, training
from models.bench.sampler.grades import HIS, table
from models.bench.sampler.training import Task
from models.sampler.score.limits import CRITERIA, GRADES
from models.sampler.settings import Settings

from .tiny import RATE, job_for, two_tones

QUICK = Settings(rows=4, steps=16, preview_s=1.0, preview_every_s=1e6, updates=2)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A training of two updates, kept in a folder of the test's own."""
    monkeypatch.setenv("TARAF_TRAININGS", str(tmp_path / "kept"))
    monkeypatch.setattr(training, "LATER", 1)
    soundfile.write(tmp_path / "tones.wav", np.tile(two_tones(), 2), RATE)
    return Task("tones", job_for("vector", source=str(tmp_path / "tones.wav")), 60.0)


@pytest.fixture
def synthesised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """As where the shared data is not."""
    monkeypatch.setattr(guitar, "DATA", tmp_path)
    for known in (guitar.takes, guitar.phrases):
        known.cache_clear()
    yield
    for known in (guitar.takes, guitar.phrases):
        known.cache_clear()


def test_a_part_that_does_not_exist_is_one_line() -> None:
    with pytest.raises(StageError, match="no part 'sped'; there are speed, live, robust"):
        sampler([Path("sped")])


def test_a_training_that_has_ended_is_not_done_again(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = training.of(task, QUICK)
    assert set(first["grades"]) == set(CRITERIA) and first["steps"] == 2
    monkeypatch.setattr(training, "_learn", lambda *_: pytest.fail("trained again"))
    assert training.of(task, QUICK) == first


def test_a_training_that_breaks_off_leaves_nothing_and_is_begun_anew(
    task: Task, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(task: Task, settings: Settings, folder: Path) -> dict[str, Any]:
        folder.mkdir(parents=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "_learn", broken)
        with pytest.raises(KeyboardInterrupt):
            training.of(task, QUICK)
    assert not list((tmp_path / "kept").iterdir())
    assert training.of(task, QUICK)["steps"] == 2


def test_another_job_is_another_training(task: Task) -> None:
    training.of(task, QUICK)
    other = replace(task, job=task.job.with_values(seed=2))
    assert training.of(other, replace(QUICK, updates=3))["steps"] == 3


def test_rows_of_a_training_say_what_is_promised(task: Task) -> None:
    grades = dict.fromkeys(CRITERIA, "High") | {"C3": "Low"}
    result = {"seconds": 61.0, "passed": True, "grades": grades, "copy": 0.9, "later": 2}
    report = Report("test")
    training._rows(report, task, result)
    held = {row.name.partition(": ")[2].partition(": ")[2]: row.holds for row in report.rows}
    assert held["seconds until nothing is Low"] is False
    assert held["longest literal copy"] is False
    assert held["C3 is no literal copy"] is False and held["C1 free of artefacts"] is True


def test_the_table_has_the_dissertations_grades_beside_ours() -> None:
    assert all(grade in GRADES for row in HIS.values() for grade in row.values())
    lines = table([("spectrum: piano", {"C1": "High", "C4": "Low"})]).splitlines()
    assert lines[0].split() == list(CRITERIA)
    assert lines[1].split() == ["spectrum:", "piano", "High", "-", "-", "Low"]
    assert lines[2].split()[-4:] == ["High", "Medium", "High", "-"]


@pytest.mark.usefixtures("synthesised")
def test_a_phrase_has_no_pause_of_its_own_and_ends_damped() -> None:
    known = guitar.phrases()
    assert len(known) >= 4
    assert len({phrase.tobytes() for phrase in known}) == len(known)
    assert all(abs(phrase[-1]) < 1e-3 and np.abs(phrase).max() <= 0.5 for phrase in known)
    sound, begins = guitar.performance(3, 2.0)
    rest = sound[begins[1] - guitar.RATE : begins[1]]
    assert len(begins) == 3 and not rest.any()


def test_the_first_sound_of_an_answer_is_found_above_what_rings_on() -> None:
    heard = np.full(guitar.RATE, 0.01, np.float32)
    heard[12_000:] = 0.2
    assert live.first_sound(heard, 9_000) == 3_000
    assert live.first_sound(np.zeros(guitar.RATE, np.float32), 9_000) == -1


@pytest.mark.usefixtures("synthesised")
def test_some_of_an_hour_is_answered_and_judged() -> None:
    shipped = preset.load(preset.shipped_folder() / "dream.toml").rack
    link = live.sampler_of(shipped)
    short = replace(link, knobs={**link.knobs, "answer_s": 2.0})
    report = Report("test")
    hour.run(report, short, 0.01)
    found = {row.name: row for row in report.rows}
    assert found["fast-forward: phrases without an answer"].value == 0
    assert found["fast-forward: answers in a stuck loop"].unit == "of 2"


def test_an_answer_that_goes_round_in_a_loop_is_found_out() -> None:
    judge, noise = hour._Judge(), np.random.default_rng(1).standard_normal(guitar.RATE)
    once = 0.1 * noise * np.exp(-np.arange(guitar.RATE) / 9600.0)
    (found,) = judge(0, np.tile(once, 10).astype(np.float32))
    assert found.stuck > judge.limit


def test_only_a_refusal_in_one_line_counts_as_clear(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"approach": "vector", "colour": 3}')
    command = ("sampler", "train", str(bad))
    assert is_clear(Bad("key", command, ("bad.json", "colour")), print)
    assert not is_clear(Bad("key", command, ("sound.wav",)), print)


def test_the_speed_of_the_dissertations_column_is_told_beside_its_own() -> None:
    report = Report("test")
    speed._add_speed(report, "column", 0.68, speed.CASES[-1], True)
    last = report.rows[-1]
    assert last.target == "at least 100" and last.holds is False


@pytest.mark.parametrize("bench", ["sampler", "pulse"])
def test_a_bench_that_nothing_was_imported_for_tells_its_parts(bench: str) -> None:
    program = "import sys; from engine.cli import main; sys.exit(main())"
    taraf = [sys.executable, "-c", program, "bench", bench, "nothing", "--json"]
    ended = subprocess.run(taraf, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert f"taraf: bench {bench} has no part 'nothing'; there are " in ended.stderr
