"""One MIDI message: its bytes, and what they say (MIDI 1.0 Detailed Specification, 4.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

_CHANNEL = {
    0x80: "note",
    0x90: "note",
    0xA0: "polytouch",
    0xB0: "cc",
    0xC0: "program",
    0xD0: "aftertouch",
    0xE0: "pitchbend",
}
_SYSTEM = {0xF2: "song", 0xF8: "clock", 0xFA: "start", 0xFB: "continue", 0xFC: "stop"}
_DATA_BYTES = {0xC0: 1, 0xD0: 1, 0xF1: 1, 0xF2: 2, 0xF3: 1}
BEND_CENTRE = 8192
BEND_TOP = 16383


class MidiError(ValueError):
    """Something of MIDI that cannot be used; the message says what was given, what is allowed."""


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived, where and when (``time.monotonic_ns``).

    ``kind`` is note, polytouch, cc, program, aftertouch, pitchbend, song, clock, start,
    continue, stop or other. ``channel`` is 1 to 16, and 0 if there is none. ``number`` is the
    note, controller or program; ``value`` its velocity (0 is note off), position or pressure,
    a bend from 0 to 16383, or a song's position in sixteenths.
    """

    kind: str
    channel: int = 0
    number: int = 0
    value: int = 0
    data: bytes = b""
    stamp_ns: int = 0
    port: str = ""


def parse(data: bytes, stamp_ns: int = 0, port: str = "") -> Message | None:
    """What ``data`` says; None if it is no whole message."""
    if not data or data[0] < 0x80:
        return None
    status = data[0]
    if status == 0xF0:
        return Message("other", data=data, stamp_ns=stamp_ns, port=port)
    kind = status & 0xF0 if status < 0xF0 else status
    wanted = _DATA_BYTES.get(kind, 2 if status < 0xF0 else 0)
    if len(data) != 1 + wanted or any(byte > 0x7F for byte in data[1:]):
        return None
    if status >= 0xF0:
        place = data[1] | data[2] << 7 if status == 0xF2 else 0
        name = _SYSTEM.get(status, "other")
        return Message(name, value=place, data=data, stamp_ns=stamp_ns, port=port)
    number, value = data[1], data[-1]
    match kind:
        case 0x80:
            value = 0
        case 0xD0:
            number = 0
        case 0xE0:
            number, value = 0, data[1] | data[2] << 7
    return Message(_CHANNEL[kind], (status & 0x0F) + 1, number, value, data, stamp_ns, port)


def note_name(number: int) -> str:
    """A note as players write it: 60 is C4."""
    names = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
    return f"{names[number % 12]}{number // 12 - 1}"
