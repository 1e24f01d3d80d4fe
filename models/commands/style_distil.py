"""taraf style distil: a style as a small network that plays live."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.commands.style_shown import interrupted

if TYPE_CHECKING:
    from engine.artefact import Artefact
    from models.style.distil.distilling import Distilled

MINUTES, CONTENT_S, ITERATIONS = 15.0, 240.0, 100


def distil(
    style: Annotated[Path, typer.Argument(help="A recording in the style.")],
    name: Annotated[
        str | None, typer.Option(help="What the model is called; the file's name unless given.")
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.01, max=10_000.0, help="Of training, once the pairs are made.")
    ] = MINUTES,
    content: Annotated[
        list[Path] | None,
        typer.Option(help="Your own sound to learn from, instead of ours. May be repeated."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=5.0, max=36_000.0, help="Of content that is transferred.")
    ] = CONTENT_S,
    iterations: Annotated[
        int, typer.Option(min=1, max=10_000, help="Of each transfer.")
    ] = ITERATIONS,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the model's folder; your own models unless given."),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder for pairs, checkpoints and previews.")] = Path(
        "runs/distil"
    ),
    resume: Annotated[
        bool, typer.Option(help="Go on from the last checkpoint; --minutes is for the whole.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Of contents and weights.")] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor cores to use.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn to do live, a few ms late, what a transfer to one style does.

    First varied content is transferred; then a small causal network learns from these pairs.
    Pairs are kept: a second training of the same does not make them again. Ctrl-C keeps the best.

    Example: taraf style distil gong.wav --name gong
    """
    from models.judging.errors import needed

    with needed("train"):
        import torch

        from models.effects.deploy import make_sure, plain_name
        from models.effects.training.loop import interruptible
        from models.style.distil.distilling import distil as distilled
        from models.style.distil.distilling import export
        from models.style.distil.settings import Job
        from models.style.sound import read
    from engine.library import user_models

    called = plain_name(name or style.stem)
    if name is not None and called != name:
        print(f"the model is called {called}", file=sys.stderr, flush=True)
    folder = (out or user_models()) / called
    job = Job(minutes=minutes, content_s=seconds, iterations=iterations, seed=seed).check()
    recording, given = read(style), [read(path) for path in content or ()]
    make_sure(folder)
    torch.set_num_threads(threads)
    with _bar() as bar, interruptible() as asked:
        tasks = {word: bar.add_task(word, total=1.0, told="") for word in ("pairs", "training")}

        def making(done: float) -> None:
            bar.update(tasks["pairs"], completed=done)

        def told(progress: Any) -> None:
            left = f"{100.0 * progress.left:.0f} % of the way left"
            bar.update(tasks["training"], completed=progress.done, told=left)

        found = distilled(
            recording, job, runs / called, given,
            resume=resume, making=making, told=told, stop=lambda: bool(asked),
        )  # fmt: skip
    if found.stopped:
        interrupted(runs / called)
    command = shlex.join(["taraf", *sys.argv[1:]])
    _finish(found, export(found, folder, command, style.stem), as_json)


def _finish(found: Distilled, artefact: Artefact, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"model": str(artefact.path), **found.as_json()}))
        return
    print(f"{artefact.path}: taraf live --model {artefact.name}")
    print("what is left of the way to the style on contents it has not heard (median):")
    for word, reached in (
        ("one fixed equaliser", found.equaliser),
        ("the model", found.played),
        ("the transfer itself", found.transfer),
    ):
        print(f"  {word:22} {100.0 * reached.style:5.1f} %")


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = ("{task.description}", BarColumn(), "{task.percentage:3.0f} %", TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[told]}"), console=Console(stderr=True))


__all__ = ["distil"]
