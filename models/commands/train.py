"""taraf train: from recordings to a model that plays live."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from models.cluster import commands
from models.cluster.elsewhere import elsewhere
from models.commands.follower import pulse
from models.commands.morph import morph
from models.commands.rhythm import rhythm

if TYPE_CHECKING:
    from engine.artefact import Artefact
    from models.effects.auto import Choice

train = typer.Typer(help="Train models that play live.", no_args_is_help=True)


@train.callback()
def _train() -> None:
    """Train models that play live."""


def effect(
    pairs: Annotated[Path, typer.Argument(help="A folder of dry and wet sound.")],
    name: Annotated[
        str | None, typer.Option(help="What the model is called; the folder's name unless given.")
    ] = None,
    arch: Annotated[
        str,
        typer.Option(
            help="auto tries all that fits; grey only effects of known structure; or the name of "
            "one: linear, echo, compression, modulation, phaser, pitch, ssm, lstm, wavenet-a2, ..."
        ),
    ] = "auto",
    minutes: Annotated[
        float, typer.Option(min=0.01, max=10_000.0, help="For networks; grey boxes need less.")
    ] = 5.0,
    about: Annotated[str, typer.Option(help="One line for the card.")] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the model's folder; your own models unless given."),
    ] = None,
    runs: Annotated[
        Path, typer.Option(help="Folder for checkpoints, curves for TensorBoard and previews.")
    ] = Path("runs"),
    resume: Annotated[
        bool, typer.Option(help="Go on from the last checkpoint; --minutes is for the whole.")
    ] = False,
    loss: Annotated[
        str, typer.Option(help="Terms and weights: esr, emphasised, dc, stft.")
    ] = "esr=1,emphasised=1",
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="The same seed makes the same start.")
    ] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor cores to use.")] = 2,
    accelerator: Annotated[str, typer.Option(help="auto, cpu, gpu.")] = "auto",
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="late|clipped", help="What is no fault of these pairs. May be repeated."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn an effect from pairs and make it a model that plays live by its name.

    Ctrl-C keeps the best that was found so far.

    Example: taraf train effect pairs/fuzz --minutes 5
    """
    from models.judging.errors import needed

    with needed("train"):
        from models.effects import auto
        from models.effects.deploy import deploy, make_sure, plain_name
        from models.effects.losses import parse_loss
        from models.effects.training import Settings
    from engine.library import user_models
    from models.pairs.checks import checked_pairs

    auto.check_name(arch)
    known_loss = parse_loss(loss)
    opened = checked_pairs(pairs, allow or ())
    called = plain_name(name or pairs.resolve().name)
    if name is not None and called != name:
        _tell(f"the model is called {called}")
    folder = (out or user_models()) / called
    make_sure(folder)
    settings = Settings(
        minutes=minutes,
        loss=known_loss,
        seed=seed,
        threads=threads,
        accelerator=accelerator,
        folder=runs / called,
    )
    with needed("train"):  # what trains comes in when a network is to be trained
        choice = auto.choose(opened, arch, settings, _tell, resume)
    best = choice.best
    if resume and choice.trained is not None and choice.trained.stopped == "budget":
        _tell(f"{minutes:g} minutes are trained in all; more with a larger --minutes")
    _tell_replaced(folder)
    trained: dict[str, Any] = {
        "command": _command(),
        "pairs": f"{len(opened.pairs)} pairs, {opened.seconds:.0f} s",
        "esr": float(f"{best.score.esr:.3g}"),
        "mel_db": float(f"{best.score.mel_db:.3g}"),
    }
    told = about or f"Learnt from {pairs.resolve().name}"
    artefact = deploy(best.candidate, folder, told, trained)
    if as_json:
        typer.echo(json.dumps(_as_json(choice, artefact)))
    else:
        _show(choice, artefact)


train.command("effect")(elsewhere(effect, commands.effect))
train.command("pulse")(elsewhere(pulse, commands.pulse))
train.command("rhythm")(elsewhere(rhythm, commands.rhythm))
train.command("morph")(elsewhere(morph, commands.morph))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _tell_replaced(folder: Path) -> None:
    """Say which model is about to be replaced, and how near it was to its effect."""
    from engine.artefact import ArtefactError, open_artefact

    if folder.exists():
        try:
            error = open_artefact(folder).trained.get("esr", "not told")
        except ArtefactError:
            error = "not told"
        _tell(f"{folder.name} was there (ESR {error}) and is replaced; --name keeps both")


def _command() -> str:
    """The command that was given, as one would type it again."""
    return shlex.join(["taraf", *sys.argv[1:]])


def _as_json(choice: Choice, artefact: Artefact) -> dict[str, Any]:
    return {
        "model": str(artefact.path),
        "name": artefact.name,
        "architecture": artefact.architecture,
        **choice.best.score.as_json(),
        "why": list(choice.best.candidate.why),
        "tried": [{"name": one.candidate.name, **one.score.as_json()} for one in choice.tried],
        "notes": list(choice.notes),
    }


def _show(choice: Choice, artefact: Artefact) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from engine.library import user_models

    console = Console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("tried", "ESR, held out", "mel distance", "clean"):
        first = not table.columns
        justify: Literal["left", "right"] = "left" if first else "right"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=first)
    for one in choice.tried:
        score = one.score
        row = (f"{score.esr:.2g}", f"{score.mel_db:.2f}\xa0dB", f"{score.clean_mel_db:.2f}\xa0dB")
        table.add_row(one.candidate.name, *row, style="bold" if one is choice.best else "")
    console.print(table)
    for line in choice.best.candidate.why:
        console.print(Text(f"  {line}"))
    console.print(Text(f"model: {artefact.path}"), soft_wrap=True)
    by_name = artefact.path.parent.resolve() == user_models().resolve()
    called = artefact.name if by_name else shlex.quote(str(artefact.path))
    console.print(Text(f"play it: taraf live --model {called}", "bold"), soft_wrap=True)
