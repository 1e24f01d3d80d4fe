"""Lets a command take ``--on``: it is done on a cluster, and its files come back.

The command is done by the same function, with the same words, in a process there; only the folders
that it reads and writes are where they are brought to.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from models.cluster.errors import ClusterError
from models.cluster.recording import recorded
from models.cluster.unit import Unit
from models.cluster.where import HELP, LOCAL, STORE_HELP, executor

CODE = ("engine", "models", "torch", "numpy")


@dataclass(frozen=True)
class Places:
    """Where a command's files are, as it was called.

    ``reads`` are its arguments that name files or folders. ``run`` and ``model`` are what it will
    write: its run's folder in ``runs``, its result in ``out``; ``plays`` is the plugin that plays
    that. ``more`` are arguments to be told although they were not given.
    """

    kind: str
    title: str
    reads: tuple[str, ...]
    run: Path
    model: Path
    plays: str
    out: str = "out"
    more: Mapping[str, Any] = field(default_factory=dict)


Finder = Callable[[dict[str, Any]], Places]


def elsewhere(command: Callable[..., None], places: Finder) -> Callable[..., None]:
    """The command with ``--on`` and ``--store``; ``places`` tells what it reads and writes."""
    hints = get_type_hints(command, include_extras=True)

    @functools.wraps(command)
    def called(**given: Any) -> None:
        on, store = given.pop("on"), given.pop("store")
        _do(command, places, given, on, store)

    shown = [
        one.replace(annotation=hints[name])
        for name, one in inspect.signature(command).parameters.items()
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    on = Annotated[str, typer.Option(metavar="WHERE", help=HELP)]
    store = Annotated[str | None, typer.Option(metavar="URL", help=STORE_HELP)]
    more = (inspect.Parameter("on", keyword, default=LOCAL, annotation=on),
            inspect.Parameter("store", keyword, default=None, annotation=store))  # fmt: skip
    called.__signature__ = inspect.Signature([*shown, *more])  # type: ignore[attr-defined]
    called.__annotations__ = {**hints, "on": on, "store": store}
    return called


def _do(
    command: Callable[..., None], places: Finder, given: dict[str, Any], on: str, store: str | None
) -> None:
    from engine.jobs import current
    from models.cluster.where import check

    check(on, store)
    if on == LOCAL and current() is None:
        command(**given)
        return
    told = places(given)
    with recorded(told.kind, told.title, always=on != LOCAL) as record:
        assert record is not None
        record.watch(told.run)
        if on == LOCAL:
            command(**given)
        else:
            _send(command, {**given, **told.more}, told, on, store)
        if told.model.exists():
            record.made(told.model, told.plays, {})


def _send(
    command: Callable[..., None], given: dict[str, Any], places: Places, on: str, store: str | None
) -> None:
    from models.cluster.packing import content_hash
    from models.cluster.refusing import refuse
    from models.cluster.staging import Stages
    from models.cluster.unit import File, Program

    paths, reads = {}, {}
    for name in places.reads:
        values = given[name] if isinstance(given[name], list) else [given[name]]
        for number, path in enumerate(value for value in values if value is not None):
            if not Path(path).exists():
                raise ClusterError(f"{path}: there is no such file or folder")
            whole = Path(path).absolute()
            paths[f"read {name} {number}"] = str(whole)
            reads[f"read {name} {number}"] = File(str(whole), content_hash(whole))
    run, model = places.run.absolute(), places.model.absolute()
    refuse(places.plays, places.run, places.model, bool(given.get("resume")))
    with Stages() as stages:
        before = stages.copy(run) if run.is_dir() else None
        if before:
            paths["before"] = str(before)
            reads["before"] = File(paths["before"], content_hash(before))
        writes = {"run": str(stages.beside(run))}
        if model.parent != run:
            writes["model"] = str(stages.beside(model))
        task = {
            "function": f"{command.__module__}:{command.__name__}", "given": _plain(given),
            "words": sys.argv[1:], "out": places.out if "model" in writes else "",
            **paths, **writes,
        }  # fmt: skip
        unit = Unit(places.title, task, reads, writes)
        with executor(on, None, store) as there:
            (outcome,) = there.run(Program("models.cluster.calling", code=CODE), [unit], False)
        _settle(places, unit, before)
    sys.stderr.write(outcome.answer.get("said", ""))
    typer.echo(outcome.answer.get("printed", ""), nl=False)
    if outcome.error:
        raise ClusterError(outcome.error)
    if code := outcome.answer.get("code"):
        raise typer.Exit(code)


def _settle(places: Places, unit: Unit, before: Path | None) -> None:
    """Put what came in its place: it was written there where the disk is the same one."""
    from models.cluster.staging import put, put_whole

    if (run := Path(unit.writes["run"])).is_dir():
        put(run, places.run, before)
    if "model" not in unit.writes or not (model := Path(unit.writes["model"])).exists():
        return
    if places.plays == "model":  # its network may have another name than the one before it
        put_whole(model, places.model)
    else:
        put(model, places.model)


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON; paths become text."""
    told: dict[str, Any] = json.loads(json.dumps(given, default=str))
    return told


__all__ = ["Places", "elsewhere"]
