"""What an OSC message means: an address and its arguments become an order to the desk."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.control import follower
from engine.control.osc import facts
from engine.control.osc.inbox import Client, Order

if TYPE_CHECKING:
    from engine.control.desk import Desk
    from engine.rack import Rack

SOURCE = "osc"
ACTIONS = {
    "/preset/next": "next", "/preset/previous": "previous", "/tap": "tap", "/panic": "panic",
    "/undo": "undo", "/redo": "redo", "/compare": "compare", "/save": "save",
    "/bypass/toggle": "bypass", "/record/toggle": "record",
    **{f"/{name.replace(':', '/')}": name for name in follower.ACTIONS},
}  # fmt: skip
"""Addresses of buttons: they act when pressed."""
LAST_COUNTS = ("/tempo", "/bypass")
"""Of a preset or a take, one in passing counts as well."""


class Refused(ValueError):
    """A message that makes no sense here; the text is for its sender."""


class Orders:
    """Reads messages for a desk. ``answer`` sends facts to one client."""

    def __init__(
        self,
        desk: Desk,
        answer: Callable[[Client, list[facts.Fact]], None],
        refresh: Callable[[Client], None],
        reply: Callable[[Client, int], None],
        may_save: bool = False,
    ) -> None:
        self._desk, self._answer, self._refresh, self._reply = desk, answer, refresh, reply
        self._may_save = may_save
        self._values: dict[str, Callable[[Any, int], None]] = {
            "/preset": self._select,
            "/tempo": lambda value, _: desk.clock.set(_number(value), source=SOURCE),
            "/bypass": lambda value, _: desk.bypass(_number(value) > 0.0, SOURCE),
            "/record": lambda value, _: desk.record(_number(value) > 0.0, SOURCE),
        }

    def read(
        self, address: str, given: list[Any], client: Client, stamp_ns: int
    ) -> Order | None:  # fmt: skip
        """The order that a message is, or None for a button that is let go; raises Refused."""
        family, _, rest = address[1:].partition("/")
        if address in ACTIONS:
            return self._button(address, given, client, stamp_ns)
        if address in self._values:
            return self._value(address, given, client, stamp_ns)
        if family in ("rack", "position") and rest:
            return self._knob(family, rest.replace("/", "."), given, client, stamp_ns)
        if address == "/xy" or family == "xy":
            return self._pair(address, rest.replace("/", "."), given, client, stamp_ns)
        if family == "preset" and rest.isascii() and rest.isdigit():
            run = partial(self._select, int(rest), stamp_ns)
            return Order(None, run, client) if _pressed(given) else None
        match address:
            case "/note":
                message = _note(given)
                return Order(None, partial(self._desk.note, message, stamp_ns), client)
            case "/refresh":
                ask = partial(self._refresh, client)
                return Order((address, client.address), ask, client) if _pressed(given) else None
            case "/reply":
                return Order(None, partial(self._reply, client, _port(given)), client)
        raise Refused(f"{address[:80]} is not an address of this rack")

    def _button(
        self, address: str, given: list[Any], client: Client, stamp_ns: int
    ) -> Order | None:  # fmt: skip
        if not _pressed(given):
            return None
        if address == "/save" and not self._may_save:
            raise Refused("/save is not allowed by OSC here")
        act = partial(self._desk.act, ACTIONS[address], None, SOURCE, stamp_ns)
        return Order(None, act, client)

    def _value(self, address: str, given: list[Any], client: Client, stamp_ns: int) -> Order:
        if not given:
            run = partial(self._tell, client, address)
            return Order(("?", client.address, address), run, client)
        run = partial(self._values[address], _one(address, given), stamp_ns)
        key = address if address in LAST_COUNTS else None
        return Order(key, run, client, own=address != "/preset")

    def _tell(self, client: Client, address: str) -> None:
        self._answer(client, [facts.state(self._desk, address)])

    def _select(self, value: Any, stamp_ns: int) -> None:
        names = self._desk.names()
        if isinstance(value, str):
            found = [n for n, name in enumerate(names) if name.lower() == value.lower()]
            if not found:
                raise Refused(f"no preset is called {value[:80]!r}; there are {', '.join(names)}")
            self._desk.select(found[0], SOURCE)
            return
        number = _whole("/preset", value, 1, len(names))
        self._desk.select(number - 1, SOURCE)

    def _knob(
        self, family: str, name: str, given: list[Any], client: Client, stamp_ns: int
    ) -> Order:
        if not given:
            ask = partial(self._describe, client, family, name)
            return Order(("?", client.address, family, name), ask, client)
        turn = self._set if family == "rack" else self._place
        run = partial(turn, name, _one(f"/{family}", given), stamp_ns)
        return Order(name, run, client, own=True)

    def _pair(
        self, address: str, plugin: str, given: list[Any], client: Client, stamp_ns: int
    ) -> Order:
        """Two knobs in one message, as an XY pad sends them: a plugin's, or the preset's own."""
        if not given:
            ask = partial(self._tell_pair, client, address, plugin)
            return Order(("?", client.address, address), ask, client)
        if len(given) != 2:
            raise Refused(f"{address[:80]} takes x and y, not {len(given)} arguments")
        run = partial(self._place_pair, plugin, given, stamp_ns)
        return Order(address, run, client, own=True)

    def _place_pair(self, plugin: str, given: list[Any], stamp_ns: int) -> None:
        names = pad(self._desk.rack, plugin)
        places = [self._position(name, value) for name, value in zip(names, given, strict=True)]
        for name, place in zip(names, places, strict=True):
            self._desk.place(name, place, SOURCE, stamp_ns)

    def _tell_pair(self, client: Client, address: str, plugin: str) -> None:
        places = (self._desk.position(name) for name in pad(self._desk.rack, plugin))
        self._answer(client, [(address, tuple(places))])

    def _describe(self, client: Client, family: str, name: str) -> None:
        self._known(name)
        found = facts.knob(name, self._desk.param(name), self._desk.value(name))
        self._answer(client, [fact for fact in found if fact[0].startswith(f"/{family}/")])

    def _known(self, name: str) -> None:
        """Only knobs: a file's name must never come from the network."""
        if name not in self._desk.params():
            path = name.replace(".", "/")[:80]
            raise Refused(f"preset {self._desk.rack.name} has no /rack/{path}")

    def _set(self, name: str, value: Any, stamp_ns: int) -> None:
        self._known(name)
        if isinstance(value, str) and not self._desk.param(name).choices:
            raise Refused(f"{name}: {value[:80]!r} is not {self._desk.param(name).allowed}")
        plain = value if isinstance(value, str) else _number(value)
        self._desk.set(name, plain, SOURCE, stamp_ns)

    def _place(self, name: str, value: Any, stamp_ns: int) -> None:
        self._desk.place(name, self._position(name, value), SOURCE, stamp_ns)

    def _position(self, name: str, value: Any) -> float:
        self._known(name)
        position = _number(value)
        if not 0.0 <= position <= 1.0:
            raise Refused(f"{name}: position {position:g} is outside 0 to 1")
        return position


def pad(rack: Rack, plugin: str) -> tuple[str, ...]:
    """The two knobs of a plugin's own pad ("lane.plugin"), or of the preset's (""); or Refused."""
    if not plugin:
        if rack.xy:
            return rack.xy
        raise Refused(f"/xy: preset {rack.name} has no two parameters on its XY pad")
    for lane, link in rack.links():
        if link is not None and f"{lane}.{link.name}" == plugin and link.plugin.xy:
            return tuple(f"{plugin}.{name}" for name in link.plugin.xy)
    raise Refused(f"preset {rack.name} has no /xy/{plugin.replace('.', '/')[:80]}")


def _one(address: str, given: list[Any]) -> Any:
    if len(given) != 1:
        raise Refused(f"{address} takes one argument, not {len(given)}")
    return given[0]


def _number(value: Any) -> float:
    """A number as it was meant: OSC's floats have 24 bits, and 0.1 should not be 0.10000000149."""
    if not isinstance(value, (bool, int, float)):
        shown = value[:80] if isinstance(value, (str, bytes)) else value
        raise Refused(f"{shown!r} is not a number")
    number = float(value)
    if not math.isfinite(number):
        raise Refused(f"{number:g} is not a number")
    with np.errstate(over="ignore"):
        short = np.float32(number)
    return float(str(short)) if float(short) == number else number


def _whole(address: str, value: Any, least: int, most: int) -> int:
    number = _number(value)
    if not least <= number <= most or number != int(number):
        raise Refused(f"{address}: {number:g} is not a whole number from {least} to {most}")
    return int(number)


def _pressed(given: list[Any]) -> bool:
    """Buttons send 1.0 when pressed and 0.0 when let go; a bare message is a press."""
    return not given or _number(given[0]) > 0.0


def _note(given: list[Any]) -> bytes:
    if not 2 <= len(given) <= 3:
        raise Refused("/note takes pitch, velocity and perhaps a channel")
    pitch, velocity = (_whole("/note", value, 0, 127) for value in given[:2])
    channel = _whole("/note", given[2] if len(given) == 3 else 1, 1, 16)
    return bytes(((0x90 if velocity else 0x80) | (channel - 1), pitch, velocity))


def _port(given: list[Any]) -> int:
    return _whole("/reply", _one("/reply", given), 1, 65535)


__all__ = ["ACTIONS", "SOURCE", "Orders", "Refused", "pad"]
