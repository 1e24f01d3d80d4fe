"""Where mappings are kept: the player's midi.toml, and the [[midi]] tables of the preset."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import platformdirs

from engine.control.midi import mapping
from engine.control.midi.mapping import Mapping
from engine.control.midi.messages import MidiError
from engine.rack import Rack
from engine.whole import write_whole

MAX_BYTES = 1 << 20
MOST = 1024


def user_file() -> Path:
    """Where a player's own mappings are kept for all presets."""
    return Path(platformdirs.user_config_dir("taraf")) / "midi.toml"


class Store:
    """The mappings of one file. What it cannot use is told in ``problems`` and stays in the file.

    A file that is no TOML at all is never written over, and nothing that somebody else has written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = user_file() if path is None else path
        self.problems: list[str] = []
        self.mappings: tuple[Mapping, ...] = ()
        self._passed_over: list[dict[str, Any]] = []
        self._broken = ""
        self._seen: object = ()
        self.look()

    def look(self) -> None:
        """Read the file if somebody else has written it: the player, or another taraf."""
        seen = _state(self.path)
        if seen == self._seen:
            return
        self._seen, self._broken = seen, ""
        try:
            tables = _tables(self.path)
        except MidiError as error:
            self._broken = str(error)
            self.problems = [self._broken]
            return
        self.mappings, self.problems, self._passed_over = parse_all(tables, str(self.path))

    def keep(self, mappings: Iterable[Mapping]) -> None:
        """Let these be the file's mappings, written whole or not at all; raises MidiError."""
        self.mappings = tuple(mappings)
        if self._broken:
            raise MidiError(f"{self._broken}; mend it, until then nothing is written into it")
        tables = [*map(mapping.dump, self.mappings), *self._passed_over]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, text(tables).encode())
        except OSError as error:
            raise MidiError(f"{self.path}: cannot be written: {error.strerror or error}") from None
        self._seen = _state(self.path)


def parse_all(
    tables: Iterable[dict[str, Any]], where: str
) -> tuple[tuple[Mapping, ...], list[str], list[dict[str, Any]]]:
    """The mappings of ``tables``, a line for every mistake in them, and the tables at fault."""
    mappings: list[Mapping] = []
    problems: list[str] = []
    bad: list[dict[str, Any]] = []
    for number, table in enumerate(tables, 1):
        try:
            found, warnings = mapping.parse(table, f"{where}: midi {number}")
        except MidiError as error:
            problems.append(str(error))
            bad.append(table)
        else:
            mappings.append(found)
            problems += warnings
    return tuple(mappings), problems, bad


def mistakes(rack: Rack, where: str) -> list[str]:
    """A line for everything in a preset's [[midi]] tables that cannot work.

    ``where`` is what they call the preset: its file.
    """
    mappings, problems, _ = parse_all(rack.midi, where)
    known = rack.addresses()
    for one in mappings:
        if one.action is None and one.target not in known:
            near = difflib.get_close_matches(one.target, known, n=1)
            hint = f"; near to it: {near[0]}" if near else ""
            problems.append(f"{where}: midi: it has no parameter {one.target!r}{hint}")
    return problems


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written; None if it is not there."""
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_mtime_ns, told.st_size, told.st_ino


def _tables(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise MidiError(f"{path}: more than {MAX_BYTES >> 20} MiB; it is a small text file")
        document = tomllib.loads(data.decode())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise MidiError(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise MidiError(f"{path}: is not TOML: {' '.join(str(error).split())}") from None
    tables = document.pop("midi", [])
    if document:
        raise MidiError(f"{path}: {next(iter(document))!r} is not known here; write [[midi]]")
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise MidiError(f"{path}: midi is not a list of tables; write [[midi]]")
    if len(tables) > MOST:
        raise MidiError(f"{path}: {len(tables)} times [[midi]] is more than {MOST}")
    return tables


def text(tables: Iterable[dict[str, Any]]) -> str:
    """The TOML text of [[midi]] tables."""
    lines = ["# What MIDI controllers turn, for every preset; taraf writes what it learns here."]
    for table in tables:
        lines += ["", "[[midi]]", *(f"{_quoted(k)} = {_toml(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value, bare=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{_quoted(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{{inside}}}"
    return repr(value) if isinstance(value, (int, float)) else str(value)


def _quoted(said: str, bare: bool = True) -> str:
    if bare and said.replace("_", "a").replace("-", "a").isalnum() and said.isascii():
        return said
    return json.dumps(said, ensure_ascii=False).replace("\x7f", "\\u007f")
