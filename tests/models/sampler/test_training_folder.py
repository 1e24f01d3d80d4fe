"""One training in a folder, what it tells from the start, and what it says without PyTorch."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from engine.sampler.errors import SamplerError
from models.sampler import folder as files
from models.sampler.holding import held
from models.sampler.settings import Preview, Progress
from models.sampler.training import train

from .tiny import RATE, job_for, quick, two_tones

HOLD = """
import pathlib, sys, time
from models.sampler.holding import held
with held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
COMMAND = """
import sys
from engine.cli import main
sys.exit(main(sys.argv[1:]))
"""
BARE = f"import sys; sys.modules['torch'] = None{COMMAND}"


def test_a_second_training_in_a_folder_is_told_who_is_in_it(tmp_path: Path) -> None:
    given = [sys.executable, "-P", "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(given, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None and running.stdout.readline() == "held\n"
        with pytest.raises(SamplerError, match=f"process {running.pid}, since") as told:
            train(job_for("vector"), tmp_path, settings=quick(1), sound=two_tones())
        running.send_signal(signal.SIGKILL)
    assert str(tmp_path) in str(told.value) and "\n" not in str(told.value)
    assert not (tmp_path / files.CHECKPOINT).exists()
    train(job_for("vector"), tmp_path, settings=quick(1), sound=two_tones())  # it was killed


def test_a_training_that_ends_or_fails_gives_its_folder_back(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(SamplerError, match="lost"), held(tmp_path):
            raise SamplerError("lost")
    with held(tmp_path), pytest.raises(SamplerError, match=f"process {os.getpid()}"):
        train(job_for("vector"), tmp_path, settings=quick(1), sound=two_tones())


def test_what_a_killed_one_had_begun_to_write_is_removed(tmp_path: Path) -> None:
    (tmp_path / files.PREVIEW_FOLDER).mkdir()
    begun = [".checkpoint.pt.0a1b2c3d.part", "previews/.step-00000002.wav.0a1b2c3d.part"]
    for name in (*begun, ".report.html.0a1b2c3d.part"):
        (tmp_path / name).touch()
    with held(tmp_path):
        left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == [".report.html.0a1b2c3d.part", ".training.lock"]  # others write that


@pytest.mark.skipif(sys.platform == "win32", reason="it locks by other means")
def test_where_nothing_can_be_locked_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(SamplerError, match=r"training.lock: No locks available"), held(tmp_path):
        pass


def test_it_tells_what_it_does_and_its_first_preview_comes_early(tmp_path: Path) -> None:
    events: list[str] = []

    def told(event: Progress | Preview) -> None:
        events.append(type(event).__name__)

    settings = quick(40, preview_first_s=1e-6)
    job = job_for("column", start="linear")
    train(job, tmp_path, settings=settings, sound=two_tones(), told=told, doing=events.append)
    assert events[:3] == [
        "preparing 2 s of sound",
        "finding first weights: the best linear prediction",
        "training",
    ]
    rows = files.lines(tmp_path / files.PREVIEWS)
    assert len(rows) == 2 and rows[0]["step"] < rows[1]["step"] == 40


def test_a_resumed_training_keeps_the_scale_that_its_weights_are_used_to(tmp_path: Path) -> None:
    job, sound = job_for("vector"), two_tones()
    train(job, tmp_path, settings=quick(2), sound=sound)
    before = _scale(tmp_path)
    train(job, tmp_path, settings=quick(4), sound=0.1 * sound, resume=True)
    assert _scale(tmp_path) == before


def _scale(folder: Path) -> float:
    from engine.sampler.file import read_sampler

    return float(read_sampler(folder / files.BEST).output_scale[0])


def bare(here: Path, *given: object) -> tuple[int, list[str]]:
    """Status and what is said of a command where PyTorch is not installed."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", BARE, "sampler", *map(str, given)], cwd=here,
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, done.stderr.splitlines()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "loop.wav", two_tones(), RATE)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("train", "--preset", "nosuch", "--source", "loop.wav"), "preset 'nosuch' is unknown"),
        (("train", "--preset", "vector", "--source", "nosuch.wav"), "nosuch.wav"),
        (("train", "--preset", "vector", "--source", "loop.wav", "--set", "lr=loud"), "lr"),
        (("train", "--preset", "vector", "--source", "loop.wav", "--accelerator", "tpu"), "tpu"),
        (("train", "--preset", "vector", "--source", "loop.wav", "--resume"), "no checkpoint"),
        (("train", "--preset", "vector", "--source", "loop.wav"), "pip install 'taraf[train]'"),
        (("train",), "pip install 'taraf[train]'"),
        (("learn", "--preset", "nosuch"), "preset 'nosuch' is unknown"),
        (("learn", "--set", "hidden=none"), "hidden"),
        (("learn",), "pip install 'taraf[train]'"),
        (("dream", "dream", "--out", "d.wav"), "sampler.npz: its own recording is not there"),
        (("dream", "runs/typo", "--out", "d.wav"), "runs/typo: there is no such sampler, in "),
    ],
)
def test_what_is_wrong_is_said_before_pytorch_is_asked_for(
    here: Path, given: tuple[str, ...], words: str
) -> None:
    status, said = bare(here, *given)
    assert status != 0
    assert words in said[-1] and said[-1].startswith("taraf: ")
    assert not any("Traceback" in line for line in said)
    assert not list(here.glob("runs/sampler/*/*"))


def test_the_command_writes_a_report_and_says_where(here: Path) -> None:
    job = job_for("vector", source=str(here / "loop.wav"), num_epochs=1)
    (here / "job.json").write_text(json.dumps(job.as_json()))
    done = subprocess.run(
        [
            sys.executable, "-P", "-c", COMMAND, "sampler", "train", "job.json", "--json",
            "--preview-seconds", "1",
        ],
        cwd=here, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "<html" in (here / told["report"]).read_text(encoding="utf-8")
    assert (here / told["model"]).is_file()
