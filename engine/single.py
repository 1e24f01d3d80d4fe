"""One model without a preset, and what the command line says of how models are played."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine import catalogue
from engine.artefact import CARD
from engine.params import ParamError
from engine.rack import Lane, Link, Rack, RackError

USE = "model"
CHANNELS = ("left", "right", "mono")


@dataclass(frozen=True)
class Playing:
    """How models are played; None leaves that to the preset, or to the plugin."""

    levels: str | None = None
    tanh: str | None = None
    core_compatible: bool = False

    def settings(self) -> dict[str, str | int]:
        """As settings of the model plugin; raises RackError."""
        asked = {
            "levels": self.levels,
            "tanh": self.tanh,
            "core_compatible": "on" if self.core_compatible else None,
        }
        declared, found = catalogue.find(USE).settings, dict[str, str | int]()
        for name, value in asked.items():
            if value is not None:
                try:
                    found[name] = declared[name].check(value)
                except ParamError as error:
                    raise RackError(f"--{name}: {error}") from None
        return found


def model_rack(name: str, playing: Playing, source: str = "left", levels: str = "raw") -> Rack:
    """A rack that is one model: a file here, or a name in the zoo or the library.

    It hears the channel ``source`` and plays at ``levels`` where nothing else is asked for.
    """
    if source not in CHANNELS:
        raise RackError(f"--channel: {source!r} is not one of {', '.join(CHANNELS)}")
    path = Path(name).expanduser()
    here = "/" in name or path.is_file() or (path / CARD).is_file()
    chosen = str(path.absolute()) if here else name
    settings = {"model": chosen, "levels": levels, **playing.settings()}
    link = Link(USE, "model", {}, settings)
    return Rack(path.stem or "model", lanes=(Lane("guitar", source, (link,)),))


def with_defaults(rack: Rack, playing: Playing) -> tuple[Rack, tuple[str, ...]]:
    """The rack with its models played as told where its preset does not say, and what it says."""
    settings = playing.settings()
    said: list[str] = []

    def told(lane: str, links: tuple[Link, ...]) -> tuple[Link, ...]:
        for link in links:
            if link.use == USE:
                said.extend(
                    f"{lane}.{link.name}.{key} is {link.settings[key]!r} in the preset, and stays"
                    for key in settings
                    if link.settings.get(key, settings[key]) != settings[key]
                )
        return tuple(
            replace(link, settings={**settings, **link.settings}) if link.use == USE else link
            for link in links
        )

    lanes = tuple(replace(lane, chain=told(lane.name, lane.chain)) for lane in rack.lanes)
    return replace(rack, lanes=lanes, master=told("master", rack.master)), tuple(said)
