"""The manifest of a pairs folder: JSON lines, a header first, then a line for each pair.

Lines are only ever added, so a render that is killed leaves a manifest that is right but for
its last line, which may be torn and is then dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.whole import write_whole
from models.pairs.errors import PairsError

NAME = "pairs.jsonl"
FORMAT, VERSION = "taraf-pairs", 1
SPLITS = ("train", "validation", "test")
MOST = 1e30  # no knob goes there; NaN and infinity are not below it


@dataclass(frozen=True)
class Header:
    """What holds for the whole folder. ``effect`` says how the wet files were made."""

    sample_rate: int
    effect: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The header as JSON."""
        first = {"format": FORMAT, "version": VERSION, "sample_rate": self.sample_rate}
        return json.dumps({**first, "effect": dict(self.effect)})


@dataclass(frozen=True)
class Entry:
    """One pair. File names are relative to the folder; ``split`` is "" where none is given."""

    id: str
    dry: str
    wet: str
    split: str
    knobs: Mapping[str, float]
    frames: int
    latency_removed: int = 0
    sha256_dry: str = ""
    sha256_wet: str = ""

    def line(self) -> str:
        """The pair as JSON."""
        return json.dumps({**asdict(self), "knobs": dict(self.knobs)})


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rewrite(folder: Path, header: Header, entries: list[Entry]) -> None:
    """Write the whole manifest anew, in the order of ``entries``."""
    lines = [header.line(), *(entry.line() for entry in entries)]
    write_whole(folder / NAME, "".join(f"{line}\n" for line in lines).encode())


def append(folder: Path, *entries: Entry) -> None:
    """Add pairs that are done; on disk when this returns."""
    with (folder / NAME).open("a", encoding="utf-8") as file:
        file.writelines(entry.line() + "\n" for entry in entries)
        file.flush()
        os.fsync(file.fileno())


def mend(folder: Path) -> None:
    """Cut off a last line that was torn, so that what is added next begins on its own."""
    path = folder / NAME
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if len(whole) < len(text):
        with path.open("r+b") as file:
            file.truncate(len(whole))


def read(folder: Path) -> tuple[Header, list[Entry]]:
    """The header and the pairs; a torn last line is left out. Raises PairsError."""
    path = folder / NAME
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    lines.pop()  # "" after a whole last line, or what was torn
    if not lines:
        raise PairsError(f"{path}: it is empty; its first line must be a header")
    header = _header(path, _object(path, 1, lines[0]))
    entries = [
        _entry(path, number, _object(path, number, line))
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]
    entries = list({entry.id: entry for entry in entries}.values())  # the last word counts
    _same_knobs(path, entries)
    return header, entries


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:  # no JSON, or a number of too many digits
        raise PairsError(f"{path}: line {number} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise PairsError(f"{path}: line {number} is not an object but {type(found).__name__}")
    return found


def _header(path: Path, found: dict[str, Any]) -> Header:
    if found.get("format") != FORMAT:
        raise PairsError(f'{path}: line 1 is no header: "format" must be "{FORMAT}"')
    if found.get("version") != VERSION:
        raise PairsError(f"{path}: version {found.get('version')} is not known, only {VERSION}")
    rate = found.get("sample_rate")
    if not isinstance(rate, int) or isinstance(rate, bool) or rate <= 0:
        raise PairsError(f"{path}: sample_rate = {rate!r} must be a whole number above 0")
    effect = found.get("effect", {})
    return Header(rate, effect if isinstance(effect, dict) else {"name": str(effect)})


def _entry(path: Path, number: int, found: dict[str, Any]) -> Entry:
    where = f"{path}: line {number}"
    text = {key: found.get(key, "") for key in ("id", "dry", "wet", "sha256_dry", "sha256_wet")}
    for key, value in text.items():
        if not isinstance(value, str) or (not value and key in ("id", "dry", "wet")):
            raise PairsError(f"{where}: {key} = {value!r} must be text")
    split = found.get("split") or ""
    if split not in ("", *SPLITS):
        raise PairsError(f"{where}: split = {split!r} must be one of {', '.join(SPLITS)}")
    counts = {key: found.get(key, 0) for key in ("frames", "latency_removed")}
    for key, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool):
            raise PairsError(f"{where}: {key} = {count!r} must be a whole number")
    return Entry(split=split, knobs=_knobs(where, found.get("knobs", {})), **text, **counts)


def _knobs(where: str, found: Any) -> dict[str, float]:
    if not isinstance(found, dict):
        raise PairsError(f"{where}: knobs = {found!r} must be an object")
    for name, value in found.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not abs(value) < MOST:
            raise PairsError(f"{where}: knob {name} = {value!r} must be a number")
    return {str(name): float(value) for name, value in found.items()}


def _same_knobs(path: Path, entries: list[Entry]) -> None:
    names = {name for entry in entries for name in entry.knobs}
    for entry in entries:
        if missing := names - set(entry.knobs):
            raise PairsError(f"{path}: pair {entry.id}: knob {min(missing)} is missing")
