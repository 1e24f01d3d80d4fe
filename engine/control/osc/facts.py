"""What a surface is shown: the desk as OSC messages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from engine.params import Param

if TYPE_CHECKING:
    from engine.control.desk import Desk

Fact = tuple[str, tuple[Any, ...]]
SILENCE_DB = -120.0
STATES = ("/preset", "/tempo", "/bypass", "/record")
PULSE = ("/pulse/tempo", "/pulse/confidence")


def knob(address: str, param: Param, value: float) -> list[Fact]:
    """One knob as a plain value, as a hand's position, and in words for a label."""
    path = address.replace(".", "/")
    words = param.choices[int(value)] if param.choices else f"{value:.4g} {param.unit}".strip()
    return [
        (f"/rack/{path}", (float(value),)),
        (f"/position/{path}", (param.to_position(value),)),
        (f"/text/{path}", (words,)),
    ]


def state(desk: Desk, name: str) -> Fact:
    """One of ``STATES`` as it is now."""
    match name:
        case "/preset":
            return name, (desk.at + 1, desk.rack.name)
        case "/tempo":
            return name, (float(desk.clock.tempo_bpm),)
        case "/bypass":
            return name, (float(desk.bypassed),)
        case _:
            return "/record", (float(desk.recording),)


def pulse(desk: Desk, name: str) -> list[Fact]:
    """One of ``PULSE`` as it is now; nothing while no plugin leads the beat."""
    found = desk.pulse
    if found is None:
        return []
    return [(name, (float(found.tempo_bpm if name == "/pulse/tempo" else found.confidence),))]


def pulse_beat(known: dict[str, Any]) -> Fact:
    """A beat that is to come: which since the start, which of its bar, tempo, confidence."""
    given = known["number"], known["place"], float(known["tempo_bpm"]), float(known["confidence"])
    return "/pulse/beat", given


def note(data: bytes) -> list[Fact]:
    """A note that a plugin has made, as ``/note`` is heard: pitch, velocity, channel from 1."""
    kind = data[0] & 0xF0
    if kind not in (0x80, 0x90):
        return []
    return [("/note", (data[1], data[2] if kind == 0x90 else 0, (data[0] & 0x0F) + 1))]


def beat(number: int, bar: int, tempo_bpm: float) -> Fact:
    """Beat ``number`` is here: its place in a bar of ``bar`` beats, from 1, and the tempo."""
    return "/beat", (number % bar + 1, float(tempo_bpm))


def meters(control: Any) -> list[Fact]:
    """Peaks of every input and output in dB, down to -120."""
    peaks = [_db(float(peak)) for peak in control["meters"]]
    found: list[Fact] = []
    for place, name in enumerate(("in", "out")):
        count = int(control[f"{name}puts"])
        found += [(f"/meter/{name}/{c + 1}", (peaks[2 * place + c],)) for c in range(min(count, 2))]
    return found


def _db(peak: float) -> float:
    return max(20.0 * math.log10(peak), SILENCE_DB) if peak > 0.0 else SILENCE_DB
