"""taraf models: the player's library of models, and what comes with taraf."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from engine.commands.listing import AsJson

if TYPE_CHECKING:
    from engine.commands.model_progress import Bar
    from engine.library import Card, Library, Outcome

ADDED, REFUSED = 0, 1
FOUND, NOTHING = 0, 1


class _Group(TyperGroup):
    """The commands, and below their list where the library is: asked for only when shown."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from rich.markup import escape

        self.epilog = escape(_place())
        super().format_help(ctx, formatter)


models = typer.Typer(
    cls=_Group,
    help="Keep models of amps and pedals: add them, find them, see what they cost.\n\n"
    "Neural Amp Modeler (.nam, .namb), GuitarML and AIDA-X (.json, .aidax), alone, in folders "
    "or in ZIP archives. Without a command, list them.",
)


class Order(StrEnum):
    """What a list is sorted by."""

    name = "name"
    gear = "gear"
    added = "added"
    loudness = "loudness"
    cost = "cost"
    size = "size"


@models.callback(invoke_without_command=True)
def _models(context: typer.Context, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_(as_json)
    elif as_json:
        raise typer.BadParameter("it stands behind the command", param_hint="'--json'")


@models.command()
def add(
    paths: Annotated[
        list[Path],
        typer.Argument(  # what cannot be read is refused like what cannot be played
            metavar="PATH...", help="Models, folders of them, or ZIP archives.", readable=False
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Copy models into the library, and measure the loudness of those that do not say it.

    What is there already is not added twice. Exit code 1 if a file was refused.

    Example: taraf models add ~/Downloads/pack.zip ~/amps *.nam
    """
    from engine import library
    from engine.commands.model_progress import Bar

    sources, refused = library.gather(paths)
    outcomes = list(refused)
    with Bar(len(sources), hidden=as_json) as bar:
        for outcome in refused:
            bar.tell(outcome)
        try:
            with closing(library.add(_named(sources, bar))) as added:
                for outcome in added:
                    outcomes.append(outcome)
                    bar.tell(outcome)
        except KeyboardInterrupt:
            bar.sum_up(outcomes, "stopped: ")
            raise
    if as_json:
        typer.echo(json.dumps(_report(outcomes)))
    elif len(outcomes) > 1:
        bar.sum_up(outcomes)
    raise typer.Exit(REFUSED if any(o.state == "refused" for o in outcomes) else ADDED)


@models.command(name="list")
def list_(
    as_json: AsJson = False,
    sort: Annotated[Order, typer.Option(help="By what.")] = Order.name,
) -> None:
    """List your models and those that come with taraf.

    Example: taraf models list --sort cost
    """
    library = _library(as_json)
    cards, unusable = sorted(library.everything(), key=_order(sort)), library.unusable()
    if as_json:
        told = {"models": [card.facts() for card in cards]}
        typer.echo(json.dumps({**told, "library": str(library.folder), "unusable": unusable}))
        return
    _show(cards)
    for line in unusable:
        typer.echo(f"cannot be used: {_printable(line)}", err=True)
    typer.echo(_place(), err=True)


@models.command()
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="All must be found.")],
    as_json: AsJson = False,
) -> None:
    """Find models by name, gear, tone, author, architecture, format or file name.

    Exit code 1 if nothing is found.

    Example: taraf models search marshall crunch
    """
    from engine import library

    cards = library.search(_library(as_json).everything(), words)
    if as_json:
        typer.echo(json.dumps({"models": [card.facts() for card in cards]}))
    elif cards:
        _show(cards)
    else:
        typer.echo(f"nothing matches {' '.join(words)!r}", err=True)
    raise typer.Exit(FOUND if cards else NOTHING)


@models.command()
def info(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE|FOLDER",
            help="In the library, or any file or exported folder. No name starts with a dash.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Tell all about one model, and measure what it costs on this machine.

    Example: taraf models info Obsidian
    """
    from engine.commands.model_facts import examined

    _library(as_json)
    data = examined(name)
    if as_json:
        typer.echo(json.dumps(data))
        return
    from rich.console import Console

    from engine.commands import model_drawing

    model_drawing.model(Console(highlight=False), data)


@models.command()
def remove(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...", help="Models of your library; * and ? stand for letters."
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete models from the library; the files they were added from stay.

    Example: taraf models remove "Obsidian 2" "amp*"
    """
    library = _library(as_json)
    meant = {card.path: card for name in names for card in library.matching(name)}
    cards = list(meant.values()) if yes or _agreed(list(meant.values())) else []
    removed = [library.remove(card.name).name for card in cards]
    if as_json:
        typer.echo(json.dumps({"removed": removed}))
    else:
        for line in [f"removed {name}" for name in removed] or ["nothing removed"]:
            typer.echo(line)


def _agreed(cards: list[Card]) -> bool:
    """Ask whether models are to be deleted; the end of the input means no."""
    said = [f"{card.name} ({card.path})" for card in cards]
    if len(said) > 1:
        typer.echo("\n".join(said), err=True)
        said = [f"these {len(said)} models"]
    typer.echo(f"Delete {said[0]}? [y/N]: ", err=True, nl=False)
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):
        typer.echo("", err=True)
    return answer.strip().casefold() in ("y", "yes")


def _library(quiet: bool) -> Library:
    """Return the library, its missing cards written, and say which they were."""
    from engine.library import Library

    library = Library()
    for card in library.mend():
        if not quiet:
            typer.echo(f"wrote the card of {card.name} (from {card.file})", err=True)
    return library


def _place() -> str:
    from engine.library import user_models

    return _printable(f"your library is {user_models()}; TARAF_MODELS=FOLDER moves it")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def _order(sort: Order) -> Callable[[Card], tuple[Any, ...]]:
    """Return the key of a list; what a model does not tell comes last."""

    def number(value: float | None, sign: int = 1) -> tuple[bool, float]:
        return value is None, sign * (value or 0.0)

    keys: dict[Order, Callable[[Card], tuple[Any, ...]]] = {
        Order.name: lambda card: (),
        Order.gear: lambda card: (not card.make, f"{card.make} {card.model}".casefold()),
        Order.added: lambda card: (not card.added, [-ord(c) for c in card.added]),
        Order.loudness: lambda card: number(card.loudness_db, -1),
        Order.cost: lambda card: number(card.multiply_adds),
        Order.size: lambda card: number(card.size_bytes),
    }
    return lambda card: (keys[sort](card), card.name.casefold())


def _show(cards: list[Card]) -> None:
    from rich.console import Console

    from engine.commands import model_drawing

    model_drawing.models(Console(highlight=False), cards)


def _report(outcomes: list[Outcome]) -> dict[str, Any]:
    def of(state: str) -> list[Outcome]:
        return [outcome for outcome in outcomes if outcome.state == state]

    return {
        "added": [{"source": o.label, **(o.card.facts() if o.card else {})} for o in of("added")],
        "duplicates": [
            {"source": o.label, "name": o.card.name if o.card else ""} for o in of("duplicate")
        ],
        "refused": [{"source": o.label, "reason": o.reason} for o in of("refused")],
        "not_opened": [{"source": o.label, "reason": o.reason} for o in of("closed")],
    }


def _named(sources: list[Any], bar: Bar) -> Iterator[Any]:
    """Pass sources on, and tell the bar which one is next."""
    for source in sources:
        bar.start(source.label)
        yield source


__all__ = ["models"]
