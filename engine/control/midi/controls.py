"""What a control's numbers mean: encoders, 14-bit pairs, presses, and picking a knob up."""

from __future__ import annotations

from dataclasses import dataclass, field

PRESSED = 0.5
NEAR = 1.5 / 127
"""A control this near to the knob has reached it: pots do not stop at every one of 128 steps."""


def clicks(value: int, mode: str) -> int:
    """How far an endless encoder was turned, in clicks; to the left is negative.

    ``value`` is 0 to 127; ``mode`` says how it counts down: "relative-twos" 127, 126 ...;
    "relative-sign" 65, 66 ...; "relative-offset" 63, 62 ...
    """
    match mode:
        case "relative-twos":
            return value if value < 64 else value - 128
        case "relative-sign":
            return -(value & 0x3F) if value & 0x40 else value
        case _:
            return value - 64


@dataclass
class Pair:
    """Controllers n and n + 32 as one value of 14 bits.

    A new high byte sets the low one to zero until that arrives, as the specification says. A
    device that never sends the low one has 7 bits, and reaches the end of the way with them.
    """

    high: int = 0
    low: int | None = None

    def heard(self, is_low: bool, value: int) -> float:
        """Where the control stands now, from 0 to 1."""
        if is_low:
            self.low = value
        else:
            if self.low is not None and value != self.high:
                self.low = 0
            self.high = value
        return self.high / 127 if self.low is None else (self.high << 7 | self.low) / 16383


@dataclass
class Press:
    """When a switch is pressed: 127 after 127 is two presses, a knob on its way up is one."""

    last: float = 0.0

    def heard(self, x: float) -> bool:
        """Whether the control, now at ``x`` from 0 to 1, was pressed just now."""
        last, self.last = self.last, x
        return x >= PRESSED and (last < PRESSED or x == last)


@dataclass
class Pickup:
    """Lets a control act once it has reached or crossed where the knob stands.

    It holds the knob for as long as that stays where the control has put it; if a preset or
    another hand moves it, it has to be reached again.
    """

    put: float | None = None
    last: float | None = None

    def holds(self, position: float, knob: float) -> bool:
        """Whether the control at ``position`` acts on the knob that stands at ``knob``."""
        last, self.last = self.last, position
        if self.put is not None and self.put == knob:
            return True
        self.put = None
        crossed = last is not None and (last - knob) * (position - knob) <= 0.0
        return crossed or abs(position - knob) <= NEAR


@dataclass
class State:
    """What one mapping remembers from message to message."""

    pair: Pair = field(default_factory=Pair)
    press: Press = field(default_factory=Press)
    pickup: Pickup = field(default_factory=Pickup)
