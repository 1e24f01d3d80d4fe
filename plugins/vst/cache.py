"""What scans found, one small file a bundle: good until the bundle's binary changes."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from plugins.vst import folders
from plugins.vst.controls import Control

FORMAT = 1


@dataclass(frozen=True)
class Found:
    """A plug-in that works: where it is, what it is called, what it takes.

    ``channels`` are the layouts it accepts, ``latency`` its frames at each sample rate (Hz).
    """

    path: Path
    part: str
    name: str
    vendor: str
    version: str
    category: str
    instrument: bool
    channels: tuple[int, ...]
    latency: dict[str, int]
    controls: tuple[Control, ...]


@dataclass(frozen=True)
class Bad:
    """A plug-in, or a whole bundle, that cannot be used, and why."""

    path: Path
    part: str
    reason: str

    @property
    def name(self) -> str:
        """What to call it: most bundles hold one plug-in of their own name."""
        return self.part or self.path.stem


@dataclass(frozen=True)
class Record:
    """What a scan found out about one bundle."""

    path: Path
    stamp: folders.Stamp
    host: str
    plugins: tuple[Found, ...] = ()
    bad: tuple[Bad, ...] = ()

    @property
    def fresh(self) -> bool:
        """Whether it still holds: the bundle and pedalboard are what they were."""
        with suppress(OSError):
            return self.host == host() and self.stamp == folders.stamp(self.path)
        return False


@cache
def host() -> str:
    """Which pedalboard looked: another may open what this one could not."""
    with suppress(metadata.PackageNotFoundError):
        return f"{FORMAT} pedalboard {metadata.version('pedalboard')}"
    return f"{FORMAT}"


def read(path: Path) -> Record | None:
    """What is known of the bundle at ``path``, however old; None if nothing is."""
    return _read(_file(path))


def everything() -> list[Record]:
    """What is known of all bundles that were ever scanned, by path."""
    found = [_read(file) for file in sorted(folders.cache().glob("*.json"))]
    return sorted((one for one in found if one), key=lambda one: str(one.path).lower())


def _read(file: Path) -> Record | None:
    try:
        return _record(json.loads(file.read_text()))
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None  # somebody's editor, an older release: the next scan writes it anew


def _record(data: dict[str, Any]) -> Record:
    path = Path(data["path"])
    return Record(
        path=path,
        stamp=(int(data["stamp"][0]), int(data["stamp"][1])),
        host=str(data["host"]),
        plugins=tuple(_found(path, one) for one in data["plugins"]),
        bad=tuple(Bad(path, one["part"], one["reason"]) for one in data["bad"]),
    )


def _found(path: Path, data: dict[str, Any]) -> Found:
    told = {key: data[key] for key in ("part", "name", "vendor", "version", "category")}
    return Found(
        path=path,
        **told,
        instrument=bool(data["instrument"]),
        channels=tuple(data["channels"]),
        latency=dict(data["latency"]),
        controls=tuple(Control.read(one) for one in data["controls"]),
    )


def write(
    path: Path, stamp: folders.Stamp, plugins: list[dict[str, Any]], bad: list[tuple[str, str]]
) -> Record:
    """Keep what was found out about ``path``; raises VstError if that cannot be written."""
    document = {
        "path": str(path),
        "stamp": list(stamp),
        "host": host(),
        "plugins": plugins,
        "bad": [{"part": part, "reason": reason} for part, reason in bad],
    }
    folders.keep(_file(path), json.dumps(document))
    return _record(document)


def forget(path: Path) -> None:
    """Know nothing of a bundle any more."""
    _file(path).unlink(missing_ok=True)


def _file(path: Path) -> Path:
    return folders.cache() / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:24]}.json"


@dataclass
class Index:
    """All that scans found, read again only after the cache has changed."""

    _seen: tuple[str, int] = ("", 0)
    _records: list[Record] = field(default_factory=list)

    def records(self) -> list[Record]:
        """Every record, by path."""
        folder = folders.cache()
        try:
            seen = (str(folder), folder.stat().st_mtime_ns)
        except OSError:
            return []
        if seen != self._seen:
            self._records, self._seen = everything(), seen
        return self._records


__all__ = ["Bad", "Found", "Index", "Record", "everything", "forget", "read", "write"]
