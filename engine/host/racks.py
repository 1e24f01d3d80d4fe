"""What a window knows of the racks in the audio process."""

from __future__ import annotations

from typing import Any

from engine.params import Param
from engine.rack import Rack


class Racks:
    """The rack that sounds, those of the set list, and where the audio process has them."""

    def __init__(self, rack: Rack) -> None:
        self.rack = rack
        self.table = 0
        """What the audio process calls the rack that sounds."""
        self.number: int | None = None
        """Which of the set list sounds."""
        self.enlisted: dict[int, Rack] = {}
        self.built: dict[int, tuple[int, int]] = {}
        """Of the set list: what the audio process calls each, and its address there."""
        self._addresses: dict[str, tuple[int, int, Param]] | None = None

    def knob(self, address: str) -> tuple[int, int, Param] | None:
        """Node, knob and declaration of a parameter of the rack that sounds."""
        if self._addresses is None:
            self._addresses = self.rack.addresses()
        return self._addresses.get(address)

    def turned(self, rack: Rack) -> None:
        """A knob was turned: the rack is ``rack`` now, of the same plugins."""
        self.rack = rack
        if self.number is not None:
            self.enlisted[self.number] = rack

    def keep(self, rack: Rack) -> None:
        """The rack that sounds is ``rack``, or will be when somebody is there to be told."""
        self._addresses = None
        self.turned(rack)

    def refer(self, answer: dict[str, Any]) -> None:
        """The audio process has said which rack sounds."""
        self.table, self._addresses = int(answer["table"]), None

    def went(self, answer: dict[str, Any]) -> None:
        """The audio process has gone over to a rack, which is ``number`` of the set list."""
        self.refer(answer)
        if self.number is not None:
            self.built[self.number] = place(answer)


def place(answer: dict[str, Any]) -> tuple[int, int]:
    """What the audio process calls a rack, and its address there."""
    return int(answer["table"]), int(answer["address"])
