"""taraf abx: a blind listening test in the browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from models.judging.abx.sitting import Sitting

INTERRUPTED = 130


def abx(
    a: Annotated[str, typer.Argument(metavar="A", help="A sound file, or a model.")],
    b: Annotated[str, typer.Argument(metavar="B", help="A sound file, or a folder of pairs.")],
    trials: Annotated[int, typer.Option(help="How often it is asked, 1 to 200.")] = 16,
    seconds: Annotated[float, typer.Option(help="Length of an excerpt, 0.5 to 30.")] = 6.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 0,
    name: Annotated[str, typer.Option(help="Who listens, for the results.")] = "listener",
    results: Annotated[Path, typer.Option(help="Where answers are added.")] = Path("abx.csv"),
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask blindly whether X is A or B: two sound files, or a model and the effect of its pairs.

    Example: taraf abx model.wav pedal.wav --trials 16

    Example: taraf abx drive pairs/overdrive --name Ana
    """
    from models.judging.errors import needed

    with needed("train"):
        from models.judging.abx import results as table
        from models.judging.abx.excerpts import material
        from models.judging.abx.server import Listening
        from models.judging.abx.sitting import Sitting

    table.check_listener(name)
    table.check_file(results)
    heard = material(a, b, seconds)
    sitting = Sitting(trials, len(heard.excerpts))
    listening = Listening(heard, sitting, port)
    typer.echo(f"listen at {listening.url}  (Ctrl-C ends it)", err=True)
    try:
        listening.run(lambda: _open(listening.url) if open_ else None)
    except KeyboardInterrupt:
        pass
    finally:
        table.append(results, name, heard.a, heard.b, sitting)
    _tell(sitting, {"a": heard.a, "b": heard.b, "listener": name, "results": str(results)}, as_json)
    if not sitting.finished:
        raise typer.Exit(INTERRUPTED)


def _open(url: str) -> None:
    """Ask for a browser; that there is none is no mistake, for the address has been told."""
    import webbrowser

    webbrowser.open(url)


def _tell(sitting: Sitting, about: dict[str, Any], as_json: bool) -> None:
    count, right, p = sitting.number, sitting.correct, sitting.p_value
    if as_json:
        figures = {"trials": count, "correct": right, "p": p, "finished": sitting.finished}
        typer.echo(json.dumps({**about, **figures}))
        return
    if not sitting.finished:
        where = f"saved as unfinished in {about['results']}" if count else "nothing to save"
        typer.echo(f"ended after {count} of {len(sitting.trials)} trials; {where}")
        return
    meaning = "they can be told apart" if p < 0.05 else "not shown that they can be told apart"
    typer.echo(f"{right} of {count} right, p = {p:.3g}: {meaning}; saved in {about['results']}")


__all__ = ["abx"]
