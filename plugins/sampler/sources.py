"""Where a sampler's name leads: a file, a training's folder, the player's own, what is shipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.library.beside import find_model, is_path, places
from engine.plugin import PluginError

SHIPPED, TRAINED = "sampler.npz", "best.npz"
"""The model in a folder of the zoo, and in that of a training, which goes on writing it."""


@dataclass(frozen=True)
class Source:
    """The file that is played now, and those of which the first that is there is watched."""

    path: Path
    watched: tuple[Path, ...]

    @property
    def awaited(self) -> bool:
        """Whether what was asked for is still to come."""
        return self.path not in self.watched


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


def find_sampler(name: str, folder: Path) -> Path:
    """The file that ``name`` means for a preset in ``folder``; raises PluginError.

    What is a path is looked for beside the preset, then where taraf was started.
    """
    return find_model(name, folder, "sampler", SHIPPED, TRAINED)


__all__ = ["SHIPPED", "TRAINED", "Source", "find_sampler", "source_of"]
