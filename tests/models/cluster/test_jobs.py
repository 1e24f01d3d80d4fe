"""Jobs: queued, done in the background, stopped, resumed, and told of in plain files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.jobs import JobError, Record, all_jobs, find, make, progress, queue, stretch
from engine.jobs.view import GONE, MOST_POINTS, thinned
from models.cluster.recording import recorded
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


def test_the_list_shows_what_is_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    make(["train"], "train", "mine").ended("failed", "pip install 'taraf[live]'; [/live]")
    assert main(["jobs", "list"]) == 0
    told = "".join(capsys.readouterr().out.split())
    assert "taraf[live]" in told and "[/live]" in told


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
    waiting = "import pathlib, sys, time\nfrom engine.jobs import current\nr = current()\n"
    waiting += "r.running()\nr.watch(pathlib.Path.cwd())\n"
    waiting += "try:\n    time.sleep(0.2 if '--resume' in sys.argv else 60)\n"
    waiting += "except KeyboardInterrupt:\n    r.ended('stopped')\nelse:\n    r.ended('done')\n"
    monkeypatch.setattr(queue, "MAIN", waiting)
    record = make(["train", "effect"], "train", "mine", tmp_path)
    (tmp_path / "checkpoint.pt").touch()
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


@pytest.mark.parametrize(
    ("words", "left", "added"),
    [
        ("train effect", "", []),
        ("train effect", "checkpoint.pt", ["--resume"]),
        ("train pulse", "member-2/checkpoint.pt", ["--resume"]),
        ("train effect --resume", "checkpoint.pt", []),
        ("sampler dream", "", []),
        ("pairs render", "checkpoint.pt", []),
    ],
)
def test_a_job_is_resumed_only_from_what_it_left(
    words: str, left: str, added: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAIN", "import sys; print(sys.argv[1:])")
    monkeypatch.setattr(queue, "tend", lambda: None)
    given = words.split()
    record = make(given, given[0], "mine", tmp_path)
    record.running()
    record.watch(tmp_path / "run")
    if left:
        (tmp_path / "run" / left).parent.mkdir(parents=True)
        (tmp_path / "run" / left).touch()
    record.ended("failed", "there is no more room")
    queue.resume(find("mine"))
    queue.work()
    job = find("mine")
    assert (job.state, job.log()) == ("done", f"{[*given, *added]}\n")


def test_a_job_that_waits_for_nobody_is_seen_to(monkeypatch: pytest.MonkeyPatch) -> None:
    make(["train"], "train", "mine")  # and whoever did jobs is gone
    seen: list[bool] = []
    monkeypatch.setattr(queue, "tend", lambda: seen.append(True))
    queue.resume(find("mine"))
    assert seen
    assert find("mine").state == "waiting"
    Record(find("mine").folder).running()
    with pytest.raises(JobError, match="is running already"):
        queue.resume(find("mine"))


def test_programs_that_a_job_starts_do_not_take_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "from engine.jobs import current\nprint(current() and current().name, flush=True)\n"
    more = f"import subprocess, sys\nsubprocess.run([sys.executable, '-P', '-c', {own!r}])\n"
    monkeypatch.setattr(queue, "MAIN", own + more)
    record = make(["sweep", "a.toml"], "sweep", "mine", tmp_path)
    queue.work()
    assert find("mine").log() == f"{record.name}\nNone\n"


Rows = Callable[[], list[tuple[float, str]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rows]:
    """What the job that this process does was told of how far it is."""
    record = make(["train"], "train", "mine")
    monkeypatch.setattr("engine.jobs.record.TELL_EVERY_S", 0.0)
    monkeypatch.setattr("engine.jobs.record._OURS", [])
    monkeypatch.setenv("TARAF_JOB", str(record.folder))

    def rows() -> list[tuple[float, str]]:
        lines = map(json.loads, (record.folder / "events.jsonl").read_text().splitlines())
        return [(row["done"], row["text"]) for row in lines if "done" in row]

    yield rows
    assert "TARAF_JOB" not in os.environ


def test_a_job_hears_how_far_its_training_is(told: Rows) -> None:
    pytest.importorskip("torch")
    from models.commands.sampler_train import shown
    from models.effects.training.watching import Bar as EffectBar
    from models.pulse.rhythm.watching import Bar as RhythmBar
    from models.sampler.settings import Progress

    with EffectBar(False) as effect:
        effect.tell(0.25, 3, 0.5, 0.01)
    with RhythmBar(False) as rhythm:
        rhythm.tell(0.5, 7, 3.0, 2.5)
    with shown(True) as (tell, doing):
        doing("loading")
        tell(Progress(9, 1.0, 2.0, 0.75, 0.1, 0.2))
        doing("previewing")
    assert told() == [
        (0.25, "step 3  loss 0.5000  ESR 0.01000"), (0.5, "step 7  3.00 bits  best 2.500"),
        (0.0, "loading"), (0.75, "step 9  loss 0.1000"), (0.75, "previewing"),
    ]  # fmt: skip


def test_parts_of_a_training_are_stretches_of_the_whole(told: Rows) -> None:
    progress(0.1, "reading")
    with stretch(0.2, 0.6):
        progress(0.5)
        with stretch(0.5, 1.0):
            progress(0.5)
    with pytest.raises(KeyboardInterrupt), stretch(0.6, 1.0):
        progress(0.5)
        raise KeyboardInterrupt
    progress(1.0, "all")
    assert told() == [(0.1, "reading"), (0.4, ""), (0.5, ""), (0.8, ""), (1.0, "all")]


def test_a_sweep_is_asked_to_stop_first_and_interrupted_only_when_asked_again() -> None:
    record = make(["sweep", "a.toml"], "sweep", "mine")
    sweeps = "try:\n    print('at it', flush=True)\n    input()\n"
    sweeps += "except KeyboardInterrupt:\n    print('interrupted')\n"
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", sweeps], stdin=pipe, stdout=pipe, text=True)
    record.running(process.pid)
    assert process.stdout
    assert process.stdout.readline() == "at it\n"
    find("mine").stop()
    assert find("mine").state == "stopping"
    assert record.asked_to_stop
    time.sleep(0.2)
    assert process.poll() is None
    find("mine").stop()
    assert process.communicate()[0] == "interrupted\n"


@pytest.mark.parametrize("instant", ["before it is told", "after it was told"])
def test_a_job_that_is_stopped_as_it_begins_comes_to_an_end(
    instant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAIN", "import time; time.sleep(60)")
    make(["train", "effect"], "train", "mine", tmp_path)
    waiting, running = find("mine"), Record.running

    def begins(record: Record, pid: int | None = None) -> None:
        if instant == "before it is told":
            waiting.stop()
        running(record, pid)
        if instant == "after it was told":
            waiting.stop()

    monkeypatch.setattr(Record, "running", begins)
    began = time.monotonic()
    queue.work()
    assert find("mine").state == "stopped"
    assert time.monotonic() - began < 30.0


def test_a_job_that_did_not_heed_the_one_that_stopped_it_heeds_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = make(["train"], "train", "mine")
    (record.folder / "stop").touch()
    monkeypatch.setattr("engine.jobs.record._OURS", [])
    monkeypatch.setenv("TARAF_JOB", str(record.folder))
    with pytest.raises(KeyboardInterrupt), recorded("train", "mine", always=False):
        pytest.fail("it goes on")
    assert find("mine").state == "stopped"
