"""Puts a model that was just made into the rack that sounds, as one more preset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from engine.control.desk import Desk
from engine.control.setlist import MOST
from engine.pulse.file import NAME
from engine.rack import Lane, Link, Rack, RackError

SETTING = {"pulse": "network"}
"""What a plugin calls the file that it plays, where that is not ``model``."""
FILE = {"pulse": NAME}
"""What of a model's folder a plugin plays, where that is not the folder."""
LONGEST_NAME = 40


def deploy(desk: Desk, path: Path, plays: str, source: str = "") -> str:
    """Play the preset that sounds with another model in it; its name. RackError if it cannot.

    It is a preset of its own at the end of the set list, so that one step goes back.
    """
    if len(desk.slots) >= MOST:
        raise RackError(f"a set list has no more than {MOST} presets")
    if not path.exists():
        raise RackError(f"{path}: is not there any more")
    rack = deployed(desk.rack, path, plays)
    desk.select(desk.add(rack, None, source), source)
    return rack.name


def deployed(rack: Rack, path: Path, plays: str) -> Rack:
    """The rack with ``path`` in its first plugin ``plays``; a model comes first where none is."""
    if not plays:
        raise RackError(f"{path.name}: no plugin is known that plays it")
    played = path / FILE[plays] if plays in FILE and path.is_dir() else path
    setting = {SETTING.get(plays, "model"): str(played)}
    name = " ".join(f"{path.stem} in {rack.name}".split())[:LONGEST_NAME].strip()
    lanes = list(rack.lanes)
    for at, lane in enumerate(lanes):
        for k, link in enumerate(lane.chain):
            if link.use == plays:
                changed = replace(link, settings={**link.settings, **setting})
                chain = (*lane.chain[:k], changed, *lane.chain[k + 1 :])
                lanes[at] = replace(lane, chain=chain)
                return replace(rack, name=name, lanes=tuple(lanes))
    hearing = next((k for k, lane in enumerate(lanes) if lane.source != "none"), None)
    if plays != "model" or hearing is None:
        raise RackError(f"preset {rack.name} has no plugin {plays}; play one that has, and again")
    lanes[hearing] = _first(lanes[hearing], Link("model", "model", {}, dict(setting)))
    return replace(rack, name=name, lanes=tuple(lanes))


def _first(lane: Lane, link: Link) -> Lane:
    name = _free(link.name, (one.name for one in lane.chain))
    return replace(lane, chain=(replace(link, name=name), *lane.chain))


def _free(name: str, taken: Iterable[str]) -> str:
    known = set(taken)
    return next(n for n in (name, *(f"{name}{k}" for k in range(2, 999))) if n not in known)


__all__ = ["deploy", "deployed"]
