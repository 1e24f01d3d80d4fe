"""Ten thousand mixed MIDI messages, and where they leave the knobs they turn."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from engine.rack import Lane, Link, Rack

RACK = Rack(
    "knobs", lanes=(Lane("a", "left", (Link("gain", "one"), Link("gain", "two", {"wet": 0.5}))),)
)
GAIN, FINE, BEND, CLICKED, SWITCHED = (
    "a.gain_db", "a.one.gain_db", "a.two.gain_db", "a.two.wet", "a.one.bypass",
)  # fmt: skip
KNOBS = (GAIN, FINE, BEND, CLICKED, SWITCHED)
CONTROLLER = 20
"""Turns the lane's gain."""


def mappings(gain: str, fine: str, bend: str, clicked: str, switched: str) -> str:
    """A file of mappings: a controller, a 14-bit one, pitch bend, an encoder, a pedal."""
    tables = (
        (f"cc = {CONTROLLER}", gain, "absolute"),
        ("cc14 = 1", fine, "absolute"),
        ("pitchbend = true", bend, "absolute"),
        ("cc = 21", clicked, "relative-offset"),
        ("cc = 22", switched, "toggle"),
    )
    return "".join(
        f'[[midi]]\n{control}\ntarget = "{target}"\nmode = "{mode}"\n'
        for control, target, mode in tables
    )


def messages(seed: int, count: int) -> list[list[int]]:
    """``count`` messages: controllers of every kind, notes, pitch bend, clock."""
    rng = random.Random(seed)

    def any7() -> int:
        return rng.randrange(128)

    kinds: list[Callable[[], list[int]]] = [
        lambda: [0xB0, CONTROLLER, any7()],
        lambda: [0xB0, rng.choice((1, 33)), any7()],
        lambda: [0xB0, 21, rng.choice((63, 65))],
        lambda: [0xB0, 22, 127],
        lambda: [0x90, any7(), any7()],
        lambda: [0x80, any7(), any7()],
        lambda: [0xE0, any7(), any7()],
        lambda: [0xC0, any7()],
        lambda: [0xF8],
    ]
    last = [[0xB0, 1, 80], [0xB0, 33, any7()], [0xE0, any7(), 70], [0xB0, CONTROLLER, 100]]
    return [*(rng.choice(kinds)() for _ in range(count - len(last))), *last]


def positions(sent: Sequence[Sequence[int]]) -> dict[str, float]:
    """Where each knob stands in the end, from 0 to 1."""
    high = low = 0
    at = {CLICKED: 0.5, SWITCHED: 0.0}
    for status, *data in sent:
        if status == 0xE0:
            at[BEND] = (data[0] | data[1] << 7) / 16383
        elif status != 0xB0:
            continue
        elif data[0] == CONTROLLER:
            at[GAIN] = data[1] / 127
        elif data[0] in (1, 33):
            high, low = (data[1], low) if data[0] == 1 else (high, data[1])
            at[FINE] = (high << 7 | low) / 16383
        elif data[0] == 21:
            at[CLICKED] = min(1.0, max(0.0, at[CLICKED] + (data[1] - 64) / 127))
        elif data[0] == 22:
            at[SWITCHED] = 1.0 - at[SWITCHED]
    return at


__all__ = ["CONTROLLER", "GAIN", "KNOBS", "RACK", "mappings", "messages", "positions"]
