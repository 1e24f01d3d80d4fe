"""What a page may ask for: JSON objects {"do": NAME, ...}, each checked before the desk hears it.

place     address, position        xy        x, y           positions of the pad's two parameters
set       address, value           assign    across, up     what the pad turns; "" twice: nothing
nudge     address, by              tempo     tempo_bpm
toggle    address                  bypass    on (or left out: the other way)
reset     address                  record    on (or left out: the other way)
select    number                   note      note, velocity (0 ends it)
step      by                       learn     target         forget    target
save      name (or left out)       cancel, undo, redo, compare, tap, panic
pulse     what: half, double, later, sooner, one, hold
open      number, name: of the presets that the snapshot lists as "library"

An address is one of the rack's parameters, never a setting: no message names a file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from engine import preset
from engine.control import setlist
from engine.control.desk import ACTIONS, Desk, Learner
from engine.control.midi import mistakes
from engine.params import Param
from engine.rack import RackError

SOURCE = "web"
LONGEST_NAME = 40
NOTE_ON, NOTE_OFF = 0x90, 0x80
FAR = 1e12  # no parameter is so wide
Message = dict[str, Any]


class ProtocolError(ValueError):
    """A message that is not one of ours; says what is allowed."""


def parse(text: str) -> Message:
    """The JSON object in ``text``; raises ProtocolError."""
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise ProtocolError("a message is JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("do"), str):
        raise ProtocolError('a message is an object like {"do": "undo"}')
    return found


def _no_number(name: str) -> float:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_number)  # JSON has no NaN; Python's would


class Commands:
    """Does what messages ask of one desk; raises ValueError with one clear line."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[str, Callable[[Message], Any]] = {
            "place": lambda m: desk.place(self._knob(m), _number(m, "position", 0, 1), SOURCE),
            "set": self._set,
            "nudge": lambda m: desk.nudge(self._knob(m), _number(m, "by", -1, 1), SOURCE),
            "toggle": lambda m: desk.toggle(self._knob(m), SOURCE),
            "reset": lambda m: desk.reset(self._knob(m), SOURCE),
            "xy": self._xy,
            "assign": self._assign,
            "select": lambda m: desk.select(_whole(m, "number", 0, len(desk.slots) - 1), SOURCE),
            "step": lambda m: desk.step(_whole(m, "by", -1, 1), SOURCE),
            "open": self._open,
            "save": self._save,
            "undo": lambda _: desk.undo(SOURCE),
            "redo": lambda _: desk.redo(SOURCE),
            "compare": lambda _: desk.compare(SOURCE),
            "learn": lambda m: self._learner.learn(self._target(m)),
            "forget": lambda m: self._learner.forget(_text(m, "target")),
            "cancel": lambda _: self._learner.cancel(),
            "tap": lambda _: desk.tap(SOURCE),
            "tempo": lambda m: desk.clock.set(_number(m, "tempo_bpm"), source=SOURCE),
            "panic": lambda _: desk.panic(SOURCE),
            "pulse": self._pulse,
            "bypass": lambda m: desk.bypass(_switch(m, "on"), SOURCE),
            "record": lambda m: desk.record(_switch(m, "on"), SOURCE),
            "note": self._note,
        }

    def do(self, message: Message) -> None:
        """Do it, or raise ValueError."""
        command = self._known.get(message["do"])
        if command is None:
            raise ProtocolError(f"{_short(message['do'])} is not one of {', '.join(self._known)}")
        command(message)

    @property
    def _learner(self) -> Learner:
        if self._desk.learner is None:
            raise ProtocolError("there is no MIDI here to learn from")
        return self._desk.learner

    def _knob(self, message: Message, key: str = "address") -> str:
        """An address of a parameter of the rack; anything else, files above all, is refused."""
        address = _text(message, key)
        if address not in self._desk.params():
            raise RackError(f"preset {self._desk.rack.name} has no parameter {_short(address)}")
        return address

    def _set(self, message: Message) -> None:
        address = self._knob(message)
        param: Param = self._desk.param(address)
        value = message.get("value")
        if not (param.choices and isinstance(value, str)):
            value = _number(message, "value")
        self._desk.set(address, param.check(value), SOURCE)

    def _xy(self, message: Message) -> None:
        pair = self._desk.rack.xy
        if len(pair) != 2:
            raise ProtocolError("the XY pad turns nothing yet; assign two parameters")
        for address, key in zip(pair, "xy", strict=True):
            self._desk.place(address, _number(message, key, 0, 1), SOURCE)

    def _assign(self, message: Message) -> None:
        if _text(message, "across") or _text(message, "up"):
            pair = self._knob(message, "across"), self._knob(message, "up")
            self._desk.assign(pair, SOURCE)
        else:
            self._desk.assign((), SOURCE)

    def _open(self, message: Message) -> None:
        """Play a preset of the player's: by its number, so that no name is looked up on disk."""
        known = list(preset.names().items())
        name, path = known[_whole(message, "number", 0, len(known) - 1)]
        if name != _text(message, "name"):
            raise ProtocolError("the presets have changed meanwhile; load the page again")
        paths = [slot.path for slot in self._desk.slots]
        if path in paths:
            self._desk.select(paths.index(path), SOURCE)
            return
        if len(paths) >= setlist.MOST:
            raise ProtocolError(f"a set list has no more than {setlist.MOST} presets")
        loaded = preset.load(path)
        for text in (*loaded.warnings, *mistakes(loaded.rack, str(path))):
            self._desk.tell("message", SOURCE, text=text)
        self._desk.select(self._desk.add(loaded.rack, path, SOURCE), SOURCE)

    def _save(self, message: Message) -> None:
        name = message.get("name")
        if name is None:
            self._desk.save(source=SOURCE)
            return
        name = " ".join(_text(message, "name").split())
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise ProtocolError(f"a preset's name has 1 to {LONGEST_NAME} letters")
        self._desk.save(name, SOURCE)

    def _target(self, message: Message) -> str:
        """A parameter's address, or "action:NAME" with perhaps a number behind it."""
        target = _text(message, "target")
        if not target.startswith("action:"):
            return self._knob(message, "target")
        _, name, *number = target.split(":")
        if name == "pulse" and number:
            name, number = f"{name}:{number[0]}", number[1:]
        if name not in ACTIONS or len(number) > 1 or not "".join(number).isascii():
            raise ProtocolError(f"{_short(name)} is not one of {', '.join(ACTIONS)}")
        if number and not (number[0].isdigit() and int(number[0]) < len(self._desk.slots)):
            raise ProtocolError(f"there are {len(self._desk.slots)} presets, counted from 0")
        return target

    def _pulse(self, message: Message) -> None:
        action = f"pulse:{_text(message, 'what')}"
        if action not in ACTIONS:
            known = ", ".join(name[6:] for name in ACTIONS if name.startswith("pulse:"))
            raise ProtocolError(f"{_short(message['what'])} is not one of {known}")
        self._desk.act(action, None, SOURCE)

    def _note(self, message: Message) -> None:
        note, velocity = _whole(message, "note", 0, 127), _whole(message, "velocity", 0, 127)
        self._desk.note(bytes((NOTE_ON if velocity else NOTE_OFF, note, velocity)))


def _text(message: Message, key: str) -> str:
    found = message.get(key)
    if not isinstance(found, str):
        raise ProtocolError(f"{key} = {_short(found)} is not text")
    return found


def _number(message: Message, key: str, least: float = -FAR, most: float = FAR) -> float:
    found = message.get(key)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ProtocolError(f"{key} = {_short(found)} is not a number")
    if not (math.isfinite(found) if isinstance(found, float) else abs(found) <= FAR):
        raise ProtocolError(f"{key} is not a number that a knob can have")
    if not least <= found <= most:
        raise ProtocolError(f"{key} = {found:g} is outside {least:g} to {most:g}")
    return float(found)


def _whole(message: Message, key: str, least: int, most: int) -> int:
    found = _number(message, key, least, most)
    if found != int(found):
        raise ProtocolError(f"{key} = {found:g} is not a whole number")
    return int(found)


def _switch(message: Message, key: str) -> bool | None:
    found = message.get(key)
    if found is not None and not isinstance(found, bool):
        raise ProtocolError(f"{key} = {_short(found)} is not true or false")
    return found


def _short(value: object) -> str:
    found = repr(value)
    return found if len(found) <= 60 else found[:57] + "..."


__all__ = ["Commands", "Message", "ProtocolError", "parse"]
