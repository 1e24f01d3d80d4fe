"""Where a drummer's name leads: a path, the player's own models, what comes with taraf."""

from __future__ import annotations

import os
from pathlib import Path

from engine.artefact.card import ArtefactError
from engine.library import user_models
from engine.plugin import PluginError
from engine.rhythm import CARD, RhythmModel, open_rhythm


def shipped() -> Path:
    """Where the models that come with taraf are."""
    return Path(__file__).parents[2] / "models" / "zoo"


def find_rhythm(name: str, folder: Path) -> RhythmModel:
    """The drummer that ``name`` means for a preset in ``folder``; raises PluginError."""
    if not name:
        raise PluginError("model is empty; it is the name of a drummer, or a folder")
    try:
        return open_rhythm(_place(name, folder))
    except ArtefactError as error:
        raise PluginError(str(error)) from None


def _place(name: str, folder: Path) -> Path:
    if any(mark in name for mark in "/\\"):
        return folder / os.path.expanduser(name)
    known = {}
    for place in (shipped(), user_models()):
        if place.is_dir():
            known.update({path.parent.name: path.parent for path in place.glob(f"*/{CARD}")})
    if name in known:
        return known[name]
    if os.path.isfile(folder / name / CARD):  # Path.is_file raises where a name is too long
        return folder / name
    there = ", ".join(sorted(known)) or "none"
    raise PluginError(f"no drummer is called {name[:60]!r}; there are: {there}; or give a folder")


__all__ = ["find_rhythm"]
