"""taraf pulse: the pulse of a drummer, and what networks make of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.commands.following import follow

if TYPE_CHECKING:
    from models.pulse.paper.material import Material
    from models.pulse.paper.work import Result

pulse = typer.Typer(
    help="Find the pulse of drumming and what goes on from it.", no_args_is_help=True
)


@pulse.callback()
def _pulse() -> None:
    """Find the pulse of drumming and what goes on from it."""


pulse.command()(follow)


@pulse.command()
def study(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            show_default=False,
            help="Recordings or folders of them; without any the drum takes in --data.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder that holds gmd/, the Groove MIDI Dataset.")
    ] = None,
    style: Annotated[
        str, typer.Option(help="Styles of takes with commas between, or all.")
    ] = "jazz",
    representation: Annotated[
        str,
        typer.Option(
            help="peaks: onsets in ten steps with beats; binary: both or none; envelope: its ten "
            "steps with beats. Several with commas between, or all."
        ),
    ] = "peaks",
    networks: Annotated[
        str,
        typer.Option(help="lstm, clockwork, lstm-stateful, clockwork-stateful, or all of them."),
    ] = "all",
    window: Annotated[int, typer.Option(min=1, max=1000, help="Frames of 23 ms seen.")] = 20,
    minutes: Annotated[
        float, typer.Option(min=0.01, max=10_000.0, help="Of training, for all networks together.")
    ] = 10.0,
    epochs: Annotated[int, typer.Option(min=1, max=10_000, help="At most, each network.")] = 100,
    sound: Annotated[
        float, typer.Option(min=0.1, max=10_000.0, help="Minutes of takes rendered at most.")
    ] = 120.0,
    frames: Annotated[int, typer.Option(min=2, max=100_000, help="Made of each seed.")] = 300,
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="How many there are.")] = 100,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=10.0, help="Of sampling; 0 takes the likeliest.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same makes the same.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for table, pictures and checkpoints.")] = Path(
        "runs/pulse"
    ),
    resume: Annotated[
        bool, typer.Option(help="Go on from the checkpoints in --out; --minutes is for the whole.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Do the paper: onsets, pulse, networks that go on from it; beside what needs no network.

    Judged on drummers that nothing was learnt from; where a style has none, and of your own
    recordings, on the last tenth of each. The table says which.
    Ctrl-C keeps what there is.

    Example: taraf pulse study my-drumming.wav --minutes 5
    """
    from models.judging.errors import needed

    with needed("train"):
        from models.pulse.paper import work
        from models.pulse.paper.study import Order
        from models.pulse.paper.training import Training

    kinds, plans = work.kinds(representation), work.plans(networks)
    settings = Training(
        window=window, epochs=epochs, seed=seed,
        seconds=60.0 * minutes / (len(kinds) * len(plans)),
    )  # fmt: skip
    orders = [Order(kind, plans, settings, seeds, frames, temperature) for kind in kinds]
    with _bar("listening", as_json) as told:
        material = _material(files or [], data, style, 60.0 * sound, told)
    with _bar("training", as_json) as told:
        result = work.run(material, orders, out, resume, told)
    if as_json:
        typer.echo(json.dumps(result.as_json()))
    else:
        _show(result)


def _material(
    files: list[Path], data: Path | None, style: str, seconds: float,
    told: Callable[[float, str], None],
) -> Material:  # fmt: skip
    from models.pulse.errors import PulseError
    from models.pulse.paper import material, work

    def count(done: int, of: int) -> None:
        told(done / of, f"{done} of {of} recordings")

    if files and data is not None:
        raise PulseError(f"{files[0]} and --data {data}: it is either recordings or takes")
    if files:
        return material.from_files(files, count)
    if data is None:
        raise PulseError("nothing to study: tell recordings, or --data with the folder of gmd/")
    return material.from_takes(work.takes(data, style), seconds, count)


def _show(result: Result) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(f"judged on {result.judged_on}"), soft_wrap=True)
    for found in result.findings:
        told = f"{found.kind.name}: {found.kind.about}; {found.frames['test']} frames judged"
        console.print(Text(told, "bold"))
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("next frame")
        for column in ("accuracy", "bits", "onset F1", "dead, likeliest", "sampled", "density"):
            table.add_column(column, justify="right")
        for row in found.rows:
            s, likeliest, sampled = row.score, row.argmax, row.sampled
            gone = [f"{m.dead + m.stuck:.0%}" if m else "" for m in (likeliest, sampled)]
            dense = f"{sampled.density / max(sampled.true_density, 1e-9):.2f}" if sampled else ""
            scores = (f"{100 * s.accuracy:.1f} %", f"{s.bits:.3f}", f"{s.onset_f1_best:.3f}")
            table.add_row(row.name, *scores, *gone, dense)
        console.print(table)
    for name, figures in result.feels.items():
        swing = f"{figures['off_beat']:.2f} of the beat" if figures["swung"] else "none"
        console.print(
            Text(
                f"feel, {name}: {figures['on_the_beat']:.0%} on the beat, "
                f"{figures['median_ms']:+.1f} ms from it (spread {figures['spread_ms']:.1f}), "
                f"off-beats at {swing}"
            ),
            soft_wrap=True,
        )
    if result.stopped:
        print("stopped; what was learnt is kept, --resume goes on", file=sys.stderr)
    console.print(Text(f"table and pictures: {result.folder}"), soft_wrap=True)


@contextmanager
def _bar(label: str, hidden: bool) -> Iterator[Callable[[float, str], None]]:
    """A progress bar on the terminal, told the share that is done and how it stands."""
    from rich.console import Console

    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        yield lambda done, text: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(label, total=1.0)
        yield lambda done, text: progress.update(task, completed=done, description=text)


__all__ = ["pulse"]
