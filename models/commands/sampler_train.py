"""taraf sampler train: from a recording to a network that dreams on, by a job or by asking."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.jobs import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.sampler.job import Job
    from models.sampler.settings import Doing, Preview, Progress, Told, Trained

LINE_S = 10.0
"""Between lines that tell where it is, where there is no terminal with a bar."""
SEEN_OFTEN = ("dreaming a preview",)
"""Told on a terminal only, where it is overwritten: the preview's own line follows."""


def train(
    job: Annotated[
        Path | None,
        typer.Argument(metavar="[JOB.json]", help="A job; without one each value is asked for."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Instead of a job: spectrum, vector, column, transpose, ...")
    ] = None,
    source: Annotated[
        Path | None, typer.Option(help="The recording to learn, instead of the job's.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Another value; may be repeated."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the folder; recording and approach unless given.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where the folder goes.")] = Path("runs/sampler"),
    resume: Annotated[
        bool, typer.Option(help="Go on from the last checkpoint; minutes are for the whole.")
    ] = False,
    preview_every: Annotated[
        float, typer.Option(min=0.1, max=100_000.0, help="Seconds from one preview to the next.")
    ] = 15.0,
    preview_seconds: Annotated[
        float, typer.Option(min=1.0, max=600.0, help="How long a preview is.")
    ] = 10.0,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor cores to use.")] = 2,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn a recording; hear it dream while it learns; keep what scores best.

    Ctrl-C keeps the best that was found so far.

    Example: taraf sampler train --preset spectrum --source clair.flac
    """
    from models.judging.errors import needed
    from models.sampler.folder import check_folder
    from models.sampler.settings import Settings
    from models.sampler.sound import source_of

    if job is None and preset is None:
        with needed("train"):  # before thirty questions are asked for nothing
            _there("torch")
    wanted = _job(job, preset, source, changes or [])
    folder = runs / (name or _called(wanted))
    settings = Settings(
        threads=threads, accelerator=accelerator, preview_every_s=preview_every,
        preview_s=preview_seconds,
    )  # fmt: skip
    check_folder(folder, resume)
    with shown(as_json) as (told, doing):
        doing(f"reading {wanted.source}")
        sound = source_of(wanted)
        doing("loading PyTorch")
        with needed("train"):
            from models.effects.training.loop import interruptible
            from models.sampler.training import train as learn
        with interruptible() as asked:
            trained = learn(
                wanted, folder, settings=settings, resume=resume, told=told,
                stop=lambda: bool(asked), sound=sound, doing=doing,
            )  # fmt: skip
        doing("writing the report")
        report = reported(folder)
    if as_json:
        typer.echo(json.dumps({**trained.as_json(), "report": report}))
    else:
        _show(trained, report)


def _there(package: str) -> None:
    """ModuleNotFoundError if a package is not installed; takes no time, unlike importing it."""
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise ModuleNotFoundError(name=package)


def reported(folder: Path) -> str | None:
    """Write the folder's report; where it is, or None, said why: the model is kept all the same."""
    from engine.sampler.errors import SamplerError

    try:
        from models.sampler.report.training import report_training

        return str(report_training(folder))
    except ModuleNotFoundError as error:
        _told(f"no report: this needs {error.name}, which is not installed")
    except SamplerError as error:
        _told(f"no report: {error}")
    return None


def _job(job: Path | None, preset: str | None, source: Path | None, changes: list[str]) -> Job:
    """The job that was given, by file, by preset or by answers."""
    from engine.sampler.errors import SamplerError
    from models.sampler.asking import ask, changed
    from models.sampler.job import job_from, read_job

    if job is not None and preset is not None:
        raise SamplerError(f"{job} and --preset {preset}: it is either a job or a preset")
    if preset is not None:
        given = preset_of(preset).as_json()
        where = f"preset {preset}"
    elif job is not None:
        given, where = read_job(job).as_json(), str(job)
    else:
        first = {"source": str(source)} if source is not None else {}
        return ask(_asked, _told, first | changed({}, changes, "--set"))
    if source is not None:
        given["source"] = str(source)
    return job_from(changed(given, changes, "--set"), where)


def preset_of(name: str) -> Job:
    """A preset by its name; SamplerError, one line, if there is none."""
    from engine.sampler.errors import SamplerError
    from models.sampler.job import PRESETS

    if name not in PRESETS:
        raise SamplerError(f"preset {name!r} is unknown; known are {', '.join(PRESETS)}")
    return PRESETS[name]


def _asked(question: str, usual: str) -> str:
    """One answer; an empty one is the usual value."""
    answer = typer.prompt(question, default=usual, show_default=bool(usual), err=True)
    return str(answer)


def _told(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def called_job(
    job: Path | None, preset: str | None, source: Path | None, changes: list[str]
) -> tuple[Job, str]:
    """The job that these ask for, and what its folder is called unless told."""
    wanted = _job(job, preset, source, changes)
    return wanted, _called(wanted)


def _called(job: Job) -> str:
    stem = Path(job.source).stem or "recording"
    return f"{stem}-{job.approach}"


@contextmanager
def shown(hidden: bool, endless: bool = False) -> Iterator[tuple[Told, Doing]]:
    """A bar, and a line for each preview, on the terminal; only lines where it is none.

    What is ``endless`` has a bar that only moves. A job hears how far it is, whatever is shown.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from models.sampler.settings import Preview

    console = Console(stderr=True)
    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn())
    lines = not hidden and not console.is_terminal
    with Bar(*columns, TimeRemainingColumn(), console=console, disable=hidden or lines) as bar:
        task = bar.add_task("", total=None if endless else 1.0)
        last, done = [time.monotonic()], [0.0]

        def told(event: Progress | Preview) -> None:
            if isinstance(event, Preview):
                if not hidden:
                    bar.console.print(line(event), markup=False, highlight=False, soft_wrap=True)
                return
            text = f"step {event.step}  loss {event.loss:.4f}"
            bar.update(task, completed=event.done, description=text)
            done[0] = event.done
            progress(event.done, text)
            if lines and time.monotonic() - last[0] >= LINE_S:
                last[0] = time.monotonic()
                _told(f"{event.seconds:.0f} s  {text}")

        def doing(what: str) -> None:
            bar.update(task, description=escape(what))
            progress(done[0], what)
            if lines and what not in SEEN_OFTEN:
                _told(what)

        yield told, doing


def line(preview: Preview) -> str:
    """A preview in one line: where it is and how good it is."""
    grades = "  ".join(f"{name} {grade}" for name, grade in preview.grades.items())
    best = "  best so far" if preview.best else ""
    return f"{preview.seconds:.0f} s  {preview.file}  {grades}  merit {preview.merit:.2f}{best}"


def _show(trained: Trained, report: str | None) -> None:
    best = trained.best
    typer.echo(f"{trained.steps} steps in {trained.seconds:.0f} s; best is {line(best)}")
    if trained.stopped == "interrupted":
        _told("stopped; what was learnt is kept, --resume goes on")
    model = trained.folder / "best.npz"
    typer.echo(f"model: {model}")
    if report is not None:
        typer.echo(f"report: {report}")
    typer.echo(f"hear it: taraf sampler dream {model} --seconds 30 --out dream.wav")


__all__ = ["called_job", "line", "preset_of", "reported", "shown", "train"]
