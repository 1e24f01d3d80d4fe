"""What a player sees of a model: its settings and knobs, whatever plays it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy.typing as npt

from engine.params import Param, Setting, Toggle
from engine.plugin import Plugin, PluginError, Setup
from plugins.model.sources import Source, find_source

KNOBS = ("knob1", "knob2", "knob3", "knob4")


class Model(Plugin):
    """Play a capture of an amp or a pedal: a trained network, from the zoo or any file; mono."""

    model = Setting("drive", "model", help="A name in the zoo or the library, or a file")
    blend_with = Setting("", "model", help="A second model, for `blend`; empty for none")
    levels = Setting(
        "normalised",
        "choice",
        choices=("normalised", "raw", "calibrated"),
        also=(("normalized", "normalised"),),
        help="normalised: all models -18 dB of the same noise; raw: as trained; calibrated: as "
        "the gear, in dBu",
    )
    tanh = Setting(
        "exact",
        "choice",
        choices=("exact", "fast"),
        help="fast: NAM's approximation, cheaper for recurrent models",
    )
    oversample = Setting(
        "1", "choice", choices=("1", "2", "4"), help="Less aliasing for as many times the work"
    )
    core_compatible = Setting(
        "off",
        "choice",
        choices=("off", "on"),
        help="on: as NeuralAmpModelerCore plays, where that differs from what was trained",
    )

    input_db = Param(0.0, -24.0, 24.0, "dB", help="Gain into the network: its drive")
    interface_dbu = Param(
        12.0, -20.0, 40.0, "dBu", help="Level that is full scale at your interface; calibrated only"
    )
    blend = Param(0.0, help="0 is the model, 1 is `blend_with`")
    quality = Param(1.0, smooth_ms=0.0, help="Size of a slimmable model: 1 is the best it has")
    auto_quality = Toggle(True, help="A smaller size while the computer is too busy")
    knob1 = Param(0.5, help="First knob of a model that has knobs")
    knob2 = Param(0.5, help="Second knob")
    knob3 = Param(0.5, help="Third knob")
    knob4 = Param(0.5, help="Fourth knob")

    readouts = ("quality",)
    renamed: ClassVar[dict[str, str]] = {"loudness": "levels"}

    def width(self, channels: int) -> int:
        return 1

    def bind(self, state: dict[str, npt.NDArray[Any]]) -> None:
        state["readout"][0] = 1.0  # what has one size plays it

    def resolve(self, setup: Setup) -> Plugin:
        """The plugin for what the chosen file holds."""
        source = find_source(str(self.model), setup.folder)
        chosen: type[Model]
        if source.kind == "script":
            from plugins.model.script import ScriptModel as chosen
        elif source.kind == "session":
            from plugins.model.session import SessionModel as chosen
        else:
            from plugins.model.neural import NeuralModel as chosen
        made = chosen(**{name: getattr(self, name) for name in Model.settings})
        made.source = source
        if source.kind != "network" and self.blend_with:
            raise PluginError(f"{source.path}: only networks that we compile can be blended")
        return made

    source: Source

    def prepare(self, setup: Setup) -> dict[str, Any]:
        raise NotImplementedError
