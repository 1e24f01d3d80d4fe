"""A rack as a preset describes it: lanes in parallel, each a chain, into a master chain."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine import catalogue
from engine.kernel import kernel
from engine.layout import INPUT_LEFT, INPUT_MONO, INPUT_NONE, INPUT_RIGHT, INPUT_STEREO
from engine.params import Param, ParamError, Toggle, along
from engine.plugin import Plugin

SOURCES = {
    "left": INPUT_LEFT,
    "right": INPUT_RIGHT,
    "mono": INPUT_MONO,
    "stereo": INPUT_STEREO,
    "none": INPUT_NONE,
}


class RackError(ValueError):
    """A rack that cannot be built; the message says where and why."""


class Strip(Plugin):
    """The end of a lane: its level, its place between left and right, its mute."""

    gain_db = Param(0.0, -60.0, 12.0, "dB", help="Level of this lane in the mix")
    pan = Param(0.0, -1.0, 1.0, help="-1 is left, 1 is right (where the rack is stereo)")
    mute = Toggle(smooth_ms=10.0, help="Silence this lane")

    def __init__(self, width: int = 1) -> None:
        super().__init__()
        self._width = width

    def width(self, channels: int) -> int:
        return max(channels, self._width)

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        channels, frames = audio.shape
        for i in range(frames):
            gain = np.float32(10.0) ** (along(knobs.gain_db, i) * np.float32(0.05))
            gain *= np.float32(1.0) - along(knobs.mute, i)
            pan = along(knobs.pan, i)
            if channels == 1:
                audio[0, i] *= gain
            else:
                audio[0, i] *= gain * min(np.float32(1.0), np.float32(1.0) - pan)
                audio[1, i] *= gain * min(np.float32(1.0), np.float32(1.0) + pan)


STRIP_KNOBS = ("gain_db", "pan", "mute")


@dataclass(frozen=True)
class Link:
    """One plugin of a chain: which, under what name, and how it is set."""

    use: str
    name: str
    knobs: dict[str, float] = field(default_factory=dict)
    settings: dict[str, str | int] = field(default_factory=dict)

    @property
    def plugin(self) -> type[Plugin]:
        """The plugin's class."""
        return catalogue.find(self.use)

    def params(self, folder: Path) -> dict[str, Param]:
        """Its parameters; ``folder`` is where the file names of its settings begin."""
        return self.plugin.declared(self.settings, folder)


@dataclass(frozen=True)
class Lane:
    """A serial chain and what feeds it: left, right, mono, stereo or none of the input."""

    name: str
    source: str = "left"
    chain: tuple[Link, ...] = ()
    knobs: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Rack:
    """What a preset describes. ``folder`` is where relative file names begin."""

    name: str
    about: str = ""
    lanes: tuple[Lane, ...] = ()
    master: tuple[Link, ...] = ()
    folder: Path = field(default_factory=Path)
    tempo_bpm: float = 120.0
    midi: tuple[dict[str, Any], ...] = ()
    """Its own [[midi]] tables, as written; ``engine.control.midi`` says what they mean."""
    xy: tuple[str, ...] = ()
    """The parameters that a finger on the XY pad turns: across and up."""

    def links(self) -> list[tuple[str, Link | None]]:
        """Every node in the table's order: lane and plugin; None is the lane's strip."""
        found: list[tuple[str, Link | None]] = []
        for lane in self.lanes:
            found += [(lane.name, link) for link in (*lane.chain, None)]
        return found + [("master", link) for link in self.master]

    def addresses(self) -> dict[str, tuple[int, int, Param]]:
        """Every knob by its address, "lane.plugin.param": node, knob, declaration."""
        found = {}
        for node, (lane, link) in enumerate(self.links()):
            params = Strip.params if link is None else link.params(self.folder)
            for knob, (name, param) in enumerate(params.items()):
                if link is not None:
                    found[f"{lane}.{link.name}.{name}"] = node, knob, param
                elif name in STRIP_KNOBS:
                    found[f"{lane}.{name}"] = node, knob, param
        return found

    def value(self, where: str) -> float:
        """Where a knob stands, plain; raises RackError."""
        lane_name, _, rest = where.partition(".")
        name, _, key = rest.partition(".")
        for lane, link in self.links():
            if lane != lane_name or (link.name if link else name) != name:
                continue
            if link is not None and key in link.params(self.folder):
                return link.knobs.get(key, link.params(self.folder)[key].default)
            if link is None and not key and name in STRIP_KNOBS:
                knobs = next(one.knobs for one in self.lanes if one.name == lane_name)
                return knobs.get(name, Strip.params[name].default)
        raise RackError(_no_address(where, self))

    def readouts(self) -> dict[str, tuple[int, int]]:
        """Every number that a plugin reports, by address: node, index."""
        return {
            f"{lane}.{link.name}.{name}": (node, index)
            for node, (lane, link) in enumerate(self.links())
            if link is not None
            for index, name in enumerate(link.plugin.readouts)
        }

    def taps(self) -> dict[str, int]:
        """Every recorder tap by address: the number of its ring."""
        names = [f"{lane}.{link.name}" for lane, link in self.links() if link and link.plugin.taps]
        return {name: index for index, name in enumerate(names)}

    def set(self, where: str, value: float | str) -> Rack:
        """This rack with one parameter or setting changed; raises RackError."""
        lane, _, rest = where.partition(".")
        name, _, key = rest.partition(".")
        try:
            if not key and name in STRIP_KNOBS:
                return self._set_strip(lane, name, value)
            return self._set_link(lane, name, key, value)
        except KeyError:
            raise RackError(_no_address(where, self)) from None
        except ParamError as error:
            raise RackError(f"{where}: {error}") from None

    def _set_strip(self, lane_name: str, key: str, value: float | str) -> Rack:
        lanes = list(self.lanes)
        for i, lane in enumerate(lanes):
            if lane.name == lane_name:
                knobs = {**lane.knobs, key: _checked(Strip.params[key], value)}
                lanes[i] = replace(lane, knobs=knobs)
                return replace(self, lanes=tuple(lanes))
        raise KeyError(lane_name)

    def _set_link(self, lane_name: str, name: str, key: str, value: float | str) -> Rack:
        def changed(chain: tuple[Link, ...]) -> tuple[Link, ...]:
            if not any(link.name == name for link in chain):
                raise KeyError(name)
            return tuple(_set(k, key, value, self.folder) if k.name == name else k for k in chain)

        if lane_name == "master":
            return replace(self, master=changed(self.master))
        if not any(lane.name == lane_name for lane in self.lanes):
            raise KeyError(lane_name)
        return replace(
            self,
            lanes=tuple(
                replace(lane, chain=changed(lane.chain)) if lane.name == lane_name else lane
                for lane in self.lanes
            ),
        )


def _set(link: Link, key: str, value: float | str, folder: Path) -> Link:
    if key in link.plugin.settings:
        setting = link.plugin.settings[key]
        if setting.kind == "count" and isinstance(value, str):
            with suppress(ValueError):
                value = int(value)
        checked = setting.check(value)
        return replace(link, settings={**link.settings, key: checked})
    return replace(link, knobs={**link.knobs, key: _checked(link.params(folder)[key], value)})


def _checked(param: Param, value: float | str) -> float:
    return param.parse(value) if isinstance(value, str) else param.check(value)


def _no_address(where: str, rack: Rack) -> str:
    import difflib

    near = difflib.get_close_matches(where, rack.addresses(), n=3, cutoff=0.3)
    hint = f"; near to it: {', '.join(near)}" if near else ""
    return f"preset {rack.name} has no parameter {where!r}{hint}"
