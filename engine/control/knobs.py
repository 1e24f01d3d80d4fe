"""The knobs of the rack that sounds: where they stand, turning them, and telling so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.control.patience import patiently
from engine.control.slot import Slot, structure
from engine.host import Host
from engine.params import Param
from engine.rack import Rack, RackError


class Knobs:
    """Whoever calls what turns something holds the desk's lock.

    ``slot`` returns the preset that sounds, ``tell`` says what changed to those who listen, and
    ``another`` says that the rack has another structure.
    """

    def __init__(
        self,
        host: Host,
        slot: Callable[[], Slot],
        tell: Callable[..., None],
        another: Callable[[str], None],
    ) -> None:
        self._host, self._slot, self._tell, self._another = host, slot, tell, another
        self._addresses: tuple[Any, dict[str, Param]] = (None, {})

    @property
    def _rack(self) -> Rack:
        return self._slot().rack

    def params(self) -> dict[str, Param]:
        """Every knob: address ("lane.plugin.param") and declaration."""
        built, known = self._addresses
        rack = self._rack  # another may sound by the time this one's are known
        if built != structure(rack):
            known = {name: param for name, (_, _, param) in rack.addresses().items()}
            self._addresses = (structure(rack), known)
        return known

    def param(self, address: str) -> Param:
        """The declaration of one knob; raises RackError."""
        try:
            return self.params()[address]
        except KeyError:
            raise RackError(f"preset {self._rack.name} has no parameter {address!r}") from None

    def value(self, address: str) -> float:
        """Where one knob stands, plain; raises RackError."""
        return self._rack.value(address)

    def position(self, address: str) -> float:
        """Where one knob stands, from 0 to 1."""
        return self.param(address).to_position(self.value(address))

    def beside(self, address: str, by: float) -> float:
        """The position a part of its way further; a switch goes one step up or down."""
        param = self.param(address)
        step = max(abs(by), 1.0 / (param.maximum - param.minimum)) if param.choices else abs(by)
        return self.position(address) + (step if by > 0 else -step)

    def opposite(self, address: str) -> float:
        """A switch's next choice; of any other knob the end of its way that is farther."""
        param, value = self.param(address), self.value(address)
        if param.choices:
            return (value + 1) % len(param.choices)
        return param.minimum if value > param.from_position(0.5) else param.maximum

    def home(self, address: str) -> float:
        """Where the preset was saved, or the default if it stands there already."""
        saved, param = self._slot().saved.value(address), self.param(address)
        return param.default if self.value(address) == saved else saved

    def turn(self, address: str, value: float | str, stamp_ns: int | None = None) -> None:
        """Turn one knob to a plain value; raises RackError."""
        patiently(lambda: self._host.set(address, value, stamp_ns))
        self._slot().rack = self._host.rack

    def told(self, address: str, source: str) -> None:
        """Tell where a knob stands now."""
        params = self.params()
        if address in params:
            value = self.value(address)
            position = params[address].to_position(value)
            self._tell("value", source, address=address, value=value, position=position)
        else:
            self._another(source)

    def become(self, rack: Rack, source: str) -> None:
        """Let the rack that sounds be ``rack``: turn knobs where that is enough.

        It keeps its name: what is saved next goes into the file that was saved last.
        """
        slot = self._slot()
        slot.settle()
        now = slot.rack
        rack = replace(rack, name=now.name)
        if structure(now) != structure(rack):
            self._host.load(rack)
            slot.rack = rack
            self._another(source)
            return
        for address in self.params():
            if now.value(address) != rack.value(address):
                self.turn(address, rack.value(address))
                self.told(address, source)
        slot.rack = self._host.rack = rack
        if now.xy != rack.xy:
            self._tell("xy", source, xy=list(rack.xy))
