"""What to render through: a chain of plugins or a command, as one writes it in a terminal.

    pedalboard:HighpassFilter(cutoff_frequency_hz=110)|/usr/lib/vst3/ZamTube.vst3(tube_drive=8)
    sox {in} {out} overdrive {gain}

Stages are set apart by ``|``. A command has ``{in}`` and ``{out}`` in it, and knobs by their names.
"""

from __future__ import annotations

import re
import shlex
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from models.pairs.errors import PairsError

Value = float | bool | str
BUNDLES = (".vst3", ".component")
EXAMPLES = "FILE.vst3, FILE.component, pedalboard:NAME or a command with {in} and {out}"


@dataclass(frozen=True)
class Stage:
    """One plugin of a chain, or a command: ``kind`` is pedalboard, plugin or command."""

    kind: str
    target: str
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the stage is called in a knob's address."""
        return Path(self.target).stem if self.kind == "plugin" else self.target


@dataclass(frozen=True)
class Knob:
    """A knob that is turned, and the values it is turned to."""

    name: str
    values: tuple[float, ...]


def parse_chain(text: str) -> tuple[Stage, ...]:
    """The stages that ``text`` names; raises PairsError."""
    if "{in}" in text or "{out}" in text:
        return (_command(text),)
    stages = tuple(_stage(part.strip()) for part in _split(text, "|"))
    if not stages:
        raise PairsError(f"--plugin {text!r} names no plugin; allowed: {EXAMPLES}")
    return stages


def _command(text: str) -> Stage:
    text = text.removeprefix("command:")
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise PairsError(f"--plugin {text!r}: {error}") from None
    if "{in}" not in text or "{out}" not in text or not words:
        raise PairsError(f"--plugin {text!r}: a command needs both {{in}} and {{out}}")
    return Stage("command", text)


def placeholders(command: str) -> set[str]:
    """The knobs that a command has in braces; raises PairsError."""
    try:
        found = {name for _, name, _, _ in string.Formatter().parse(command) if name is not None}
    except ValueError as error:
        raise PairsError(f"--plugin {command!r}: {error}; a brace itself is {{{{") from None
    if bad := [name for name in found if not re.fullmatch(r"[A-Za-z_]\w*", name)]:
        raise PairsError(f"--plugin {command!r}: {{{bad[0]}}} is no knob's name")
    return found - {"in", "out"}


def _stage(text: str) -> Stage:
    found = re.fullmatch(r"(?s)([^()]*?|.*?\.(?:vst3|component))\s*(?:\((.*)\))?", text)
    if not found or not found[1]:
        raise PairsError(f"--plugin: {text!r} is no plugin; allowed: {EXAMPLES}")
    target, values = found[1].strip(), dict(_values(found[2] or "", text))
    if target.startswith("pedalboard:"):
        return Stage("pedalboard", target.removeprefix("pedalboard:"), values)
    path = Path(target).expanduser()
    if path.suffix.lower() not in BUNDLES:
        raise PairsError(f"--plugin: {target!r} is no plugin; allowed: {EXAMPLES}")
    if not path.exists():
        path = _installed(target)
    return Stage("plugin", str(path.absolute()), values)


def _installed(name: str) -> Path:
    """The plugin file of this name where plugins lie; raises PairsError."""
    from models.pairs.discover import bundles

    found = next((path for path in bundles() if path.name == name), None)
    if found is None:
        raise PairsError(f"{name}: there is no such plugin; `taraf pairs list` shows what is here")
    return found


def _values(text: str, where: str) -> Iterator[tuple[str, Value]]:
    for part in _split(text, ","):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise PairsError(f"--plugin: {part.strip()!r} in {where!r} is not name=value")
        yield name.strip(), parse_value(value)


def parse_value(text: str) -> Value:
    """A number, true or false, or text; quotes make it text."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return number if np.isfinite(number) else text


def _split(text: str, mark: str) -> list[str]:
    """``text`` cut at ``mark`` where that is in neither brackets nor quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        if letter == mark and not quote and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if quote or depth:
        raise PairsError(f"--plugin: a {'quote' if quote else 'bracket'} is not closed in {text!r}")
    return [part for part in parts if part.strip()]


def parse_set(texts: list[str]) -> dict[str, Value]:
    """Settings that hold for every pair, each ``knob=value``; raises PairsError."""
    found: dict[str, Value] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise PairsError(f"--set {text!r} is not knob=value")
        found[name.strip()] = parse_value(value)
    return found


def parse_grid(texts: list[str]) -> tuple[Knob, ...]:
    """Knobs to turn: ``knob=0:1:5`` (five from 0 to 1), ``=20:2000:5:log`` or ``=0,0.5,1``."""
    knobs = []
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name.strip():
            raise PairsError(f"--grid {text!r} is not knob=from:to:count or knob=value,value")
        knobs.append(Knob(name.strip(), _points(text, values)))
    if len({knob.name for knob in knobs}) < len(knobs):
        raise PairsError("--grid names a knob twice")
    return tuple(knobs)


def _points(text: str, values: str) -> tuple[float, ...]:
    try:
        if ":" not in values:
            found = np.array([float(value) for value in values.split(",")])
        else:
            first, last, count, *taper = values.split(":")
            if taper not in ([], ["log"]) or not 1 <= int(count) <= 100_000:
                raise ValueError
            make = np.geomspace if taper else np.linspace
            found = make(float(first), float(last), int(count))
        if not np.all(np.isfinite(found)):
            raise ValueError
    except ValueError:
        raise PairsError(
            f"--grid {text!r}: allowed is knob=from:to:count, knob=from:to:count:log (both ends "
            "above 0) or knob=value,value"
        ) from None
    # Six digits, so that the name of a file says exactly what was set.
    return tuple(dict.fromkeys(float(f"{value:.6g}") for value in found))


def settings(grid: tuple[Knob, ...]) -> Iterator[dict[str, float]]:
    """Every combination of the knobs' values; one empty one without knobs."""
    for values in product(*(knob.values for knob in grid)):
        yield dict(zip((knob.name for knob in grid), values, strict=True))


def document(stages: tuple[Stage, ...]) -> list[dict[str, Any]]:
    """The chain as JSON-able data."""
    return [{"kind": s.kind, "target": s.target, "values": dict(s.values)} for s in stages]


def read_document(found: list[dict[str, Any]]) -> tuple[Stage, ...]:
    """The chain of a document."""
    return tuple(Stage(**stage) for stage in found)


def parse_latency(text: str) -> str | int:
    """ "auto", "reported" or a number of frames; raises PairsError."""
    if text in ("auto", "reported"):
        return text
    if not text.removeprefix("-").isdigit() or abs(int(text)) > 10_000_000:
        raise PairsError(f"--latency {text!r}: allowed are auto, reported or a number of frames")
    return int(text)


def parse_numbers(texts: list[str]) -> dict[str, float]:
    """Settings that must be numbers: how the knobs of a real pedal stand; raises PairsError."""
    found = {}
    for name, value in parse_set(texts).items():
        if isinstance(value, str):
            raise PairsError(f"--set {name}={value} is no number")
        found[name] = float(value)
    return found
