"""The rack in JSON: every lane, plugin and parameter with its declaration and where it stands."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from engine import preset
from engine.control import follower
from engine.control.desk import Desk
from engine.params import HOST, Param
from engine.plugin import Place
from engine.rack import STRIP_KNOBS, Link, Rack, Strip

Json = dict[str, Any]


def snapshot(desk: Desk) -> Json:
    """All that a page draws, but for what moves by itself."""
    rack = desk.rack
    lanes = []
    for lane in rack.lanes:
        strip = [
            _param(f"{lane.name}.{name}", name, Strip.params[name], lane.knobs)
            for name in STRIP_KNOBS
        ]
        plugins = [_plugin(lane.name, link, rack) for link in lane.chain]
        lanes.append({"name": lane.name, "source": lane.source, "strip": strip, "plugins": plugins})
    return {
        "presets": [{"name": s.rack.name, "about": s.rack.about} for s in desk.slots],
        "library": list(preset.names()),
        "number": desk.at,
        "name": rack.name,
        "about": rack.about,
        "lanes": lanes,
        "master": [_plugin("master", link, rack) for link in rack.master],
        "notes": any(link is not None and link.plugin.plays_notes for _, link in rack.links()),
        "readouts": list(rack.readouts()),
        "pulse": follower.leader(rack),
        **mappings(desk),
        **standing(desk),
    }


def mappings(desk: Desk) -> Json:
    """What controllers turn, if there is MIDI."""
    learner = desk.learner
    return {
        "learner": learner is not None,
        "mappings": learner.described() if learner is not None else [],
    }


def standing(desk: Desk) -> Json:
    """What the buttons of the page show: of the rack, of the way back, of the transport."""
    slot, clock = desk.slot, desk.clock
    return {
        "xy": list(slot.rack.xy),
        "undo": len(slot.past),
        "redo": len(slot.undone),
        "changed": slot.rack != slot.saved,
        "compared": slot.other is not None,
        "bypassed": desk.bypassed,
        "recording": desk.recording,
        "ready": desk.ready,
        "tempo_bpm": clock.tempo_bpm,
        "tempo_source": clock.source,
        "held": follower.held(desk),
    }


def facts(report: Json, rate: int, block: int) -> Json:
    """What the audio process says of itself, as far as a player asks."""
    rack, device = report["latency_frames"], report["device_latency_frames"]
    return {
        "device": report["device"],
        "rate": rate,
        "block": block,
        "rack_ms": 1000.0 * rack / rate,
        "latency_ms": 1000.0 * (rack + device) / rate,
        "priority": report["priority"],
        "warnings": report["warnings"],
    }


def _plugin(lane: str, link: Link, rack: Rack) -> Json:
    at, own = f"{lane}.{link.name}", link.params(rack.folder)
    return {
        "address": at,
        "name": link.name,
        "use": link.use,
        "help": link.plugin.help(),
        "settings": {key: _shown(value) for key, value in link.settings.items()},
        "params": [_param(f"{at}.{name}", name, param, link.knobs) for name, param in own.items()],
        "xy": _addresses(at, link.plugin.xy, own),
        "ends": _addresses(at, link.plugin.ends, own),
        "places": [asdict(place) for place in _places(link, rack)] if link.plugin.ends else [],
    }


def _addresses(at: str, names: tuple[str, ...], own: dict[str, Param]) -> list[str]:
    """Where these parameters are, if it has them all."""
    return [f"{at}.{name}" for name in names] if own.keys() >= set(names) else []


def _places(link: Link, rack: Rack) -> tuple[Place, ...]:
    """What its ends choose from; nothing where the file that says so has gone."""
    with suppress(ValueError):
        return link.plugin.places(link.settings, rack.folder)
    return ()


def _shown(value: str | int) -> str | int:
    """A setting to read; of a file only its name: a page is told nothing of the disk."""
    return PurePath(value).name if isinstance(value, str) else value


def _param(address: str, name: str, param: Param, knobs: dict[str, float]) -> Json:
    value = knobs.get(name, param.default)
    return {
        "address": address,
        "name": name,
        "unit": param.unit,
        "min": param.minimum,
        "max": param.maximum,
        "default": param.default,
        "taper": param.taper,
        "choices": list(param.choices),
        "help": param.help,
        "midi": param.midi,
        "host": HOST.get(name) is param,
        "value": value,
        "position": param.to_position(value),
    }


__all__ = ["facts", "mappings", "snapshot", "standing"]
