"""Reads a rack from TOML text, with one clear error or not at all."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import catalogue
from engine.params import Param, ParamError, Setting
from engine.plugin import PluginError
from engine.rack import SOURCES, STRIP_KNOBS, Lane, Link, Rack, Strip

MAX_LANES = 16
MAX_CHAIN = 32
MAX_MIDI = 256
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")


class PresetError(ValueError):
    """A preset that cannot be used; the message names the file, what it says, what is allowed."""


@dataclass(frozen=True)
class Loaded:
    """A rack from a file, and what was passed over in reading it."""

    rack: Rack
    warnings: tuple[str, ...]


def parse(text: str, where: str, folder: Path | None = None) -> Loaded:
    """The rack that ``text`` describes; ``where`` is what errors call it."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PresetError(f"{where}: is not TOML: {error}") from None
    reader = _Reader(where)
    rack = reader.rack(document, folder or Path())
    return Loaded(rack, tuple(reader.warnings))


class _Reader:
    """Reads one document; collects warnings, raises PresetError at the first error."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._folder = Path()
        self.warnings: list[str] = []

    def fail(self, message: str) -> PresetError:
        return PresetError(f"{self._where}: {_one_line(message)}")

    def warn(self, message: str) -> None:
        self.warnings.append(f"{self._where}: {_one_line(message)}")

    def rack(self, document: dict[str, Any], folder: Path) -> Rack:
        self._folder = folder
        lanes = self.tables(document, "lane", "", MAX_LANES)
        if not lanes:
            raise self.fail("there is no [[lane]]; a rack has at least one")
        self.unknown(document, {"name", "about", "tempo_bpm", "lane", "master", "midi", "xy"}, "")
        read = tuple(self.lane(table, i) for i, table in enumerate(lanes))
        taken = [lane.name for lane in read]
        for name in taken:
            if taken.count(name) > 1:
                raise self.fail(f"two lanes are called {name!r}")
        master = self.tables(document, "master", "", MAX_CHAIN)
        return Rack(
            name=self.text(document, "name", "", Path(self._where).stem),
            about=self.text(document, "about", "", ""),
            lanes=read,
            master=self.chain(master, "master"),
            folder=folder,
            tempo_bpm=self.value(document, "tempo_bpm", "", Param(120.0, 20.0, 400.0, "bpm")),
            midi=tuple(self.tables(document, "midi", "", MAX_MIDI)),
            xy=self.pair(document, "xy"),
        )

    def pair(self, document: dict[str, Any], key: str) -> tuple[str, ...]:
        given = document.get(key, [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise self.fail(f"{key} = {given!r} is not a list of two parameters")
        if len(given) not in (0, 2):
            raise self.fail(f"{key} has {len(given)} parameters; it takes two")
        return tuple(given)

    def lane(self, table: dict[str, Any], index: int) -> Lane:
        name = self.text(table, "name", f"lane {index + 1}", f"lane{index + 1}")
        if not _NAME.match(name) or name == "master":
            raise self.fail(
                f"lane {index + 1}: name = {name!r} is not a lower-case word other than master"
            )
        where = f"lane {name}"
        source = self.text(table, "input", where, "left")
        if source not in SOURCES:
            raise self.fail(f"{where}: input = {source!r} is not one of {', '.join(SOURCES)}")
        self.unknown(table, {"name", "input", "plugin", *STRIP_KNOBS}, where)
        knobs = {
            key: self.value(table, key, where, Strip.params[key])
            for key in STRIP_KNOBS
            if key in table
        }
        chain = self.chain(self.tables(table, "plugin", where, MAX_CHAIN), where)
        return Lane(name, source, chain, knobs)

    def chain(self, tables: list[dict[str, Any]], where: str) -> tuple[Link, ...]:
        links: list[Link] = []
        for table in tables:
            links.append(self.link(table, where, {link.name for link in links}))
        return tuple(links)

    def link(self, table: dict[str, Any], where: str, taken: set[str]) -> Link:
        use = self.text(table, "use", f"{where}, a plugin", "")
        if not use:
            raise self.fail(f"{where}: a plugin has no `use`")
        try:
            plugin = catalogue.find(use)
        except PluginError as error:
            raise self.fail(f"{where}: use = {use!r}: {error}") from None
        name = self.text(table, "name", f"{where}, plugin {use}", "") or _free(use, taken)
        if not _NAME.match(name):
            raise self.fail(f"{where}, plugin {use}: name = {name!r} is not a lower-case word")
        if name in taken or name in STRIP_KNOBS:
            raise self.fail(f"{where}: two plugins are called {name!r}; give one a `name`")
        here = f"{where}, plugin {name}"
        for old, new in plugin.renamed.items():
            if old in table and new not in table:
                table = {**table, new: table[old]}
                del table[old]
                self.warn(f"{here}: {old!r} is now called {new!r}")
        settings = {
            k: self.value(table, k, here, s) for k, s in plugin.settings.items() if k in table
        }
        try:
            params = plugin.declared(settings, self._folder)
        except PluginError as error:
            raise self.fail(f"{here}: {error}") from None
        self.unknown(table, {"use", "name", *params, *plugin.settings}, here)
        knobs = {k: self.value(table, k, here, p) for k, p in params.items() if k in table}
        return Link(use, name, knobs, settings)

    def tables(
        self, table: dict[str, Any], key: str, where: str, most: int
    ) -> list[dict[str, Any]]:
        found = table.get(key, [])
        prefix, written = (f"{where}: ", f"lane.{key}") if where else ("", key)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise self.fail(f"{prefix}{key} is not a list of tables; write [[{written}]]")
        if len(found) > most:
            raise self.fail(f"{prefix}{len(found)} times [[{written}]] is more than {most}")
        return found

    def text(self, table: dict[str, Any], key: str, where: str, default: str) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise self.fail(f"{where + ': ' if where else ''}{key} = {value!r} is not text")
        return value

    def value(self, table: dict[str, Any], key: str, where: str, rule: Param | Setting) -> Any:
        if key not in table and isinstance(rule, Param):
            return rule.default
        try:
            return rule.check(table[key])
        except ParamError as error:
            message = str(error)
            if isinstance(table[key], (int, float)) and not isinstance(table[key], bool):
                message = f"= {message}"
            prefix = f"{where}: " if where else ""
            raise self.fail(f"{prefix}{key} {message}") from None

    def unknown(self, table: dict[str, Any], known: set[str], where: str) -> None:
        for key in table:
            if key not in known:
                prefix = f"{where}: " if where else ""
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"; near to it: {near[0]}" if near else ""
                self.warn(f"{prefix}{key!r} is not known here and is ignored{hint}")


def _free(use: str, taken: set[str]) -> str:
    name, number = use, 1
    while name in taken:
        number += 1
        name = f"{use}{number}"
    return name


def _one_line(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= 400 else line[:397] + "..."
