"""taraf sampler learn: a network learns what a performer plays while he plays."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.commands.sampler_train import line, preset_of, reported, shown

if TYPE_CHECKING:
    from models.sampler.job import Job
    from models.sampler.live.ears import Learnt

USUAL = "spectrum"
NICE = 10
PREVIEWS = 20


def learn(
    name: Annotated[
        str, typer.Argument(help="Of the folder; the preset learn plays what is in mine.")
    ] = "mine",
    preset: Annotated[
        str | None,
        typer.Option(help=f"{USUAL}, vector, column, transpose ...; {USUAL} for a new folder."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Another value; may be repeated."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where the folder goes.")] = Path("runs/sampler"),
    enough: Annotated[
        float, typer.Option(min=1.0, max=3600.0, help="Seconds of sound to begin with.")
    ] = 15.0,
    keep: Annotated[
        float, typer.Option(min=5.0, max=3600.0, help="Seconds of sound that are kept, the last.")
    ] = 300.0,
    threshold_db: Annotated[
        float, typer.Option(min=-90.0, max=0.0, help="What is softer is silence, and left out.")
    ] = -50.0,
    tap: Annotated[
        str, typer.Option(help="Which tap of the rack, as you.tap; the first unless given.")
    ] = "",
    pid: Annotated[
        int | None, typer.Option(help="The audio process, where more than one taraf plays.")
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.0, max=100_000.0, help="Of learning, in all; 0 has no end.")
    ] = 0.0,
    stay: Annotated[
        bool, typer.Option(help="Go on learning when taraf stops, and listen when it is back.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor cores to use.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn what you play while you play it; better weights are heard as they come.

    Begin in two terminals: taraf live learn, and this. It listens to the tap of the rack that
    plays, leaves silence out, and learns with low priority, again and again with what is new. The
    rack's sampler plays its best model from the next answer on. Ctrl-C ends it, and so does the end
    of taraf; the same command goes on.

    Example: taraf sampler learn mine --preset spectrum
    """
    from models.judging.errors import needed
    from models.sampler.live.ears import Ears
    from models.sampler.settings import Settings

    folder = runs / name
    job = _job(folder, preset, changes or [], minutes)
    ears = Ears(tap, pid, threshold_db, enough, keep, stay)
    ears.begins_with(job)
    settings = Settings(threads=threads, accelerator="cpu", previews=PREVIEWS)
    with shown(as_json, endless=job.minutes == 0.0) as (told, doing):
        doing("loading PyTorch")
        with needed("train"):
            from models.effects.training.loop import interruptible
            from models.sampler.live.learning import learn as begin
        _give_way()
        with interruptible() as asked:
            learnt = begin(
                job, folder, ears, settings, told=told, doing=doing, said=_said,
                stop=lambda: bool(asked),
            )  # fmt: skip
        report = reported(folder) if learnt.trained is not None else None
    if as_json:
        typer.echo(json.dumps({**learnt.as_json(), "report": report}))
    else:
        _show(learnt, ears.enough_s, job.minutes, report)


def _job(folder: Path, preset: str | None, changes: list[str], minutes: float) -> Job:
    """The folder's job, or the preset's for a new one; its end is not the preset's."""
    from models.sampler.asking import changed
    from models.sampler.folder import CHECKPOINT, JOB, SOURCE
    from models.sampler.job import job_from, read_job

    known = folder / JOB
    if preset is None and (folder / CHECKPOINT).is_file() and known.is_file():
        given, where = read_job(known).as_json(), str(known)
    else:
        name = preset or USUAL
        given, where = preset_of(name).as_json(), f"preset {name}"
    given |= {"source": str(folder / SOURCE), "minutes": minutes}
    return job_from(changed(given, changes, "--set"), where)


def _give_way() -> None:
    """Let the sound, and all else, have the processor first."""
    import psutil

    low = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", NICE)
    process = psutil.Process()
    if sys.platform == "win32" or process.nice() < NICE:
        process.nice(low)


def _said(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show(learnt: Learnt, enough: float, minutes: float, report: str | None) -> None:
    again = "the same command goes on"
    if learnt.stopped == "budget":
        again = f"--minutes {minutes:g} is spent; more, or 0, goes on"
    ended = {"taraf stopped": "taraf has stopped; ", "interrupted": "stopped; "}
    if learnt.trained is None:
        typer.echo(
            f"{ended.get(learnt.stopped, '')}{learnt.heard_s:.0f} of {enough:.0f} s were heard, "
            f"nothing is learnt yet; {again}"
        )
        return
    typer.echo(f"{ended.get(learnt.stopped, '')}{learnt.heard_s:.0f} s were heard; {again}")
    typer.echo(f"best is {line(learnt.trained.best)}")
    typer.echo(f"model: {learnt.folder / 'best.npz'}")
    if report is not None:
        typer.echo(f"report: {report}")


__all__ = ["learn"]
