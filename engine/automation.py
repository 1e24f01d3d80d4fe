"""Automation for a render: a CSV of moves, or the controllers of a MIDI file.

time, parameter, value              # a header may be left out
0.5, guitar.delay.mix, 0.4          # seconds
1:02.250, guitar.bypass, on         # or minutes; a choice by its name
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.params import Param, ParamError
from engine.rack import Rack
from engine.render import Message, Move

MAX_BYTES = 1 << 26
MAX_SECONDS = 1e6
PLAYED = {"note_on", "note_off", "polytouch", "control_change", "aftertouch", "pitchwheel"}
"""Messages for instruments."""
Controller = tuple[int, str]
"""A MIDI controller's number and the address of the parameter it turns."""


class AutomationError(ValueError):
    """Automation that cannot be used; the message names the file, the line and what may be."""


def load(
    path: Path, rack: Rack, sample_rate: int, controllers: Sequence[Controller] = ()
) -> list[Move]:
    """The moves written in ``path``; ``controllers`` say what the CCs of a MIDI file turn."""
    data = _read(path)
    params = {name: param for name, (_, _, param) in rack.addresses().items()}
    if data[:4] == b"MThd" or path.suffix.lower() in (".mid", ".midi"):
        if not controllers:
            raise AutomationError(
                f"{path}: is MIDI; say what its controllers turn: --cc 20=ADDRESS"
            )
        return _from_midi(path, params, controllers, sample_rate)
    moves = [
        Move(round(seconds * sample_rate), address, value)
        for seconds, address, value in _rows(path, data, params)
    ]
    if not moves:
        raise AutomationError(f"{path}: moves nothing; a line of it is time, parameter, value")
    return moves


def messages_in(path: Path, sample_rate: int) -> list[Message]:
    """What a MIDI file plays: its notes, bends, pressure, and all controllers."""
    data = _read(path)
    if data[:4] != b"MThd":
        raise AutomationError(f"{path}: is not MIDI; notes are those of a .mid file")
    played = [
        Message(round(seconds * sample_rate), bytes(message.bytes()))
        for seconds, message in _messages(path)
        if message.type in PLAYED
    ]
    if not any(one.data[0] & 0xF0 == 0x90 for one in played):
        raise AutomationError(f"{path}: has no notes")
    return played


def parse_controller(text: str, rack: Rack) -> Controller:
    """The controller and address in ``text``, as "20=guitar.delay.mix"; raises AutomationError."""
    number, equals, address = (part.strip() for part in text.partition("="))
    if not equals:
        raise AutomationError(f"--cc {text!r} is not NUMBER=ADDRESS, as 20=guitar.delay.mix")
    if not (number.isascii() and number.isdigit()) or int(number) > 127:
        raise AutomationError(f"--cc {text}: {number!r} is not a controller from 0 to 127")
    params = {name: param for name, (_, _, param) in rack.addresses().items()}
    if not _known(address, params, f"--cc {text}").midi:
        raise AutomationError(f"--cc {text}: {address} may not be turned by MIDI")
    return int(number), address


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise AutomationError(f"{path}: is a folder; automation is a .csv or .mid file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AutomationError(f"{path}: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise AutomationError(f"{path}: is larger than {MAX_BYTES >> 20} MiB")
    return data


def _rows(path: Path, data: bytes, params: dict[str, Param]) -> Iterator[tuple[float, str, float]]:
    """Every row of a CSV: seconds, address, plain value."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise AutomationError(f"{path}: is neither text nor MIDI") from None
    first = True
    for number, line in enumerate(lines, 1):
        cells = [cell.strip().strip('"').strip() for cell in line.split("#")[0].split(",")]
        if cells == [""]:
            continue
        header, first = first and cells[0].lower() in ("time", "seconds"), False
        if header:
            continue
        where = f"{path}: line {number}"
        if len(cells) != 3:
            raise AutomationError(f"{where}: {_short(line)} is not time, parameter, value")
        param = _known(cells[1], params, where)
        try:
            value = param.parse(cells[2])
        except ParamError as error:
            raise AutomationError(f"{where}: {cells[1]}: {error}") from None
        yield _seconds(cells[0], where), cells[1], value


def _seconds(text: str, where: str) -> float:
    """Seconds in ``text``: "12.5", "1:02.5" or "1:00:02.5"."""
    parts = text.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    total = 0.0
    for number in numbers:
        total = total * 60.0 + number
    small = all(0.0 <= number < 60.0 for number in numbers[1:])
    if not numbers or len(numbers) > 3 or not small or min(numbers) < 0.0:
        raise AutomationError(f"{where}: time {_short(text)} is not seconds or minutes:seconds")
    if not math.isfinite(total) or total > MAX_SECONDS:
        raise AutomationError(f"{where}: time {_short(text)} is not 0 to {MAX_SECONDS:g} s")
    return total


def _known(address: str, params: dict[str, Param], where: str) -> Param:
    if address in params:
        return params[address]
    near = difflib.get_close_matches(address, params, n=3, cutoff=0.4)
    hint = f"near to it: {', '.join(near)}" if near else f"there are {_some(list(params))}"
    raise AutomationError(f"{where}: there is no parameter {_short(address)}; {hint}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _from_midi(
    path: Path, params: dict[str, Param], controllers: Sequence[Controller], sample_rate: int
) -> list[Move]:
    moves = []
    heard = set()
    for seconds, number, position in _changes(path):
        heard.add(number)
        for wanted, address in controllers:
            if wanted == number:
                value = params[address].from_position(position / 127.0)
                moves.append(Move(round(seconds * sample_rate), address, value))
    if not moves:
        known = ", ".join(map(str, sorted(heard))) or "none"
        wanted_names = ", ".join(str(number) for number, _ in controllers)
        raise AutomationError(f"{path}: does not move CC {wanted_names}; it moves {known}")
    return moves


def _changes(path: Path) -> Iterator[tuple[float, int, int]]:
    """Every controller change of a MIDI file in order: seconds, number, 0 to 127."""
    for seconds, message in _messages(path):
        if message.type == "control_change":
            yield seconds, message.control, message.value


def _messages(path: Path) -> Iterator[tuple[float, Any]]:
    """Every message of a MIDI file in order, and its seconds."""
    import mido

    try:
        midi = mido.MidiFile(path, clip=True)
        messages = list(mido.merge_tracks(midi.tracks))
    except (OSError, EOFError, ValueError, IndexError, KeyError, mido.KeySignatureError) as error:
        reason = " ".join(str(error).split()) or "it breaks off"
        raise AutomationError(f"{path}: is not a MIDI file: {_short(reason)}") from None
    if midi.type == 2:
        raise AutomationError(f"{path}: is MIDI of type 2; allowed are type 0 and 1")
    if midi.ticks_per_beat == 0:
        raise AutomationError(f"{path}: has 0 ticks in a beat")
    seconds, tempo = 0.0, 500_000  # microseconds in a beat: 120 bpm until told
    for message in messages:
        seconds += message.time * _tick_seconds(midi, tempo)
        if message.type == "set_tempo":
            tempo = message.tempo
        yield seconds, message


def _tick_seconds(midi: Any, tempo: int) -> float:
    """How long a tick lasts: a share of a beat, or (negative) of a frame of film."""
    division = int(midi.ticks_per_beat)
    if division > 0:
        return float(tempo) * 1e-6 / float(division)
    frames_a_second = -(division >> 8)
    film = 29.97 if frames_a_second == 29 else float(frames_a_second)
    return 1.0 / (film * max(int(division) & 255, 1))


__all__ = ["AutomationError", "Controller", "load", "messages_in", "parse_controller"]
