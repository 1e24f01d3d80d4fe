"""taraf sweep: many trainings with other settings, the poor ones ended early; the best is kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from models.cluster.where import HELP, LOCAL, STORE_HELP

if TYPE_CHECKING:
    from engine.jobs import Record
    from models.cluster.sweep.ledger import Part
    from models.cluster.sweep.run import Running, Summary
    from models.cluster.sweep.spec import Sweep

FEW = 8
"""Trainings that are listed at the end, best first."""


def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="What is swept.")],
    on: Annotated[str, typer.Option(metavar="WHERE", help=HELP)] = LOCAL,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Trainings at a time; one a core.")
    ] = None,
    store: Annotated[str | None, typer.Option(metavar="URL", help=STORE_HELP)] = None,
    runs: Annotated[Path, typer.Option(help="Where the sweep's folder goes.")] = Path(
        "runs/sweeps"
    ),
    out: Annotated[
        Path | None, typer.Option(help="Folder for the best model's; your own unless given.")
    ] = None,
    budget_minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Instead of the file's: for the whole, in all.")
    ] = None,
    log: Annotated[Path | None, typer.Option(help="Where what trainers print goes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find settings: train with many, end the poor ones early, make the best one a model.

    Stopped, the same command goes on where it was. When the budget is spent nothing new is begun.

    Example: taraf sweep fuzz.toml --on ray
    """
    import os
    from dataclasses import replace

    from models.cluster.recording import recorded
    from models.cluster.sweep.errors import StoppedError
    from models.cluster.sweep.run import Running
    from models.cluster.sweep.spec import read_sweep
    from models.cluster.where import executor

    wanted = read_sweep(file)
    if budget_minutes is not None:
        wanted = replace(wanted, budget_minutes=budget_minutes)
    target = _target(wanted, out)
    place = str(log.absolute()) if log else os.devnull
    Path(place).open("ab").close()
    title = f"{wanted.trainer} {wanted.name}"
    with recorded("sweep", title, always=True) as record, executor(on, jobs, store) as there:
        assert record is not None
        shown = _Shown(wanted, record, as_json)
        running = Running(
            wanted, runs / wanted.name, there, shown.part, lambda: record.asked_to_stop, place
        )
        shown.begin(running)
        try:
            found = running.run()
        except StoppedError as stopped:
            print(f"{stopped}; the same command begins anew", file=sys.stderr)
            if as_json:
                typer.echo(json.dumps({"model": None, "parts": 0, "stopped": "asked"}))
            return
        told = running.export(found.best, target)
        scores = {wanted.metric: found.best.part.metric, **_short(told)}
        record.made(target, running.trainer.plays, scores)
    if as_json:
        typer.echo(json.dumps(_as_json(wanted, found, target, told)))
    else:
        _show(wanted, found, target, running.trainer.plays)


def _target(wanted: Sweep, out: Path | None) -> Path:
    """The best model's folder, whose place is made before hours are spent."""
    from engine.library import user_models
    from models.effects.deploy import checked_name

    target = (out or user_models()) / wanted.name
    checked_name(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


class _Shown:
    """Tells of each part as it comes: to the terminal and to the job's record."""

    def __init__(self, wanted: Sweep, record: Record, quiet: bool) -> None:
        from engine.jobs.view import read

        self._sweep, self._record, self._quiet = wanted, record, quiet
        self._best: float | None = None
        self._running: Running | None = None
        told = read(record.folder)  # what an earlier go told is not told again
        self._reached = {name: points[-1][0] for name, points in told.curves.items()}
        self._heard = {path for _, path in told.previews}

    def begin(self, running: Running) -> None:
        """The sweep whose parts come."""
        self._running = running

    def part(self, part: Part, out: int) -> None:
        """A part is done."""
        assert self._running is not None
        sweep, record = self._sweep, self._record
        done = sum(one.rung == 0 for one in self._running.ledger.parts) / len(self._running.trials)
        name = f"trial {part.trial}"
        self._draw(name, part)
        folder = self._running.place(part.trial, part.rung)
        for path in (folder / preview for preview in part.previews):
            if path not in self._heard:
                self._heard.add(path)
                record.preview(path, f"{name}: {path.stem}")
        better = part.metric is not None and (
            self._best is None or (part.metric < self._best) == (sweep.mode == "min")
        )
        if better:
            self._best = part.metric
        told = f"{name} at {100 * part.share:.0f} %: {_figure(part.metric)}"
        record.progress(min(done, 1.0), f"{told}; best {_figure(self._best)}")
        if not self._quiet:
            params = ", ".join(f"{k} = {v}" for k, v in part.params.items()) or "as usual"
            what = part.error or f"{sweep.metric} {_figure(part.metric)}"
            print(
                f"trial {part.trial:<3d} {100 * part.share:5.1f} %  {what}  ({params})",
                file=sys.stderr, flush=True,
            )  # fmt: skip

    def _draw(self, name: str, part: Part) -> None:
        """Go on with a trial's curve: each part's history begins where the training did."""
        unit = self._sweep.metric
        points = [
            (float(row.get("seconds", row.get("step", 0.0))), y)
            for row in part.history
            if isinstance(y := row.get(unit), int | float)
        ]
        if not points and part.metric is not None:
            points = [(part.share, part.metric)]
        reached = self._reached.get(name, -1.0)
        for x, y in points:
            if x > reached:
                self._record.point(name, x, y, unit)
                self._reached[name] = x


def _figure(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.4g}"


def _short(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if isinstance(value, int | float)}


def _as_json(wanted: Sweep, found: Summary, target: Path, told: dict[str, Any]) -> dict[str, Any]:
    best = found.best.part
    return {
        "model": str(target), "metric": wanted.metric, "value": best.metric, "trial": best.trial,
        "params": best.params, "trials": found.trials, "parts": len(found.parts),
        "failed": sum(bool(part.error) for part in found.parts), "spent": round(found.spent, 4),
        "stopped": found.stopped, "seconds": round(found.seconds, 1), "card": told,
    }  # fmt: skip


def _show(wanted: Sweep, found: Summary, target: Path, plays: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    last = {part.trial: part for part in sorted(found.parts, key=lambda part: part.rung)}
    sign = 1.0 if wanted.mode == "min" else -1.0
    good = [part for part in last.values() if part.metric is not None]
    order = sorted(good, key=lambda part: (-part.rung, sign * (part.metric or 0.0)))
    console, table = Console(), Table(box=None, pad_edge=False, header_style="dim")
    for column in ("trial", "trained", wanted.metric, "with"):
        table.add_column(Text(column), justify="left" if column == "with" else "right")
    for part in order[:FEW]:
        told = ", ".join(f"{k} = {v}" for k, v in part.params.items()) or "as usual"
        row = (str(part.trial), f"{100 * part.share:.0f} %", _figure(part.metric), told)
        table.add_row(*map(Text, row), style="bold" if part is found.best.part else "")
    console.print(table)
    failed = sum(bool(part.error) for part in found.parts)
    more = f", {failed} failed" if failed else ""
    ends = {"budget": "; the budget is spent", "asked": "; stopped, the same command goes on"}
    console.print(
        Text(
            f"{found.trials} trainings in {found.seconds:.0f} s, {100 * found.spent:.0f} % of "
            f"training all to the end{more}{ends.get(found.stopped, '')}"
        ),
        soft_wrap=True,
    )
    console.print(Text(f"model: {target}"), soft_wrap=True)
    if plays == "model":
        console.print(Text(f"play it: taraf live --model {target.name}", "bold"), soft_wrap=True)


__all__ = ["sweep"]
