"""taraf models: the player's library of models, and what comes with taraf."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from engine.commands.listing import AsJson

if TYPE_CHECKING:
    from engine.library import Card, Outcome

ADDED, REFUSED = 0, 1

models = typer.Typer(
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
def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_()


@models.command()
def add(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Models, folders of them, or ZIP archives."),
    ],
    as_json: AsJson = False,
) -> None:
    """Copy models into the library, and measure the loudness of those that do not say it.

    What is there already is not added twice. Exit code 1 if a file was refused.

    Example: taraf models add ~/Downloads/pack.zip ~/amps *.nam
    """
    from engine import library

    sources, refused = library.gather(paths)
    outcomes = list(refused)
    with _Bar(len(sources), hidden=as_json) as bar:
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
    from engine.library import Library

    _show(sorted(Library().everything(), key=_order(sort)), as_json)


@models.command()
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="All must be found.")],
    as_json: AsJson = False,
) -> None:
    """Find models by name, gear, tone, author, architecture, format or file name.

    Example: taraf models search marshall crunch
    """
    from engine import library

    _show(library.search(library.Library().everything(), words), as_json)


@models.command()
def info(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="In the library, or any file.")],
    as_json: AsJson = False,
) -> None:
    """Tell all about one model, and measure what it costs on this machine.

    Example: taraf models info Obsidian
    """
    from engine.commands.model_facts import examined

    data = examined(name)
    if as_json:
        typer.echo(json.dumps(data))
        return
    from rich.console import Console

    from engine.commands import model_drawing

    model_drawing.model(Console(highlight=False), data)


@models.command()
def remove(
    name: Annotated[str, typer.Argument(help="A model of your library.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a model from the library; the file it was added from stays.

    Example: taraf models remove "Obsidian 2"
    """
    from engine.library import Library

    library = Library()
    card = library.find(name)
    if card and not yes:
        typer.confirm(f"Delete {card.name} ({card.path})?", abort=True, err=True)
    typer.echo(f"removed {library.remove(name).name}")


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


def _show(cards: list[Card], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"models": [card.facts() for card in cards]}))
        return
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
    }


def _named(sources: list[Any], bar: _Bar) -> Iterator[Any]:
    """Pass sources on, and tell the bar which one is next."""
    for source in sources:
        bar.start(source.label)
        yield source


class _Bar:
    """A progress bar on the terminal, and a line for each model; silent where ``hidden``."""

    def __init__(self, count: int, hidden: bool) -> None:
        self._hidden = hidden
        self._bar: Any = None
        if not hidden and count > 1:
            from rich.console import Console

            console = Console(stderr=True)
            if console.is_terminal:
                from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

                said = TextColumn("{task.description}", markup=False)
                columns = (BarColumn(), MofNCompleteColumn(), said)
                self._bar = Progress(*columns, console=console, transient=True)
                self._task = self._bar.add_task("", total=count)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def start(self, label: str) -> None:
        """Name the model that is being added."""
        if self._bar:
            self._bar.update(self._task, description=label[-60:])

    def tell(self, outcome: Outcome) -> None:
        """Say what came of one model."""
        if self._bar and outcome.state:
            self._bar.advance(self._task)
        if self._hidden:
            return
        if outcome.card is None:
            typer.echo(f"refused: {outcome.label}: {outcome.reason}", err=True)
        elif outcome.state == "duplicate":
            typer.echo(f"already there: {outcome.card.name} ({outcome.label})")
        else:
            from engine.commands.model_drawing import line

            typer.echo(f"added {line(outcome.card)}")
            for warning in outcome.card.warnings:
                typer.echo(f"warning: {outcome.card.name}: {warning}", err=True)

    def sum_up(self, outcomes: list[Outcome], before: str = "") -> None:
        """Say how many came out how."""
        if self._hidden:
            return
        words = {"added": "added", "duplicate": "already there", "refused": "refused"}
        counts = {said: sum(o.state == state for o in outcomes) for state, said in words.items()}
        told = ", ".join(f"{n} {said}" for said, n in counts.items() if n or said == "added")
        typer.echo(before + told, err=bool(before))


__all__ = ["models"]
