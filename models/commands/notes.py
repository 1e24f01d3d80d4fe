"""taraf notes: datasets of single notes, which a morph is learnt from: render, check."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from models.commands.counting import counted

FAULTY = 1
FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

notes = typer.Typer(
    help="Make and check datasets of notes, which a morph is learnt from.", no_args_is_help=True
)


@notes.callback()
def _notes() -> None:
    """Make and check datasets of notes, which a morph is learnt from."""


@notes.command()
def render(
    out: Annotated[Path, typer.Argument(help="New folder for the dataset.")],
    soundfont: Annotated[Path, typer.Option(metavar="FILE.sf2", help="Who plays.")] = FONT,
    instruments: Annotated[
        str,
        typer.Option(
            help="General MIDI programs from 0 (40-43), families of NSynth (guitar), all, "
            "standard: 52 that share no recording in FluidR3, or wide: 100, of which those held "
            "out share none with the others; with commas."
        ),
    ] = "standard",
    pitches: Annotated[
        str, typer.Option(help="MIDI notes: 60, 36-84, 36-84:2 for every second; with commas.")
    ] = "36-84:2",
    velocities: Annotated[str, typer.Option(help="1 to 127, written as pitches are.")] = (
        "25,75,127"
    ),
    seconds: Annotated[float, typer.Option(help="Of a note, held for three quarters.")] = 4.0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Threads; one a core.")] = None,
    as_json: AsJson = False,
) -> None:
    """Play notes of a SoundFont into a dataset of NSynth's format, some instruments held out.

    Stopped, it goes on where it was; the dataset is there when all of it is.

    Example: taraf notes render notes
    """
    from models.morph.notes.instruments import instruments_of, numbers_of
    from models.morph.notes.render import Order
    from models.morph.notes.render import render as render_notes

    order = Order(
        soundfont,
        instruments_of(instruments),
        numbers_of(pitches, 0, 127, "pitches"),
        numbers_of(velocities, 1, 127, "velocities"),
        seconds,
    )
    try:
        with counted("rendering", as_json) as told:
            done = render_notes(out, order, jobs, told)
    except KeyboardInterrupt:
        typer.echo(f"stopped; {out} is no dataset yet, the same command goes on", err=True)
        raise
    if as_json:
        typer.echo(json.dumps({"folder": str(out), **asdict(done)}))
        return
    if done.absent:
        typer.echo(f"not in {soundfont.name}: {', '.join(map(str, done.absent))}", err=True)
    kept = f", {done.kept} were there" if done.kept else ""
    silent = f", {done.silent} silent ones left out" if done.silent else ""
    splits = ", ".join(f"{count} {split}" for split, count in done.splits.items())
    typer.echo(f"{done.rendered} notes rendered in {done.seconds:.1f} s{kept}{silent}")
    typer.echo(f"{out}: {done.notes} notes, split by instrument: {splits}")


@notes.command()
def check(
    folder: Annotated[Path, typer.Argument(help="A dataset of NSynth's format.")],
    as_json: AsJson = False,
) -> None:
    """Hear every note of a dataset and see that none that is held out was learnt: exit code 1.

    Example: taraf notes check notes
    """
    from models.judging.errors import needed
    from models.morph.notes import read_notes
    from models.morph.notes.check import LEAK_DB
    from models.morph.notes.check import check as check_notes

    with needed("train"), counted("checking", as_json) as told:
        found = check_notes(read_notes(folder), told)
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), **asdict(found)}))
    else:
        for fault in found.faults:
            typer.echo(fault)
        for warning in found.warnings:
            typer.echo(f"warning: {warning}", err=True)
        for split, count in found.notes.items():
            typer.echo(f"{split:6} {count:7} notes of {found.instruments[split]} instruments")
        if found.silent:
            typer.echo(f"{found.silent} notes are silent", err=True)
        if found.nearest_db is not None and found.leaked is not None:
            typer.echo(
                f"a test note is {found.nearest_db:.1f} dB from the nearest of its pitch in "
                f"training; {100 * found.leaked:.0f} % are nearer than {LEAK_DB:g} dB"
            )
    if found.faults:
        raise typer.Exit(FAULTY)


__all__ = ["notes"]
