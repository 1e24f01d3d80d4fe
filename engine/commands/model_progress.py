"""What adding models says while it runs: a bar on the terminal, and a line for each model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import typer

if TYPE_CHECKING:
    from engine.library import Outcome


class Bar:
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
            said = {"refused": "refused", "closed": "not opened"}[outcome.state]
            typer.echo(f"{said}: {outcome.label}: {outcome.reason}", err=True)
        elif outcome.state == "duplicate":
            typer.echo(f"already there: {outcome.card.name} ({outcome.label})")
        else:
            from engine.commands.model_drawing import line

            taken = f"; the name {outcome.wanted} was taken" if outcome.wanted else ""
            where = f"(from {outcome.label}{taken})"
            typer.echo(f"added {outcome.card.name} {where}: {line(outcome.card)}")
            for warning in outcome.card.warnings:
                typer.echo(f"warning: {outcome.card.name}: {warning}", err=True)

    def sum_up(self, outcomes: list[Outcome], before: str = "") -> None:
        """Say how many came out how."""
        if self._hidden:
            return
        words = {"added": "added", "duplicate": "already there", "refused": "refused"}
        words["closed"] = "not opened"
        counts = {said: sum(o.state == state for o in outcomes) for state, said in words.items()}
        told = ", ".join(f"{n} {said}" for said, n in counts.items() if n or said == "added")
        typer.echo(before + told, err=bool(before))


__all__ = ["Bar"]
