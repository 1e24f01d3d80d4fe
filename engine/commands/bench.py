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
        str, typer.Argument(help="; ".join(f"{k}: {v}" for k, v in benches.BENCHES.items()))
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to measure, where the bench takes any.")
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
    """
    from engine.rack import RackError

    if name not in benches.BENCHES:
        raise RackError(f"no bench is called {name!r}; there are {', '.join(benches.BENCHES)}")
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
    from rich.table import Table

    table = Table(title=f"taraf bench {report.bench}")
    for heading in ("", "value", "unit", "promised", ""):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    marks = {True: "[green]holds[/]", False: "[red]does not hold[/]", None: ""}
    for row in report.rows:
        table.add_row(row.name, f"{row.value:g}", row.unit, row.target, marks[row.holds])
    Console().print(table)
