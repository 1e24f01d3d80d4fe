"""taraf sampler score: how good a dream is, measured against what was learnt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.text import Text

    from models.sampler.score import Scored

COLOURS = {"High": "green", "Medium": "yellow", "Low": "red"}


def score(
    out: Annotated[Path, typer.Argument(help="The sound to be judged: a dream, a preview.")],
    source: Annotated[Path, typer.Option(help="The recording it was learnt from.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a dream against its source: artefacts, likeness, literal copies, stuck loops.

    Each value is High, Medium or Low, each criterion is as good as its worst value, and a dream
    passes if nothing is Low. Any length, format and rate.

    Example: taraf sampler score dream.wav --source clair.flac
    """
    from models.judging.errors import needed

    with needed("train"):
        import librosa  # noqa: F401
        import scipy  # noqa: F401

        from models.sampler.score.files import score_file

    scored = score_file(out, source)
    if as_json:
        told = {"sound": str(out), "source": str(source), **scored.as_json()}
        typer.echo(json.dumps(told))
    else:
        _tell(scored, out, source)


def _tell(scored: Scored, out: Path, source: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from models.sampler.score import CRITERIA, LIMITS

    console = Console()
    console.print(Text(f"{out} against {source}", "bold"), soft_wrap=True)
    console.print(Text(f"{scored.seconds:.1f} s, compared at {scored.rate} Hz", "dim"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "", "value", "High", "Medium", "", "grade"):
        table.add_column(
            heading, justify="right" if heading in ("value", "High", "Medium") else "left"
        )
    for criterion, about in CRITERIA.items():
        table.add_row(
            Text(criterion, "bold"), Text(about, "bold"), "", "", "", "",
            _coloured(scored.grades[criterion], "bold"),
        )  # fmt: skip
        for name in scored.names(criterion):
            limit = LIMITS[name]
            table.add_row(
                Text(name, "dim"), limit.told, f"{scored.values[name]:.2f}", *limit.bounds(),
                Text(limit.unit, "dim"), _coloured(scored.value_grades[name]),
            )  # fmt: skip
    console.print(table)
    for note in scored.notes:
        console.print(Text(f"note: {note}", "yellow"))
    console.print(Text.assemble(scored.verdict, f"; merit {scored.merit:.2f} of 1"))


def _coloured(grade: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(grade, f"{style} {COLOURS[grade]}".strip())


__all__ = ["score"]
