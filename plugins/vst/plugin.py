"""A VST3 or Audio Unit in the chain: what a player sees of it, and its worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from engine.kernel import Audio, kernel
from engine.params import Param, Setting
from engine.plugin import Plugin, PluginError, Setup
from engine.worker import WorkerPlugin, worker_process
from plugins.vst.cache import Found
from plugins.vst.errors import VstError
from plugins.vst.finding import Standing, Wish, latency_at, stand
from plugins.vst.loading import shortened
from plugins.vst.trial import ending

QUIET_SECONDS = 3.0
"""How long it may be silent and yet ring on: plug-ins have echoes, and pedalboard does not say."""


class Vst(WorkerPlugin):
    """Play a VST3 or Audio Unit plug-in, in a process of its own."""

    plugin = Setting("", help="A name that `taraf vst list` shows, or a .vst3 or .component file")
    part = Setting("", help="Which plug-in, where a file holds several")
    state = Setting("", help="All that the plug-in remembers, as `taraf vst edit` prints it")
    program = Setting("", "file", help="A .vstpreset file that it starts from")

    plays_notes: ClassVar[bool] = True
    tail = QUIET_SECONDS

    @classmethod
    def declared(cls, settings: Mapping[str, str | int], folder: Path) -> dict[str, Param]:
        if not settings.get("plugin"):
            return cls.params
        return {**cls.params, **stand(Wish.of(settings, folder)).params}

    def resolve(self, setup: Setup) -> Plugin:
        """The plugin for what was found: an effect or an instrument, with its parameters."""
        asked = {name: getattr(self, name) for name in Vst.settings}
        wish = Wish.of(asked, setup.folder)
        found = stand(wish).found
        known = {"plugin": str(found.path), "part": found.part, "program": wish.program_file}
        known["state"] = shortened(str(self.state))
        return (Instrument if found.instrument else Effect)(**{**asked, **known})

    def prepare(self, setup: Setup) -> dict[str, Any]:
        raise VstError("plugin is empty; it is a file, or a name that `taraf vst list` shows")


class Hosted(Vst):
    """What effects and instruments have in common. Its settings name one file, in full."""

    _turned: dict[str, float] | None = None

    def __init__(self, **settings: str | int) -> None:
        super().__init__(**settings)
        self.standing: Standing = stand(Wish.of(settings, Path()))
        self.params = self.declared(settings, Path())  # type: ignore[misc]  # its own, not the class's

    @property
    def found(self) -> Found:
        """The plug-in itself."""
        return self.standing.found

    @property
    def title(self) -> str:
        return self.found.path.name

    def resolve(self, setup: Setup) -> Plugin:
        return self

    def prepare(self, setup: Setup) -> dict[str, Any]:
        try:
            state = WorkerPlugin.prepare(self, setup)
        except PluginError as error:
            raise VstError(self._why(str(error))) from None
        self.latency_samples += self._own_latency(setup)
        return state

    def _why(self, message: str) -> str:
        """What kept the worker from starting: what it said, or how it ended."""
        status = None if self._life is None else self._life.process.returncode
        if status not in (None, 0, 1):
            message = f"{ending(status)} while it was loaded"
        return message if str(self.found.path) in message else f"{self.found.path}: {message}"

    def _own_latency(self, setup: Setup) -> int:
        return latency_at(self.standing, setup.sample_rate, str(self.state), str(self.program))

    def open(self, setup: Setup) -> None:
        from plugins.vst.loading import load, mute

        self._rate, self._late = setup.sample_rate, self._own_latency(setup)
        self._loaded = [
            load(self.found.path, self.found.part, str(self.state), str(self.program))
            for _ in range(self._copies(setup.channels))
        ]
        self._parameters = [list(one._parameters) for one in self._loaded]
        there = min(len(parameters) for parameters in self._parameters)
        gone = {one.name for one in self.found.controls if one.index >= there}
        self.params = {k: v for k, v in self.params.items() if k not in gone}  # type: ignore[misc]
        self._controls = [one for one in self.found.controls if one.name not in gone]
        self._at = {
            one.name: float(np.float32(self.params[one.name].default)) for one in self._controls
        }
        mute()

    def _copies(self, channels: int) -> int:
        """How many of it are loaded: one for each channel where it takes but one."""
        raise NotImplementedError

    def turn(self, knobs: dict[str, float]) -> None:
        """Set what has moved: by the plug-in's own number, its name would cost 100 us.

        A plug-in that has changed since its knobs were made may have other controls, and wider or
        narrower ones.
        """
        if knobs == self._turned:
            return  # some have thousands
        self._turned = dict(knobs)
        for control in self._controls:
            value = knobs.get(control.name, self._at[control.name])
            if value == self._at[control.name]:
                continue
            self._at[control.name] = value
            param = self.params[control.name]
            value = min(max(value, param.minimum), param.maximum)
            for parameters in self._parameters:
                parameter = parameters[control.index]
                parameter.raw_value = control.raw(value, parameter.get_raw_value_for_text)


class Effect(Hosted):
    """A plug-in that changes what comes in; a mono one is loaded for each channel."""

    def width(self, channels: int) -> int:
        return channels if 1 in self.found.channels else 2

    def _copies(self, channels: int) -> int:
        return 1 if channels in self.found.channels else channels

    def open(self, setup: Setup) -> None:
        from plugins.vst.alignment import Aligned

        super().open(setup)
        each = setup.channels // len(self._loaded)
        self._aligned = [Aligned(one, self._rate, each, self._late) for one in self._loaded]

    def work(self, audio: Audio, knobs: dict[str, float]) -> None:
        self.turn(knobs)
        each = len(audio) // len(self._aligned)
        for k, one in enumerate(self._aligned):
            one.process(audio[k * each : (k + 1) * each])


@kernel
def play_alone(audio: Audio, knobs: Any, state: Any) -> None:
    """A worker that hears nothing: where it misses a hop there is silence, not what came in."""
    channels, frames = audio.shape
    for c in range(channels):
        for i in range(frames):
            audio[c, i] = np.float32(0.0)
    worker_process(audio, knobs, state)


class Instrument(Hosted):
    """A plug-in that plays the notes it is sent; what comes in on its lane is not heard."""

    process = play_alone

    def _copies(self, channels: int) -> int:
        return 1

    def open(self, setup: Setup) -> None:
        from plugins.vst.alignment import Aligned

        super().open(setup)
        takes = self.found.channels
        self._out = setup.channels if setup.channels in takes else takes[0]
        self._aligned = Aligned(self._loaded[0], self._rate, self._out, self._late)

    def work(self, audio: Audio, knobs: dict[str, float]) -> None:
        self.turn(knobs)
        notes = [(_whole(message), frame / self._rate) for frame, message in self.notes]
        made = self._aligned.play(notes, self._out)
        audio[:] = made if len(made) == len(audio) else made.mean(axis=0)


def _whole(message: bytes) -> bytes:
    """A message without the zero that fills it up to three bytes."""
    return message[:2] if message[0] & 0xE0 == 0xC0 else message  # program, channel pressure


__all__ = ["Effect", "Instrument", "Vst"]
