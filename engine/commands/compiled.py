"""Which plugins are machine code already: asked by building them and stopping short of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from engine.rack import Rack


def state(name: str, fix: bool) -> str:
    """warm, cold, unset (it needs a file to be built), or why the plugin does not load."""
    from engine import catalogue
    from engine.plugin import PluginError
    from engine.rack import Lane, Link, Rack, RackError

    try:
        catalogue.find(name)
    except PluginError as error:
        return str(error)
    rack = Rack("doctor", lanes=(Lane("a", "left", (Link(name, name),)),))
    try:
        if is_compiled(rack):
            return "warm"
        if not fix:
            return "cold"
        typer.echo(f"compiling {name} ...", err=True)
        _build(rack)
    except RackError:
        return "unset"
    except Exception as error:  # somebody's plugin: whatever building it raises
        return f"plugin {name} does not build: {type(error).__name__}: {error}"
    return "warm"


class _NotCompiledError(Exception):
    """Building a rack would compile something."""


def is_compiled(rack: Rack) -> bool:
    """Whether ``rack`` runs without compiling anything; raises RackError."""
    try:
        with _only_from_disk():
            _build(rack)
    except _NotCompiledError:
        return False
    return True


def _build(rack: Rack) -> None:
    from engine.render import Renderer

    Renderer(rack, 48000, 1).stage.close()


@contextmanager
def _only_from_disk() -> Iterator[None]:
    """Let the engine load what is on disk, and stop it before it compiles anything."""
    from engine import native

    load, told = native.load, native.compiling

    def look(name: str, fingerprint: str, *how: Any, **more: Any) -> int:
        if not native.is_cached(name, fingerprint):
            raise _NotCompiledError(name)
        return load(name, fingerprint, *how, **more)

    def refuse(name: str) -> None:
        raise _NotCompiledError(name)

    native.load, native.compiling = look, refuse
    try:
        yield
    finally:
        native.load, native.compiling = load, told


__all__ = ["is_compiled", "state"]
