"""What a sampler plays now, and what it waits for: a training may have no model yet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.library.beside import is_path, places
from engine.plugin import PluginError
from engine.sampler.finding import TRAINED, find_sampler


@dataclass(frozen=True)
class Source:
    """The file that is played now, and those of which the first that is there is watched."""

    path: Path
    watched: tuple[Path, ...]

    @property
    def awaited(self) -> bool:
        """Whether what was asked for is still to come."""
        return self.path not in self.watched

    @property
    def lacks(self) -> str:
        """Why what was asked for does not play yet."""
        there = any(os.path.isdir(path.parent) for path in self.watched)
        return "holds no model yet" if there else "there is no such folder yet"


def source_of(name: str, until: str, folder: Path) -> Source:
    """What ``name`` means for a preset in ``folder``; raises PluginError.

    A training's folder may hold no model yet, or not be there: ``until`` then plays until it does.
    """
    try:
        path = find_sampler(name, folder)
    except PluginError:
        if not until or name.endswith(".npz") or not is_path(name):
            raise
        watched = tuple(place / TRAINED for place in places(name, folder))
        return Source(find_sampler(until, folder), watched)
    return Source(path, (path,))


__all__ = ["Source", "source_of"]
