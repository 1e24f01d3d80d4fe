"""taraf plugins, presets, devices: what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from engine.params import Param, Setting
    from engine.plugin import Plugin
    from engine.rack import Link, Rack

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
VIRTUAL = {
    "index": None,
    "name": "virtual",
    "api": "taraf",
    "inputs": 1,
    "outputs": 2,
    "rate": 48000,
    "input_latency_ms": 0.0,
    "output_latency_ms": 0.0,
}


def plugins(
    name: Annotated[str | None, typer.Argument(help="One plugin: all it can be told.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the plugins, or all parameters of one.

    Example: taraf plugins delay
    """
    from engine import catalogue

    if name is not None:
        described = describe(name, catalogue.find(name))
        _out(described, as_json, "plugin")
        return
    _out({"plugins": [_summary(entry) for entry in catalogue.entries()]}, as_json, "plugins")


def presets(
    name: Annotated[str | None, typer.Argument(help="One preset, by name or file.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the presets, or draw the rack of one.

    Example: taraf presets crunch
    """
    from engine import playing, preset

    if name is None:
        found = [_about(name, path) for name, path in sorted(preset.names().items())]
        _out({"presets": found}, as_json, "presets")
        return
    path = preset.find(name)
    loaded = preset.load(path)
    warnings = [*loaded.warnings, *playing.midi_mistakes(loaded.rack, path)]
    described = {**describe_rack(loaded.rack), "warnings": warnings}
    _out(described, as_json, "rack")


def devices(as_json: AsJson = False) -> None:
    """List the audio devices; `virtual` is built in and always there.

    Example: taraf devices --json
    """
    from engine.stream import DeviceError
    from engine.stream import devices as cards

    hint = ""
    try:
        found = sorted(cards(), key=lambda d: (d["api"], d["index"]))
        if not found:
            hint = "PortAudio sees no sound card here; taraf live plays on the virtual device"
    except DeviceError as error:
        found, hint = [], str(error)
    _out({"devices": [VIRTUAL, *found], "hint": hint}, as_json, "devices")


def describe(name: str, plugin: type[Plugin]) -> dict[str, Any]:
    """A plugin as data: all that a player can tell it and it tells a player."""
    return {
        "name": name,
        "help": plugin.help(),
        "params": {key: _describe_param(param) for key, param in plugin.params.items()},
        "settings": {key: _describe_setting(value) for key, value in plugin.settings.items()},
        "readouts": list(plugin.readouts),
    }


def _describe_param(param: Param) -> dict[str, Any]:
    return {
        "default": param.plain(param.default),
        "minimum": param.minimum,
        "maximum": param.maximum,
        "unit": param.unit,
        "taper": param.taper,
        "smooth_ms": param.smooth_ms,
        "choices": list(param.choices),
        "midi": param.midi,
        "allowed": param.allowed,
        "help": param.help,
    }


def _describe_setting(setting: Setting) -> dict[str, Any]:
    described: dict[str, Any] = {"default": setting.default, "kind": setting.kind}
    if setting.kind == "count":
        described |= {"minimum": setting.minimum, "maximum": setting.maximum}
    if setting.kind == "choice":
        described["choices"] = list(setting.choices)
    return {**described, "help": setting.help}


def _summary(name: str) -> dict[str, Any]:
    from engine import catalogue
    from engine.plugin import PluginError

    try:
        return {"name": name, "help": catalogue.find(name).help(), "error": None}
    except PluginError as error:
        return {"name": name, "help": "", "error": str(error)}


def _about(name: str, path: Path) -> dict[str, Any]:
    from engine import preset

    found = {"name": name, "path": str(path), "about": "", "error": None}
    try:
        return {**found, "about": preset.load(path).rack.about}
    except preset.PresetError as error:
        return {**found, "error": str(error)}


def describe_rack(rack: Rack) -> dict[str, Any]:
    """A rack as data, with every value it has, told or default."""
    from engine.rack import STRIP_KNOBS, Strip

    strip = {key: Strip.params[key] for key in STRIP_KNOBS}
    return {
        "name": rack.name,
        "about": rack.about,
        "tempo_bpm": rack.tempo_bpm,
        "lanes": [
            {
                "name": lane.name,
                "input": lane.source,
                "values": _values(strip, lane.knobs),
                "plugins": [_describe_link(link, rack.folder) for link in lane.chain],
            }
            for lane in rack.lanes
        ],
        "master": [_describe_link(link, rack.folder) for link in rack.master],
    }


def _describe_link(link: Link, folder: Path) -> dict[str, Any]:
    settings = {
        key: {
            "value": link.settings.get(key, rule.default),
            "unit": "",
            "set": key in link.settings,
        }
        for key, rule in link.plugin.settings.items()
    }
    values = _values(link.params(folder), link.knobs)
    return {"use": link.use, "name": link.name, "values": {**settings, **values}}


def _values(params: dict[str, Param], knobs: dict[str, float]) -> dict[str, Any]:
    return {
        key: {
            "value": param.plain(knobs.get(key, param.default)),
            "unit": param.unit,
            "set": key in knobs,
        }
        for key, param in params.items()
    }


def _out(data: dict[str, Any], as_json: bool, drawing: str) -> None:
    if as_json:
        typer.echo(json.dumps(data))
        return
    from rich.console import Console

    from engine.commands import drawing as drawings

    getattr(drawings, drawing)(Console(highlight=False), data)


__all__ = ["devices", "plugins", "presets"]
