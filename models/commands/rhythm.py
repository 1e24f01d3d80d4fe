"""taraf train rhythm: a drummer that plays along, learnt from takes, or made one's own."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

STEPS, OWN_STEPS = 1000, 300


def rhythm(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Your own recordings of drums, MIDI or sound; without, --data alone."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="The folder with the Groove MIDI Dataset, gmd: learn from all drummers."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The model to go on from, a name or folder; taraf's own unless given."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="What the model is called; the first file's name unless given."),
    ] = None,
    style: Annotated[
        str, typer.Option(help="The style of your recordings, as funk; any unless given.")
    ] = "",
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000, help=f"{STEPS}, or {OWN_STEPS} with files, unless given."
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, max=10_000.0, help="A time instead of --steps.")
    ] = None,
    about: Annotated[str, typer.Option(help="One line for the card.")] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the model's folder; your own models unless given."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder for checkpoints and curves.")] = Path("runs"),
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="The same seed makes the same model.")
    ] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor cores to use.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a drummer that plays along: your own from FILES, or from many drummers' takes.

    Ctrl-C writes the best that was found so far where there is no model yet.

    Example: taraf train rhythm my-grooves/*.mid --name mine
    """
    from models.judging.errors import needed

    with needed("train"):
        from models.effects.deploy import plain_name
        from models.pulse.rhythm import writing
        from models.pulse.rhythm.making import Wanted, from_drummers, from_files
    from engine.library import user_models
    from engine.rhythm import CARD
    from models.pulse.errors import PulseError

    if not files and data is None:
        raise PulseError("nothing to learn from: give recordings of your own, or --data DIR")
    for option, value in (("--model", model), ("--style", style)):
        if value and not files:
            raise PulseError(f"{option} {value}: is for recordings of your own; none are given")
    called = plain_name(name or (files[0].stem if files else "rhythm"))
    if name is not None and called != name:
        _tell(f"the model is called {called}")
    folder = (out or user_models()) / called
    writing.make_sure(folder)
    budget = None if minutes is not None else steps or (OWN_STEPS if files else STEPS)
    wanted = Wanted(budget, minutes or 1.0, seed, threads, runs / called, resume, style)
    if files:
        trained, said = from_files(files, data, model, wanted)
        told = about or f"Learnt from {len(files)} recordings of {called}"
    else:
        assert data is not None
        trained, said = from_drummers(data, wanted)
        told = about or "A drummer that plays along in sixteenths, learnt from human takes"
    asked = trained.stopped == "interrupted"
    written = not (asked and (folder / CARD).is_file())
    if written:
        given = {"command": _command(), **said}
        writing.write(trained.network, trained.styles, folder, told, given)
    if asked:
        left = "the best so far is written" if written else f"{folder} is kept as it was"
        _tell(f"stopped: {left}" + ("" if files else "; --resume goes on"))
    if as_json:
        known = {"model": str(folder), "name": called, "written": written}
        typer.echo(json.dumps({**known, "stopped": trained.stopped, **said}))
    elif written:
        _show(folder, said)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _command() -> str:
    return shlex.join(["taraf", *sys.argv[1:]])


def _show(folder: Path, said: dict[str, Any]) -> None:
    for key, value in said.items():
        typer.echo(f"{key.replace('_', ' ')}: {value}")
    typer.echo(f"model: {folder}")


__all__ = ["rhythm"]
