"""While it sounds: the screen, or lines without one; and what it came to."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import typer


def follow(session: Any, quiet: bool) -> None:
    """Show the screen, or only the warnings, until the sound ends; keys play the desk."""
    from engine.control.health import Health
    from engine.control.keys import Keys

    keys, health = Keys(session.desk), Health(session.desk)
    keys.start()
    health.start()
    try:
        _show(session, quiet, lambda seconds: session.host.wait(seconds) or keys.stopped.is_set())
    finally:
        keys.close()
        health.close()


def _show(session: Any, quiet: bool, over: Callable[[float], bool]) -> None:
    if quiet or not sys.stderr.isatty():
        _say(session, quiet)
        while not over(0.2):
            pass
        return
    from rich.console import Console
    from rich.live import Live

    from engine.screen import draw

    console = Console(stderr=True)
    for warning in session.warnings:
        console.print(f"[yellow]{warning}[/]", highlight=False)
    with Live(console=console, refresh_per_second=8, transient=True) as screen:
        while not over(0.12):
            statistics, said = session.host.statistics(), session.log.recent()
            screen.update(draw(session.desk, statistics, session.latency_ms, said))


def _say(session: Any, quiet: bool) -> None:
    """Without a screen each message is a line, as it comes."""
    for line in session.log.lines if quiet else [*session.warnings, *session.log.lines]:
        typer.echo(line, err=True)
    session.log.tell = lambda text: typer.echo(text, err=True)


def tell(result: dict[str, Any], as_json: bool) -> None:
    """Say what a performance came to; leaves with code 1 if not all was recorded."""
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _tell(result)
    leave_if_cut(result)


def leave_if_cut(result: dict[str, Any]) -> None:
    """Leave with code 1 if not all was recorded."""
    if faults(result):
        raise typer.Exit(1)


def faults(result: dict[str, Any]) -> list[str]:
    """Why not all of a performance was recorded; none if it was, or nothing should have been."""
    return [fault for take in _recorded(result) for fault in take.get("faults", [])]


def _recorded(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Every take, the one that ran to the end last."""
    return [*result["takes"], *([result["recorded"]] if result.get("recorded") else [])]


def _tell(result: dict[str, Any]) -> None:
    typer.echo(
        f"{result['preset']}: {result['blocks']} blocks of {result['blocks_due']} due, "
        f"{result['late']} late; callback p50 {result['p50_percent']:.1f} %, "
        f"p99 {result['p99_percent']:.1f} %, worst {result['max_percent']:.1f} % of its time; "
        f"latency {result['latency_ms']:.2f} ms"
    )
    for event in result["events"]:
        typer.echo(f"  {event['seconds']:.1f} s: {event['message']}")
    for fault in faults(result):
        typer.echo(f"  not all was recorded: {fault}", err=True)
    for take in _recorded(result):
        typer.echo(f"  dry: {take['dry']}  wet: {take['wet']}")
