"""taraf bench: figures beside their peers, measured here and now."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from engine import bench as benches


def bench(
    name: Annotated[
        str, typer.Argument(help="; ".join(f"{k}: {v}" for k, v in benches.known().items()))
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or names of models, for that bench only.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Audio device, where the bench uses one.")
    ] = None,
    block: Annotated[int | None, typer.Option(min=16, max=8192, help="Frames a block.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.5, max=604800.0, help="How long each part runs.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure something and say whether what was promised holds.

    Example: taraf bench callback --device JACK --block 64

    Example: taraf bench models "My Amp.nam"
    """
    from engine.rack import RackError

    if name not in benches.known():
        raise RackError(f"no bench is called {name!r}; there are {', '.join(benches.known())}")
    run = benches.find(name)
    known = inspect.signature(run).parameters
    if files and "files" not in known:
        raise RackError(f"bench {name} takes no files, and was given {files[0]}")
    given: dict[str, Any] = {"files": files, "device": device, "block": block, "seconds": seconds}
    report = run(**{k: v for k, v in given.items() if v is not None and k in known})
    if as_json:
        typer.echo(json.dumps(report.as_json()))
    else:
        _table(report)


def _table(report: benches.Report) -> None:
    from rich.console import Console

    console = Console()
    matrix, rest = _split(report.rows)
    if matrix:
        console.print(_matrix(report.bench, matrix))
    console.print(_list(report.bench, rest))


LISTED = ("ESR", "of clean")
"""Units whose figures are read one by one."""
LEAST_ALIKE = 3
"""Rows that differ only in what stands before their first comma become a line of a matrix."""


def _split(rows: list[benches.Row]) -> tuple[list[benches.Row], list[benches.Row]]:
    """Figures that several subjects have, in one unit, and those to be read line by line."""
    kinds = [(row.name.partition(", ")[2], row.unit) for row in rows]
    alike = [
        kind[0] != "" and kind[1] not in LISTED and kinds.count(kind) >= LEAST_ALIKE
        for kind in kinds
    ]
    matrix = [row for row, same in zip(rows, alike, strict=True) if same]
    rest = [row for row, same in zip(rows, alike, strict=True) if not same or row.target]
    return [row for row in matrix if row.unit in ("us", "%")], rest


def _matrix(title: str, rows: list[benches.Row]) -> Any:
    from rich.table import Table

    columns = list(dict.fromkeys((row.name.partition(", ")[2], row.unit) for row in rows))
    table = Table(title=f"taraf bench {title}")
    table.add_column("", no_wrap=True)
    for name, unit in columns:
        table.add_column(f"{name} {unit}", justify="right")
    found = {(*row.name.partition(", ")[::2], row.unit): row.value for row in rows}
    for subject in dict.fromkeys(row.name.partition(", ")[0] for row in rows):
        values = [found.get((subject, *column)) for column in columns]
        table.add_row(subject, *("" if value is None else f"{value:.3g}" for value in values))
    return table


def _list(title: str, rows: list[benches.Row]) -> Any:
    from rich.table import Table

    table = Table(title=f"taraf bench {title}")
    for heading in ("", "value", "unit", "promised", ""):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    marks = {True: "[green]holds[/]", False: "[red]does not hold[/]", None: ""}
    for row in rows:
        table.add_row(row.name, f"{row.value:g}", row.unit, row.target, marks[row.holds])
    return table
