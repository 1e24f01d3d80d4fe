"""Where a sampler's name leads: a file, a training's folder, the player's own, what is shipped."""

from __future__ import annotations

import os
from pathlib import Path

from engine.library import user_models
from engine.plugin import PluginError

SHIPPED, TRAINED = "sampler.npz", "best.npz"
"""The model in a folder of the zoo, and in that of a training, which goes on writing it."""


def zoo() -> Path:
    """Where the models that come with taraf are."""
    return Path(__file__).parents[2] / "models" / "zoo"


def find_sampler(name: str, folder: Path) -> Path:
    """The file that ``name`` means for a preset in ``folder``; raises PluginError."""
    if not name:
        raise PluginError("model is empty; it is a sampler's name, a file, or a training's folder")
    known = _known()
    if name in known:
        return known[name]
    place = folder / os.path.expanduser(name)
    for path in (place, place / SHIPPED, place / TRAINED):
        if os.path.isfile(path):  # Path.is_file raises where a name is too long
            return path
    if any(mark in name for mark in "/\\") or name.endswith(".npz"):
        raise PluginError(f"{place}: there is no such sampler")
    there = ", ".join(sorted(known)) or "none"
    raise PluginError(
        f"no sampler is called {name[:60]!r}; there are: {there}; or give a file or a folder"
    )


def _known() -> dict[str, Path]:
    found = {}
    for place in (zoo(), user_models()):
        if place.is_dir():
            found.update({path.parent.name: path for path in sorted(place.glob(f"*/{SHIPPED}"))})
    return found


__all__ = ["SHIPPED", "TRAINED", "find_sampler"]
