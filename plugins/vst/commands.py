"""taraf vst: which VST3 and Audio Unit plug-ins there are, and which cannot be used, and why."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugins.vst.cache import Bad, Found, Record

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name that the list shows, or a file.")]
Part = Annotated[str, typer.Option(help="Which plug-in, where a file holds several.")]

vst = typer.Typer(
    help="Find VST3 and Audio Unit plug-ins, see their parameters, and why one cannot be used.",
    no_args_is_help=True,
)


@vst.command()
def scan(
    places: Annotated[
        list[Path] | None, typer.Argument(help="Folders or plug-ins; the usual ones if none.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Try bad ones once more.")] = False,
    timeout: Annotated[
        float, typer.Option(min=1.0, max=600.0, help="Seconds a plug-in may say nothing.")
    ] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Look into every plug-in once, each in a process of its own; what is known is not redone.

    Example: taraf vst scan

    Example: taraf vst scan ~/plugins --again --timeout 60
    """
    from plugins.vst.errors import VstError
    from plugins.vst.scan import found_in
    from plugins.vst.scan import scan as run

    for place in places or ():
        if not os.path.exists(place):  # of Path, it raises where one may not look
            raise VstError(f"{place}: there is no such folder or plug-in")
    paths = found_in(places or ())
    records: list[Record] = []
    with _bar(len(paths)) as step:
        found = run(paths, timeout, again)
        for path in paths:
            step(path.stem)
            records.append(next(found))
    _tell_all(records, as_json)
    if not paths and not as_json:
        typer.echo(_nowhere(places or ()))


@vst.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List what scans found, and what cannot be used.

    Example: taraf vst list --json
    """
    from plugins.vst.cache import everything

    records = [one for one in everything() if os.path.exists(one.path)]
    _tell_all(records, as_json)
    if not records and not as_json:
        typer.echo("nothing was scanned yet; taraf vst scan looks for plug-ins")


@vst.command()
def info(name: Name, part: Part = "", as_json: AsJson = False) -> None:
    """Show one plug-in: what it takes, how late it is, and every parameter.

    Example: taraf vst info ZamTube
    """
    found = _found(name, part)
    about = {**_about(found), "parameters": _parameters(found)}
    if as_json:
        typer.echo(json.dumps(about))
        return
    _show(found, about)


@vst.command()
def edit(
    name: Name,
    part: Part = "",
    state: Annotated[str, typer.Option(help="Where it starts from, as a preset has it.")] = "",
    program: Annotated[str, typer.Option(help="A .vstpreset file to start from.")] = "",
    as_json: AsJson = False,
) -> None:
    """Open a plug-in's own window; when it is closed, print what `state` of a preset then takes.

    Example: taraf vst edit ZamTube
    """
    import math

    from plugins.vst.errors import VstError
    from plugins.vst.trial import attempt

    found = _found(name, part)
    request = {"do": "edit", "path": str(found.path), "part": found.part}
    outcome = attempt({**request, "state": state, "program": program}, math.inf)
    if not outcome.plugins:
        raise VstError(f"{found.path}: {outcome.refused[0][1]}")
    told = outcome.plugins[0]["state"]
    typer.echo(json.dumps({"path": str(found.path), "state": told}) if as_json else told)


@vst.command()
def forget(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names or files.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that scans found.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget what a scan found: the next scan, or preset, looks anew. No plug-in is removed.

    Example: taraf vst forget ZamVerb
    """
    from plugins.vst import cache
    from plugins.vst.errors import VstError

    if bool(names) == everything:
        raise VstError("nothing says what to forget: give names, or --all")
    records = cache.everything()
    chosen = records if everything else [_named(name, records) for name in names or ()]
    for record in chosen:
        cache.forget(record.path)
    paths = [str(record.path) for record in chosen]
    typer.echo(json.dumps({"forgotten": paths}) if as_json else f"forgotten: {len(paths)}")


def _named(name: str, records: Sequence[Record]) -> Record:
    from plugins.vst.errors import VstError

    for record in records:
        called = {one.name.casefold() for one in record.plugins}
        called |= {one.name.casefold() for one in record.bad}
        if name.casefold() in called or str(Path(name).absolute()) == str(record.path):
            return record
    raise VstError(f"{name}: no scan found a plug-in of that name; `taraf vst list` shows all")


def _found(name: str, part: str) -> Found:
    from plugins.vst.finding import Wish, find

    return find(Wish(name, part, "", "", Path()))


@contextmanager
def _bar(count: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on the terminal; nothing where errors are written to a file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    said = TextColumn("{task.description}", markup=False)
    columns = (BarColumn(), MofNCompleteColumn(), said)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=count, completed=-1)
        yield lambda name: progress.update(task, advance=1, description=name[-60:])


def _nowhere(places: Sequence[Path]) -> str:
    from plugins.vst.folders import standard

    looked = ", ".join(str(one) for one in places or standard())
    return f"no plug-in is in {looked}; name folders, or set VST3_PATH"


def _tell_all(records: Sequence[Record], as_json: bool) -> None:
    good = [one for record in records for one in record.plugins]
    bad = [one for record in records for one in record.bad]
    if as_json:
        document = {"plugins": [_about(one) for one in good], "bad": [_fault(one) for one in bad]}
        typer.echo(json.dumps(document))
        return
    from rich.console import Console

    from engine.commands.drawing import _table, _text

    console = Console(highlight=False)
    if good:
        table = _table("plug-in", "vendor", "version", "kind", "channels", "late")
        for one in good:
            cells = (one.vendor, one.version, _kind(one), _channels(one), _late(one))
            table.add_row(_text(one.name, "bold"), *map(_text, cells))
        console.print(table)
    for fault in bad:
        console.print(_text(f"cannot be used: {fault.name} ({fault.path}): {fault.reason}", "red"))


def _fault(bad: Bad) -> dict[str, Any]:
    return {"name": bad.name, "path": str(bad.path), "reason": bad.reason}


def _about(found: Found) -> dict[str, Any]:
    return {
        "name": found.name,
        "path": str(found.path),
        "part": found.part,
        "vendor": found.vendor,
        "version": found.version,
        "category": found.category,
        "instrument": found.instrument,
        "channels": list(found.channels),
        "latency_samples": found.latency,
    }


def _kind(found: Found) -> str:
    return "instrument" if found.instrument else found.category.removeprefix("Fx|") or "effect"


def _channels(found: Found) -> str:
    return " or ".join(str(one) for one in found.channels)


def _late(found: Found) -> str:
    """Its latency in samples, with the rates where it is not always the same."""
    if len(set(found.latency.values())) <= 1:
        return str(next(iter(found.latency.values()), 0))
    return ", ".join(f"{late} at {rate}" for rate, late in found.latency.items())


def _parameters(found: Found) -> dict[str, dict[str, Any]]:
    shown = {}
    for control in found.controls:
        param = control.param()
        shown[control.name] = {
            "title": control.title,
            "default": param.plain(param.default),
            "minimum": param.minimum,
            "maximum": param.maximum,
            "unit": param.unit,
            "choices": list(param.choices),
            "allowed": param.allowed,
            "midi": param.midi,
        }
    return shown


def _show(found: Found, about: dict[str, Any]) -> None:
    from rich.console import Console

    from engine.commands.drawing import _number, _table, _text

    console = Console(highlight=False)
    console.print(_text(f"{found.name} {found.version}", "bold"), _text(found.vendor))
    console.print(
        _text(f"{_kind(found)}, {_channels(found)} channels, {_late(found)} samples late")
    )
    console.print(_text(found.path))
    table = _table("parameter", "default", "allowed", "what the plug-in calls it")
    for name, row in about["parameters"].items():
        cells = (_number(row["default"]), row["allowed"], row["title"])
        table.add_row(_text(name, "bold"), *map(_text, cells))
    console.print(table)


__all__ = ["vst"]
