"""A mapping: which control of a MIDI device turns what, as a table of a preset or of midi.toml.

[[midi]]
cc = 21                     # or cc14 = 1, note = 60, polytouch = 60, program = 5,
channel = 1                 #    pitchbend = true, aftertouch = true; without channel: any
target = "guitar.drive.drive_db"
mode = "absolute"           # toggle, momentary, relative-twos, relative-sign, relative-offset
low = 0.0                   # where the knob stands at the control's lowest, from 0 to 1,
high = 1.0                  # and at its highest; low may be the greater one
takeover = "jump"           # or pickup: acts only once it has reached where the knob stands
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.control.desk import ACTIONS
from engine.control.midi.messages import MidiError, note_name

RELATIVE = ("relative-twos", "relative-sign", "relative-offset")
MODES = ("absolute", "toggle", "momentary", *RELATIVE)
TAKEOVERS = ("jump", "pickup")
NUMBERED = {"cc": 127, "cc14": 31, "note": 127, "polytouch": 127, "program": 127}
"""Kinds that have a number, and the highest it may be."""
KINDS = (*NUMBERED, "pitchbend", "aftertouch")
_KNOWN = {*KINDS, "channel", "target", "mode", "low", "high", "takeover"}
_ACTION = re.compile(r"action:([a-z]+(?::[a-z]+)?)(?::(\d{1,4}))?\Z")
_ADDRESS = re.compile(r"[^\s.:]+(\.[^\s.:]+){1,2}\Z")


@dataclass(frozen=True)
class Mapping:
    """One control (``kind``, ``number``, ``channel`` 1 to 16 or None for any) and its target.

    ``number`` is None for pitch bend and pressure, and for "any program". ``low`` and ``high``
    are positions of the knob, from 0 to 1. A relative control moves it by a click of 1/127 of
    the way between them. A target is a parameter's address, or "action:NAME".
    """

    kind: str
    target: str
    number: int | None = None
    channel: int | None = None
    mode: str = "absolute"
    low: float = 0.0
    high: float = 1.0
    takeover: str = "jump"

    @property
    def action(self) -> tuple[str, int | None] | None:
        """The action's name and number, or None where a parameter is the target."""
        found = _ACTION.match(self.target)
        return (found[1], int(found[2]) if found[2] else None) if found else None

    @property
    def controls(self) -> set[tuple[str, int | None]]:
        """The kinds and numbers of the messages it listens to."""
        if self.kind == "cc14":
            assert self.number is not None
            return {("cc", self.number), ("cc", self.number + 32)}
        return {(self.kind, self.number)}

    def overlaps(self, other: Mapping) -> bool:
        """Whether one message could act on both."""
        if None not in (self.channel, other.channel) and self.channel != other.channel:
            return False
        return bool(self.controls & other.controls)

    def position(self, x: float) -> float:
        """Where the knob goes when the control stands at ``x``, both from 0 to 1."""
        return self.low + (self.high - self.low) * x

    def inverse(self, position: float) -> float:
        """Where the control would have to stand for the knob to be at ``position``."""
        if self.high == self.low:
            return 0.0
        return min(1.0, max(0.0, (position - self.low) / (self.high - self.low)))

    def words(self) -> str:
        """The control as a player would say it."""
        match self.kind:
            case "cc14":
                assert self.number is not None
                said = f"CC {self.number} and {self.number + 32} (14 bit)"
            case "note":
                assert self.number is not None
                said = f"note {self.number} ({note_name(self.number)})"
            case "program" if self.number is None:
                said = "any program change"
            case _:
                names = {"cc": "CC", "polytouch": "pressure of note", "pitchbend": "pitch bend"}
                said = names.get(self.kind, self.kind.replace("aftertouch", "pressure"))
                said += "" if self.number is None else f" {self.number}"
        said += "" if self.channel is None else f", channel {self.channel}"
        return said if self.mode == "absolute" else f"{said}, {self.mode}"


def parse(table: dict[str, Any], where: str) -> tuple[Mapping, list[str]]:
    """The mapping that ``table`` describes, and warnings; raises MidiError.

    ``where`` is what errors call the table.
    """

    def fail(message: str) -> MidiError:
        return MidiError(f"{where}: {message}")

    kinds = [key for key in table if key in KINDS]
    if len(kinds) != 1:
        said = " and ".join(kinds) or "no control"
        raise fail(f"names {said}; write one of {', '.join(KINDS)}")
    kind = kinds[0]
    number = _number(table[kind], kind, fail)
    channel = table.get("channel")
    if channel is not None and not _whole(channel, 1, 16):
        raise fail(f"channel = {channel!r} is not 1 to 16")
    mode = table.get("mode", "toggle" if kind in ("note", "program") else "absolute")
    if mode not in MODES:
        raise fail(f"mode = {mode!r} is not one of {', '.join(MODES)}")
    if mode in RELATIVE and kind != "cc":
        raise fail(f"mode = {mode!r} is for cc, not for {kind}")
    takeover = table.get("takeover", "jump")
    if takeover not in TAKEOVERS:
        raise fail(f"takeover = {takeover!r} is not one of {', '.join(TAKEOVERS)}")
    ends = [_end(table.get(key, default), key, fail) for key, default in _ENDS]
    target = table.get("target")
    try:
        check_target(target, kind, number)
    except MidiError as error:
        raise fail(str(error)) from None
    warnings = [
        f"{where}: {key!r} is not known here and is ignored" for key in table if key not in _KNOWN
    ]
    assert isinstance(target, str)
    return Mapping(kind, target, number, channel, mode, ends[0], ends[1], takeover), warnings


_ENDS = (("low", 0.0), ("high", 1.0))


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(value: object, kind: str, fail: Any) -> int | None:
    if kind not in NUMBERED:
        if value is not True:
            raise fail(f"{kind} = {value!r} is not true")
        return None
    if kind == "program" and value == "any":
        return None
    if not _whole(value, 0, NUMBERED[kind]):
        also = " or any" if kind == "program" else ""
        raise fail(f"{kind} = {value!r} is not 0 to {NUMBERED[kind]}{also}")
    assert isinstance(value, int)
    return value


def _end(value: object, key: str, fail: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise fail(f"{key} = {value!r} is not a position from 0 to 1")
    return float(value)


def check_target(target: object, kind: str = "", number: int | None = None) -> None:
    """Raise MidiError unless ``target`` has the form of a parameter's address or an action."""
    if not isinstance(target, str) or not target:
        raise MidiError('has no target; write target = "lane.plugin.param" or "action:tap"')
    if not target.startswith("action:"):
        if not _ADDRESS.match(target):
            raise MidiError(f"target = {target!r} is not lane.plugin.param or action:NAME")
        return
    found = _ACTION.match(target)
    if not found or found[1] not in ACTIONS:
        raise MidiError(f"target = {target!r}: an action is one of {', '.join(ACTIONS)}")
    if found[2] and found[1] != "select":
        raise MidiError(f"target = {target!r}: only action:select takes a number")
    valued = kind in ("", "cc") or (kind == "program" and number is None)
    if found[1] == "select" and not found[2] and not valued:
        raise MidiError(f"target = {target!r}: write which preset, as in action:select:3")


def dump(mapping: Mapping) -> dict[str, Any]:
    """The table of a mapping; ``parse`` reads the same mapping from it."""
    numbered: Any = mapping.number if mapping.kind in NUMBERED else True
    table: dict[str, Any] = {mapping.kind: "any" if numbered is None else numbered}
    if mapping.channel is not None:
        table["channel"] = mapping.channel
    table |= {"target": mapping.target, "mode": mapping.mode}
    plain = Mapping(mapping.kind, mapping.target)
    for key in ("low", "high", "takeover"):
        if getattr(mapping, key) != getattr(plain, key):
            table[key] = getattr(mapping, key)
    return table
