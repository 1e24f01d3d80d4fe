"""taraf judge: how near a model is to the effect it imitates, and a page to see and hear it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.judging.judge import Judgement, Judging


def judge(
    model: Annotated[str, typer.Argument(help="A model's name in the library, or its file.")],
    pairs: Annotated[Path, typer.Argument(help="A folder of dry and wet sound.")],
    out: Annotated[Path, typer.Option(help="Where the page is written.")] = Path("judged"),
    split: Annotated[
        str | None,
        typer.Option(
            metavar="test|validation|all",
            help="Which pairs to judge on; those held out for the test where there are any.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a model on held-out pairs against the effect and the clean sound.

    Example: taraf judge drive pairs/overdrive
    """
    from models.judging.errors import JudgeError, needed

    with needed("train"):
        from models.judging.judge import Judging
        from models.judging.page import write_page

    if out.exists() and not out.is_dir():
        raise JudgeError(f"--out {out} is a file; the page goes into a folder")
    judging = Judging(str(model), pairs, split)
    _measure(judging, hidden=as_json)
    judgement = judging.judgement()
    path = write_page(judgement, out)
    if as_json:
        typer.echo(json.dumps({**judgement.as_json(), "page": str(path)}))
    else:
        _tell(judgement, path)


def _measure(judging: Judging, hidden: bool) -> None:
    """Measure every pair, with a bar on the terminal."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("measuring", total=len(judging))
        for _ in judging:
            bar.advance(task)


def _tell(judgement: Judgement, path: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from models.judging.page import figure_rows

    console = Console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("distance to the effect", "model", "clean", "nearer by"):
        table.add_column(column, justify="left" if not table.columns else "right")
    for row in figure_rows(judgement.total):
        table.add_row(*row)
    seconds = judgement.total.frames / judgement.sample_rate
    count = f"{len(judgement.heard)} pair{'s' * (len(judgement.heard) > 1)}"
    told = f"{judgement.model} on {count} ({judgement.split}, {seconds:.1f} s)"
    console.print(Text(told, "bold"))
    console.print(table)
    if judgement.alias_db is not None:
        console.print(f"aliasing and noise between harmonics: {judgement.alias_db:.1f} dB")
    for warning in judgement.warnings:
        console.print(Text(f"note: {warning}", "yellow"))
    console.print(Text(f"page: {path}"), soft_wrap=True)


__all__ = ["judge"]
