"""Finds by entry point the commands and benches that other packages add; imports nothing heavy."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points
from typing import Any


def commands() -> dict[str, Any]:
    """Commands that other packages add to `taraf`, by name: functions, or groups (typer.Typer)."""
    return _loaded("taraf.commands")


def benches() -> dict[str, Any]:
    """Benchmarks that other packages add, by name: functions that return a Report."""
    return _loaded("taraf.benches")


@cache
def _loaded(group: str) -> dict[str, Any]:
    """What does not import, for whatever reason, is left out: all else must go on working."""
    found = {}
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        with suppress(Exception):
            found[entry.name] = entry.load()
    return found
