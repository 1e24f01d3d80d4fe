"""A preset of the set list and the way back: undo, redo, comparison."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.rack import Rack

UNDO_KEPT = 200
ONE_MOVE_SECONDS = 0.7
"""Turns of one knob that follow each other so closely are one step of undo, whatever other knobs
are turned meanwhile: a finger on a pad turns two."""

Become = Callable[[Rack], None]
"""Lets a rack sound in the place of the one that does; may raise ValueError."""


@dataclass
class Slot:
    """A preset of the set list: as it was saved, as it is now, and the way back."""

    saved: Rack
    rack: Rack
    path: Path | None = None
    undone: list[Rack] = field(default_factory=list)
    past: list[Rack] = field(default_factory=list)
    other: Rack | None = None  # of an A/B comparison: the one that does not sound
    _moved: dict[str, float] = field(default_factory=dict, init=False)  # knobs, and when

    def remember(self, address: str, before: Rack) -> None:
        """A knob was turned; ``before`` is the rack as it was."""
        now = time.monotonic()
        self._moved = {k: at for k, at in self._moved.items() if now - at <= ONE_MOVE_SECONDS}
        if address not in self._moved:
            self.past = [*self.past[-UNDO_KEPT + 1 :], before]
            self.undone = []
        self._moved[address] = now

    def settle(self) -> None:
        """The next turn is a move of its own."""
        self._moved.clear()

    def undo(self, become: Become) -> bool:
        """Take the last move back; False if there is none."""
        return self._go(self.past, self.undone, become)

    def redo(self, become: Become) -> bool:
        """Make the move again that was taken back; False if there is none."""
        return self._go(self.undone, self.past, become)

    def _go(self, there: list[Rack], back: list[Rack], become: Become) -> bool:
        if not there:
            return False
        rack = there.pop()
        back.append(self.rack)
        try:
            become(rack)
        except ValueError:
            there.append(rack)
            back.pop()
            raise
        return True

    def compare(self, become: Become) -> None:
        """Go over to the other of two versions: at first, to the preset as it was saved."""
        if self.other is None and self.rack == self.saved:
            return
        before, self.other = self.other, self.rack
        try:
            become(before or self.saved)
        except ValueError:
            self.other = before
            raise

    def map_midi(self, midi: tuple[dict[str, Any], ...]) -> None:
        """Hold these mappings in every version; undo does not take them back."""
        self.rack = replace(self.rack, midi=midi)
        self.past = [replace(rack, midi=midi) for rack in self.past]
        self.undone = [replace(rack, midi=midi) for rack in self.undone]
        self.other = self.other and replace(self.other, midi=midi)


def structure(rack: Rack) -> Any:
    """What has to be built anew if it changes: everything but where knobs stand."""
    lanes = [(k.name, k.source, [(p.use, p.name, p.settings) for p in k.chain]) for k in rack.lanes]
    return lanes, [(p.use, p.name, p.settings) for p in rack.master], rack.folder
