"""One model without a preset, and what the command line says of how models are played."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine.rack import Lane, Link, Rack, RackError

USE = "model"
LEVELS = {"raw": "raw", "calibrated": "calibrated"} | dict.fromkeys(
    ("normalised", "normalized"), "normalised"
)
TANH = ("exact", "fast")


@dataclass(frozen=True)
class Playing:
    """How models are played; None leaves that to the preset, or to the plugin."""

    levels: str | None = None
    tanh: str | None = None
    core_compatible: bool = False

    def settings(self) -> dict[str, str | int]:
        """As settings of the model plugin; raises RackError."""
        found: dict[str, str | int] = {}
        if self.levels is not None:
            if self.levels not in LEVELS:
                raise RackError(f"--levels {self.levels!r} is not one of {', '.join(LEVELS)}")
            found["levels"] = LEVELS[self.levels]
        if self.tanh is not None:
            if self.tanh not in TANH:
                raise RackError(f"--tanh {self.tanh!r} is not one of {', '.join(TANH)}")
            found["tanh"] = self.tanh
        if self.core_compatible:
            found["core_compatible"] = "on"
        return found


def model_rack(name: str, playing: Playing) -> Rack:
    """A rack that is one model: a file here, or a name in the zoo or the library.

    Its level is as trained where nothing else is asked for.
    """
    path = Path(name).expanduser()
    chosen = str(path.absolute()) if path.exists() else name
    settings = {"model": chosen, "levels": "raw", **playing.settings()}
    link = Link(USE, "model", {}, settings)
    return Rack(path.stem or name, lanes=(Lane("guitar", "left", (link,)),))


def with_defaults(rack: Rack, playing: Playing) -> Rack:
    """The rack with its models played as told, where its preset does not say."""
    settings = playing.settings()
    if not settings:
        return rack

    def told(links: tuple[Link, ...]) -> tuple[Link, ...]:
        return tuple(
            replace(link, settings={**settings, **link.settings}) if link.use == USE else link
            for link in links
        )

    lanes = tuple(replace(lane, chain=told(lane.chain)) for lane in rack.lanes)
    return replace(rack, lanes=lanes, master=told(rack.master))
