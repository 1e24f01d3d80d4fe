"""Jobs: queued, done in the background, stopped, resumed, and told of in plain files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.jobs import JobError, Record, all_jobs, find, make, queue
from engine.jobs.view import GONE, MOST_POINTS, thinned
from models.pairs.wav import wav_bytes, write_whole


@pytest.fixture(autouse=True)
def _own_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARAF_JOBS", str(tmp_path / "jobs"))
    monkeypatch.delenv("TARAF_JOB", raising=False)


def wait_for(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.1)
    return true()


def test_a_job_is_what_its_lines_tell(tmp_path: Path) -> None:
    record = make(["sweep", "a.toml"], "sweep", "Effect: FUZZ!")
    assert record.name.endswith("-effect-fuzz")
    assert find("fuzz").state == "waiting"
    record.running()
    for step in range(2000):
        if step % 100 == 0:
            record.point("trial 1", step, 1.0 / (1 + step), "esr")
    record.progress(1.0, "all of it")
    with (record.folder / "events.jsonl").open("a") as file:
        file.write('{"at": 1, "sta')  # a kill tore a line
    record.made(tmp_path, "model", {"esr": 0.1})
    job = find(record.name)
    assert (job.state, job.done, job.text) == ("running", 1.0, "all of it")
    assert len(job.curves["trial 1"]) == 20
    assert job.models == [(tmp_path, "model", {"esr": 0.1})]
    record.ended("done")
    assert find("fuzz").state == "done"
    assert len(thinned([(float(n), 0.0) for n in range(5000)])) <= MOST_POINTS + 1


def test_a_job_whose_process_is_gone_is_told_so() -> None:
    record = make(["train"], "train", "mine")
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    record.running(gone.pid)
    assert find("mine").state == "running"
    gone.kill()
    gone.communicate()
    assert (find("mine").state, find("mine").error) == ("stopped", GONE)


@pytest.mark.parametrize("name", ["nobody", "", "../../etc", "mine"])
def test_a_job_that_is_not_there_or_not_one_is_one_line(name: str) -> None:
    for _ in range(2):
        make(["train"], "train", "mine")
    with pytest.raises(JobError) as caught:
        find(name)
    assert "see taraf jobs list" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_curves_and_previews_of_a_training_are_read_where_it_writes_them(tmp_path: Path) -> None:
    record = make(["train"], "train", "mine")
    run = tmp_path / "runs" / "mine"
    (run / "previews").mkdir(parents=True)
    rows = [{"step": n, "seconds": 2.0 * n, "loss": 1.0 / n, "name": "x"} for n in (1, 2)]
    (run / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"los')
    (run / "previews" / "step-1.wav").write_bytes(b"")
    record.watch(run)
    job = find("mine")
    assert job.all_curves() == {"loss": [(2.0, 1.0), (4.0, 0.5)]}
    assert [label for label, _ in job.all_previews()] == ["step-1"]


def test_queued_commands_are_done_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pedalboard")
    monkeypatch.chdir(tmp_path)
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, 9600).astype(np.float32)
    write_whole(tmp_path / "dry" / "a.wav", wav_bytes(sound, 48_000))
    words = ["pairs", "render", "dry", "out", "--plugin", "pedalboard:Gain", "--jobs", "1"]
    assert main(["jobs", "add", *words]) == 0
    assert (
        main(["jobs", "add", "pairs", "render", "nowhere", "x", "--plugin", "pedalboard:Gain"]) == 0
    )
    assert wait_for(lambda: not any(job.open for job in all_jobs()))
    wrong, right = all_jobs()
    assert (right.state, right.error, right.done) == ("done", "", 1.0)
    assert (tmp_path / "out" / "pairs.jsonl").is_file()
    assert (wrong.state, wrong.error) == ("failed", "nowhere: there is no such file or folder")
    assert main(["jobs", "resume", wrong.name]) == 0
    assert wait_for(lambda: find(wrong.name).state == "failed")
    assert main(["jobs", "add", "live"]) == 2
    assert "live: can be queued are train, sampler, sweep, pairs" in capsys.readouterr().err
    assert main(["jobs", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["jobs"]
    assert [job["state"] for job in listed] == ["failed", "done"]
    assert main(["jobs", "remove", right.name]) == 0
    assert [job.name for job in all_jobs()] == [wrong.name]


def test_a_job_is_stopped_by_an_interrupt_and_goes_on_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = "import os, sys, time\nfrom engine.jobs import current\nr = current()\nr.running()\n"
    waiting += "try:\n    time.sleep(0.2 if '--resume' in sys.argv else 60)\n"
    waiting += "except KeyboardInterrupt:\n    r.ended('stopped')\nelse:\n    r.ended('done')\n"
    monkeypatch.setattr(queue, "MAIN", waiting)
    record = make(["train", "effect"], "train", "mine", tmp_path)
    worker = os.fork() if hasattr(os, "fork") else pytest.skip("needs fork")
    if worker == 0:
        queue.work()
        os._exit(0)
    assert wait_for(lambda: find("mine").state == "running")
    time.sleep(0.5)
    find("mine").stop()
    assert wait_for(lambda: find("mine").state == "stopped")
    os.waitpid(worker, 0)
    with pytest.raises(JobError, match="is stopped; there is nothing to stop"):
        find("mine").stop()
    monkeypatch.setattr(queue, "tend", lambda: None)
    queue.resume(find("mine"))
    assert find("mine").state == "waiting"
    queue.work()
    assert find("mine").state == "done"
    assert not Record(record.folder).asked_to_stop
