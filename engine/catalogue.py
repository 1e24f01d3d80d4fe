"""Finds plugins by entry point, so that the engine loads them without knowing their names."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from engine.plugin import Plugin, PluginError

GROUP = "taraf.plugins"


@cache
def entries() -> dict[str, EntryPoint]:
    """The installed plugins by name, not yet imported."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}


@cache
def find(name: str) -> type[Plugin]:
    """The plugin class called ``name``; raises PluginError naming what there is."""
    entry = entries().get(name)
    if entry is None:
        raise PluginError(f"no plugin is called {name!r}; there are {', '.join(entries())}")
    try:
        loaded = entry.load()
    except Exception as error:  # somebody's plugin: whatever its import raises
        raise PluginError(f"plugin {name} does not load: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Plugin)):
        raise PluginError(f"plugin {name} does not load: {entry.value} is not a Plugin")
    return loaded
