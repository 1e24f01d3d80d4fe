"""taraf jobs: trainings, sweeps and pairs that are at work, wait, or have ended."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Name = Annotated[str, typer.Argument(help="A job's name, or a part of it.")]
KINDS = {"train": "train", "sampler": "sampler", "sweep": "sweep", "pairs": "pairs"}

jobs = typer.Typer(help="See, queue, stop and resume long work.", no_args_is_help=True)


@jobs.callback()
def _jobs() -> None:
    """See, queue, stop and resume long work."""


@jobs.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Not only the newest twenty.")] = False,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first.

    Example: taraf jobs list
    """
    from engine.jobs import all_jobs

    found = all_jobs()
    if as_json:
        typer.echo(json.dumps({"jobs": [job.row() for job in found]}))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not found:
        typer.echo("no jobs yet; taraf jobs add train effect PAIRS makes one")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("job", "what", "state", "done", "time", ""):
        table.add_column(column, no_wrap=column == "job", overflow="fold")
    for job in found if all_ else found[:20]:
        done = "" if job.state == "waiting" else f"{100 * job.done:.0f} %" if job.done else ""
        cells = (job.name, job.kind, job.state, done, _time(job.seconds), job.error or job.text)
        table.add_row(*map(Text, cells))
    Console().print(table)


@jobs.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Tell all of one job: how far it is, its curves' last points, its models, its log's end.

    Example: taraf jobs show fuzz
    """
    from engine.jobs import find

    job = find(name)
    if as_json:
        typer.echo(json.dumps(job.details()))
        return
    typer.echo(f"{job.name}: {job.state}, {_time(job.seconds)}, {100 * job.done:.0f} %")
    typer.echo(f"taraf {' '.join(job.words)}    (in {job.cwd})")
    for line in (job.text, job.error):
        if line:
            typer.echo(line)
    for label, points in job.all_curves().items():
        x, y = points[-1]
        typer.echo(f"  {label}: {y:.5g} at {x:.5g}, {len(points)} points")
    for label, path in job.all_previews()[-5:]:
        typer.echo(f"  hear {label}: {path}")
    for path, plays, scores in job.models:
        told = ", ".join(f"{key} {value}" for key, value in scores.items())
        typer.echo(f"  {plays or 'result'}: {path}  {told}")


@jobs.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def add(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(help="A command, as behind taraf.")],
) -> None:
    """Queue a command: it is done in the background, after those before it.

    Example: taraf jobs add train effect pairs/fuzz --minutes 5
    """
    from engine.jobs import queue
    from engine.jobs.place import JobError

    given = [*words, *context.args]
    if given[0] not in KINDS:
        raise JobError(f"{given[0]}: can be queued are {', '.join(KINDS)}")
    title = " ".join(Path(word).stem for word in given[:4] if not word.startswith("-"))
    job = queue.add(given, KINDS[given[0]], title)
    typer.echo(f"{job.name}    (taraf jobs show {job.name}; taraf jobs page --open)")


@jobs.command()
def stop(name: Name) -> None:
    """Ask a job to come to an end; the best that it has found is kept.

    Example: taraf jobs stop fuzz
    """
    from engine.jobs import find

    job = find(name)
    job.stop()
    again = "; once more ends it at once, without a model" if job.kind == "sweep" else ""
    typer.echo(f"{job.name} is asked to stop{again}")


@jobs.command()
def resume(name: Name) -> None:
    """Let a job go on that was stopped, was killed or failed; its budget is for the whole.

    Example: taraf jobs resume fuzz
    """
    from engine.jobs import find, queue

    job = find(name)
    queue.resume(job)
    typer.echo(f"{job.name} waits for its turn")


@jobs.command()
def remove(name: Name) -> None:
    """Forget a job that is over; what it made stays.

    Example: taraf jobs remove fuzz
    """
    import shutil

    from engine.jobs import JobError, find

    job = find(name)
    if job.open:
        raise JobError(f"{job.name}: is {job.state}; stop it first")
    shutil.rmtree(job.folder)
    typer.echo(f"{job.name} is forgotten")


@jobs.command()
def page(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Of the page; 0 takes any that is free.")
    ] = 8472,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open it in this machine's browser.")
    ] = False,
) -> None:
    """Show jobs on a page: queue, progress, curves, previews. `taraf live --web` has it, too.

    Example: taraf jobs page --open
    """
    from engine.control.web.jobs import JobsPage

    shown = JobsPage(port)
    try:
        shown.start()
        typer.echo(shown.url)
        if open_browser:
            typer.launch(shown.url)
        shown.wait()
    except KeyboardInterrupt:
        pass
    finally:
        shown.close()


def _time(seconds: float) -> str:
    if not seconds:
        return ""
    return time.strftime("%H:%M:%S" if seconds >= 3600 else "%M:%S", time.gmtime(seconds))


__all__ = ["jobs"]
