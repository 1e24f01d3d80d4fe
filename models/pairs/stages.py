"""Builds the stages of a chain and plays sound through them; what a worker process does.

Every stage hears one channel. A plugin that only takes two hears it twice and its first is kept.
pedalboard itself cuts off the latency that a plugin reports.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.pairs.command import Command
from models.pairs.errors import PairsError
from models.pairs.spec import Stage, Value, placeholders

Audio = NDArray[np.float32]


class Player(Protocol):
    """A stage that is ready to play."""

    reported: int  # frames of latency that the stage says it has and that are cut off

    def play(self, sound: Audio, rate: int) -> Audio:
        """Play ``sound`` (frames,) from the initial state; as many frames come out."""
        ...


def build(stages: tuple[Stage, ...], values: Mapping[str, Value]) -> list[Player]:
    """Fresh players of a chain with ``values`` set; raises PairsError.

    A knob is addressed by its name where one stage alone has it, or as ``2.mix`` (the second
    stage) or ``Delay.mix``.
    """
    if stages[0].kind == "command":
        return [Command(stages[0], values)]
    plugins = [_open(stage) for stage in stages]
    knobs = [_knobs(plugin) for plugin in plugins]
    told: list[dict[str, Value]] = [dict(stage.values) for stage in stages]
    for name, value in values.items():
        place, knob = _address(name, stages, knobs)
        told[place][knob] = value
    return [_Plugin(s, p, t) for s, p, t in zip(stages, plugins, told, strict=True)]


def play(players: list[Player], sound: Audio, rate: int) -> Audio:
    """What comes out at the end of the chain."""
    for player in players:
        sound = player.play(sound, rate)
    return sound


def describe(stages: tuple[Stage, ...]) -> list[dict[str, Any]]:
    """Every knob of a chain: stage, name, what it may be; raises PairsError."""
    if stages[0].kind == "command":
        names = sorted(placeholders(stages[0].target))
        return [{"stage": "command", "knob": name, "values": ""} for name in names]
    return [
        {"stage": stage.name, "knob": name, "values": allowed}
        for stage in stages
        for name, allowed in _allowed(_open(stage)).items()
    ]


def _allowed(plugin: Any) -> dict[str, str]:
    if isinstance(plugin, type):
        return dict.fromkeys(knobs_of(plugin), "")
    allowed = {}
    for name, knob in plugin.parameters.items():
        values: list[Any] = knob.valid_values
        named = bool(values) and isinstance(values[0], str)
        first_last = f"{knob.range[0]} to {knob.range[1]}"
        allowed[name] = ", ".join(map(str, values[:20])) if named else first_last
    return allowed


def _address(name: str, stages: tuple[Stage, ...], knobs: list[set[str]]) -> tuple[int, str]:
    where, dot, knob = name.partition(".")
    if dot:
        found = [
            place
            for place, stage in enumerate(stages)
            if (where == str(place + 1) or where.lower() == stage.name.lower())
            and knob in knobs[place]
        ]
    else:
        knob, found = name, [place for place, has in enumerate(knobs) if name in has]
    if not found:
        has = ", ".join(sorted(set().union(*knobs))) or "none"
        raise PairsError(f"no plugin of the chain has a knob {name!r}; there are: {has}")
    if len(found) > 1:
        raise PairsError(f"several plugins have a knob {knob!r}; write {found[0] + 1}.{knob}")
    return found[0], knob


def _open(stage: Stage) -> Any:
    """A plugin at its default settings, or the class of one of pedalboard's."""
    if stage.kind == "plugin":
        pedalboard = _pedalboard()
        with suppress(ImportError, AttributeError):
            # Instruments by DPF have 2,000 of these, each asked for its text a thousand times.
            from re import compile as pattern

            ignored = pedalboard._pedalboard.PARAMETER_NAME_REGEXES_TO_IGNORE
            ignored.add(pattern("MIDI Ch"))
        try:
            return pedalboard.load_plugin(stage.target)
        except (ImportError, RuntimeError, ValueError, OSError) as error:
            raise PairsError(f"{stage.target}: it does not load: {_line(error)}") from None
    found = effects().get(stage.target)
    if found is None:
        near = ", ".join(sorted(effects()))
        raise PairsError(f"pedalboard has no effect {stage.target!r}; it has {near}")
    return found


def _pedalboard() -> Any:
    """The library that hosts plugins; PairsError, saying what to install, where it is missing."""
    try:
        import pedalboard
    except ModuleNotFoundError:
        raise PairsError(
            "plugins need pedalboard, which is not installed: pip install 'taraf[train]'"
        ) from None
    return pedalboard


def effects() -> dict[str, type[Any]]:
    """The effects of pedalboard that turn one sound into another, by name."""
    pedalboard = _pedalboard()
    containers = ("Plugin", "PluginContainer", "Pedalboard", "Chain", "Mix", "ExternalPlugin")
    hosts = ("VST3Plugin", "AudioUnitPlugin")
    return {
        name: kind
        for name, kind in vars(pedalboard).items()
        if isinstance(kind, type)
        and issubclass(kind, pedalboard.Plugin)
        and name not in (*containers, *hosts)
        and not name.startswith("_")
    }


def knobs_of(effect: type[Any]) -> list[str]:
    """The arguments that make one of pedalboard's effects, in their order."""
    first = (effect.__init__.__doc__ or "").split("\n")[0]
    arguments = first[first.find("(") + 1 : first.rfind(")")]
    names = [part.split(":")[0].strip() for part in _outside(arguments)]
    return [name for name in names if name.isidentifier() and name != "self"]


def _outside(text: str) -> list[str]:
    """``text`` cut at commas outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _knobs(plugin: Any) -> set[str]:
    return set(knobs_of(plugin)) if isinstance(plugin, type) else set(plugin.parameters)


class _Plugin:
    """One of pedalboard's effects, or a VST3 or Audio Unit that pedalboard hosts."""

    def __init__(self, stage: Stage, plugin: Any, values: Mapping[str, Value]) -> None:
        self._name, self._channels = stage.name, 1
        self._plugin = self._made(plugin, values) if isinstance(plugin, type) else plugin
        if not isinstance(plugin, type):
            for name, value in values.items():
                self._turn(name, value)
        self.reported = int(getattr(self._plugin, "reported_latency_samples", 0) or 0)

    def _made(self, kind: type[Any], values: Mapping[str, Value]) -> Any:
        has = knobs_of(kind)
        if unknown := [name for name in values if name not in has]:
            raise PairsError(f"{self._name} has no knob {unknown[0]!r}; it has {', '.join(has)}")
        for choices in (getattr(kind, "Mode", None), getattr(kind, "Quality", None)):
            values = {k: getattr(choices, str(v), v) if choices else v for k, v in values.items()}
        try:
            return kind(**values)
        except (TypeError, ValueError, RuntimeError, OSError) as error:
            said = "" if isinstance(error, TypeError) else f": {_line(error)}"
            raise PairsError(f"{self._name} refuses {_told(values)}{said}") from None

    def _turn(self, name: str, value: Value) -> None:
        knobs = self._plugin.parameters
        if name not in knobs:
            has = ", ".join(sorted(knobs))
            raise PairsError(f"{self._name} has no knob {name!r}; it has {has}")
        choices = knobs[name].valid_values
        if isinstance(value, float) and choices and isinstance(choices[0], str):
            try:
                value = choices[int(value)]  # a switch with named positions, by number
            except IndexError:
                raise PairsError(
                    f"{self._name}: {name} = {value:g} must be 0 to {len(choices) - 1}"
                ) from None
        try:
            setattr(self._plugin, name, value)
        except (TypeError, ValueError, AttributeError) as error:
            raise PairsError(f"{self._name} refuses {name} = {value}: {_line(error)}") from None

    def play(self, sound: Audio, rate: int) -> Audio:
        if self._channels == 1:
            try:
                return self._process(sound[None], rate)
            except ValueError as error:
                if "channel" not in str(error):
                    raise
                self._channels = 2
        return self._process(np.repeat(sound[None], 2, axis=0), rate)

    def _process(self, sound: Audio, rate: int) -> Audio:
        played: Audio = self._plugin.process(sound, float(rate), reset=True)
        return np.ascontiguousarray(played.reshape(-1, played.shape[-1])[0])


def _told(values: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items()) or "to be made"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def quiet(log: str = os.devnull) -> int:
    """Send what plugins print to ``log``; returns the file descriptor that was the output."""
    sys.stdout.flush()
    output = os.dup(1)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(sink)
    return output
