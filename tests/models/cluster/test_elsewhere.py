"""Commands with --on: the same function, done elsewhere, and its files come back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from engine.cli import main
from engine.jobs import all_jobs
from models.cluster import ClusterError, Executor, Outcome, Program, Unit, elsewhere
from models.cluster.calling import answer
from models.cluster.elsewhere import Places
from models.cluster.elsewhere import elsewhere as with_on


def learn(
    data: Annotated[Path, typer.Argument()],
    more: Annotated[list[Path] | None, typer.Option()] = None,
    name: str = "mine",
    out: Path | None = None,
    runs: Path = Path("runs"),
    resume: bool = False,
    fail: bool = False,
) -> None:
    """Count what is read; a run is a number that grows."""
    if fail:
        raise ClusterError("it is refused")
    run = runs / name
    if (run / "count").exists() and not resume:
        raise ClusterError("holds a training")
    run.mkdir(parents=True, exist_ok=True)
    (run / "draft").unlink(missing_ok=True)
    before = int((run / "count").read_text()) if resume else 0
    read = [path.read_text() for path in [data / "x", *(more or [])]]
    (run / "count").write_text(str(before + 1))
    target = (out or Path()) / name
    target.mkdir(parents=True, exist_ok=True)
    (target / "model").write_text(" ".join([*read, str(before + 1)]))
    typer.echo(f"learnt {name}")
    print("a word aside", file=sys.stderr)


def places(given: dict[str, Any]) -> Places:
    run, out = given["runs"] / given["name"], given["out"] or Path()
    return Places("train", "mine", ("data", "more"), run, out / given["name"], "pulse")


class Far:
    """An executor without a disk in common: what is read and written is moved.

    ``stopped`` ends it as Ctrl-C does, when all is done and nothing has come back.
    """

    slots, stopped = 1, False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, program: Program, units: Iterator[Unit], ahead: bool) -> Iterator[Outcome]:
        from models.cluster.packing import packed, unpack

        for unit in units:
            task = dict(unit.task)
            for name, file in unit.reads.items():
                place = self.folder / name.replace(" ", "-") / Path(file.path).name
                unpack(packed(Path(file.path)), place, Path(file.path).is_dir())
                task[name] = str(place)
            for name, path in unit.writes.items():
                task[name] = str(self.folder / "wrote" / name / Path(path).name)
            told = answer(json.loads(json.dumps(task)))
            if self.stopped:
                raise KeyboardInterrupt
            for name, path in unit.writes.items():
                if Path(task[name]).exists():
                    unpack(packed(Path(task[name])), Path(path), Path(task[name]).is_dir())
            yield Outcome(unit, told, told.get("error", ""), bool(told.get("asked")))


class Near:
    """An executor on the same disk whose first worker is lost when it had all but answered."""

    slots = 1

    def run(self, program: Program, units: Iterator[Unit], ahead: bool) -> Iterator[Outcome]:
        for unit in units:
            for _ in range(2):
                told = answer(json.loads(json.dumps(unit.task)))
            yield Outcome(unit, told, told.get("error", ""), bool(told.get("asked")))


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TARAF_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setattr("models.cluster.where.check", lambda on, store: None)
    monkeypatch.setitem(sys.modules, "learning", sys.modules[__name__])
    monkeypatch.setattr(learn, "__module__", "learning")
    monkeypatch.setattr(sys, "argv", ["taraf", "learn"])
    count = iter(range(9))

    @contextmanager
    def there(on: str, jobs: int | None, store: str | None) -> Iterator[Executor]:
        yield Far(tmp_path / f"far-{next(count)}")

    monkeypatch.setattr(elsewhere, "executor", there)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    (tmp_path / "y").write_text("y")
    return tmp_path


def called(far: Path, *words: str) -> Any:
    app = typer.Typer()
    app.command()(with_on(learn, places))
    given = [str(far / "data"), "--more", str(far / "y"), "--out", str(far / "models")]
    return CliRunner().invoke(app, [*given, "--runs", str(far / "runs"), *words])


@pytest.mark.parametrize("on", ["local", "ray"])
def test_a_command_leaves_the_same_files_wherever_it_is_done(far: Path, on: str) -> None:
    done = called(far, "--on", on)
    assert done.exit_code == 0, done.output
    assert "learnt mine" in done.output
    assert (far / "models" / "mine" / "model").read_text() == "x y 1"
    again = called(far, "--on", on, "--resume")
    assert again.exit_code == 0
    assert (far / "runs" / "mine" / "count").read_text() == "2"
    states = [(job.state, [plays for _, plays, _ in job.models]) for job in all_jobs()]
    assert states == ([] if on == "local" else [("done", ["pulse"])] * 2)


@pytest.mark.parametrize("on", ["local", "ray"])
def test_what_lay_here_is_as_the_command_leaves_it_here(far: Path, on: str) -> None:
    for folder in (far / "runs" / "mine", far / "models" / "mine"):
        folder.mkdir(parents=True)
        for name in ("notes", ".hidden", "draft"):
            (folder / name).write_text(name)
    assert called(far, "--on", on).exit_code == 0
    for folder, more in (("runs", {"count"}), ("models", {"model", "draft"})):
        left = {path.name for path in (far / folder / "mine").iterdir()}
        assert left == {"notes", ".hidden"} | more
    refused = called(far, "--on", on)
    assert str(refused.exception) == "holds a training"
    assert (far / "runs" / "mine" / "count").read_text() == "1"


def test_a_lost_worker_costs_its_unit_alone_where_the_disk_is_the_same(
    far: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.cluster.calling.LOOK_S", 0.0)
    monkeypatch.setattr(elsewhere, "executor", lambda *_: nullcontext(Near()))
    for words, count in (((), "1"), (("--resume",), "2")):
        done = called(far, "--on", "ray", *words)
        assert done.exit_code == 0, done.exception
        assert (far / "runs" / "mine" / "count").read_text() == count
        assert (far / "models" / "mine" / "model").read_text() == f"x y {count}"
        assert not [*far.rglob("*.part")]


def test_a_stop_leaves_what_lay_here_and_nothing_else(
    far: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called(far, "--on", "ray")
    monkeypatch.setattr(Far, "stopped", True)
    called(far, "--on", "ray", "--resume")
    assert all_jobs()[0].state == "stopped"
    assert (far / "runs" / "mine" / "count").read_text() == "1"
    assert (far / "models" / "mine" / "model").read_text() == "x y 1"
    assert not [path for path in far.rglob("*.part") if "far-" not in str(path)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "morph", "--data", "notes"), "runs/morph: holds a training"),
        (("sampler", "train", "--preset", "spectrum", "--source", "x.wav", "--name", "morph",
          "--runs", "runs"), "runs/morph: holds a training"),
        (("train", "effect", "notes", "--out", "runs", "--name", "morph"),
         "runs/morph: holds checkpoint.pt, which is no model"),
        (("train", "rhythm", "x.wav", "--out", "runs", "--name", "morph"),
         "runs/morph: holds checkpoint.pt, which is no rhythm model"),
    ],
)  # fmt: skip
def test_what_is_refused_here_is_not_sent(
    far: Path, words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pytest.importorskip("torch")
    monkeypatch.chdir(far)
    monkeypatch.setattr(elsewhere, "executor", lambda *_: pytest.fail("it was sent"))
    (far / "runs" / "morph").mkdir(parents=True)
    (far / "runs" / "morph" / "checkpoint.pt").touch()
    (far / "notes").mkdir()
    (far / "x.wav").touch()
    assert main([*words, "--on", "ray"]) == 2
    assert told in capsys.readouterr().err


def test_a_model_of_an_effect_comes_back_instead_of_the_one_before(far: Path) -> None:
    from models.cluster.staging import Stages, put_whole

    model = far / "models" / "mine"
    with Stages() as stages:
        for number, place in enumerate((model, stages.beside(model))):
            place.mkdir(parents=True)
            (place / f"{number}.nam").touch()
        put_whole(place, model)
    assert [path.name for path in far.glob("models/*/*")] == ["1.nam"]
    assert [path.name for path in far.glob("models/*")] == ["mine"]


def test_what_fails_there_is_told_here_and_noted(far: Path) -> None:
    done = called(far, "--on", "ray", "--fail")
    assert str(done.exception) == "it is refused"
    (job,) = all_jobs()
    assert (job.state, job.error) == ("failed", "it is refused")


@pytest.mark.parametrize(
    "words",
    [
        ("train", "effect"), ("train", "pulse"), ("train", "rhythm"), ("train", "morph"),
        ("sampler", "train"), ("pairs", "render"),
    ],
)  # fmt: skip
def test_all_that_learns_or_renders_can_be_sent(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*words, "--help"]) == 0
    told = capsys.readouterr().out
    assert "--on" in told
    assert "--store" in told
    given = {"effect": ["pairs"], "pulse": ["--data", "x"], "morph": ["--data", "x"]}
    more = given.get(
        words[1], ["a", "b", "--plugin", "pedalboard:Gain"][: 4 * (words[1] == "render")]
    )
    assert main([*words, *more, "--on", "moon"]) == 2
    assert "--on moon: allowed are local, ray and ray://HOST:PORT" in capsys.readouterr().err
