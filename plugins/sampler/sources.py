"""Where a sampler's name leads: a file, a training's folder, the player's own, what is shipped."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.library import user_models
from engine.plugin import PluginError

SHIPPED, TRAINED = "sampler.npz", "best.npz"
"""The model in a folder of the zoo, and in that of a training, which goes on writing it."""


def zoo() -> Path:
    """Where the models that come with taraf are."""
    return Path(__file__).parents[2] / "models" / "zoo"


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
        if not until or name.endswith(".npz") or not _is_path(name):
            raise
        watched = tuple(place / TRAINED for place in _places(name, folder))
        return Source(find_sampler(until, folder), watched)
    return Source(path, (path,))


def find_sampler(name: str, folder: Path) -> Path:
    """The file that ``name`` means for a preset in ``folder``; raises PluginError.

    What is a path is looked for beside the preset, then where taraf was started.
    """
    if not name:
        raise PluginError("model is empty; it is a sampler's name, a file, or a training's folder")
    known = _known()
    if name in known:
        return known[name]
    for place in _places(name, folder):
        for path in (place, place / SHIPPED, place / TRAINED):
            if os.path.isfile(path):  # Path.is_file raises where a name is too long
                return path
    if _is_path(name) or name.endswith(".npz"):
        raise PluginError(f"{_places(name, folder)[0]}: there is no such sampler")
    there = ", ".join(sorted(known)) or "none"
    raise PluginError(
        f"no sampler is called {name[:60]!r}; there are: {there}; or give a file or a folder"
    )


def _is_path(name: str) -> bool:
    return any(mark in name for mark in "/\\")


def _places(name: str, folder: Path) -> tuple[Path, ...]:
    given = os.path.expanduser(name)
    return folder / given, Path.cwd() / given


def _known() -> dict[str, Path]:
    found = {}
    for place in (zoo(), user_models()):
        if place.is_dir():
            found.update({path.parent.name: path for path in sorted(place.glob(f"*/{SHIPPED}"))})
    return found


__all__ = ["SHIPPED", "TRAINED", "Source", "find_sampler", "source_of"]
