"""Models out of a ZIP archive, within bounds: nothing is unpacked but what is called a model."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.library.shelf import LibraryError
from engine.modelfiles import SUFFIXES
from engine.modelfiles.reading import FILE_BYTES

MODELS = 5_000
TOTAL_BYTES = 1 << 30
DIRECTORY_BYTES = 4 << 20  # 80 000 entries, which take 40 MB while the archive is open
TAIL_BYTES = 22 + 65_535
TORN = (
    EOFError, KeyError, NotImplementedError, OSError, OverflowError, RuntimeError, ValueError,
    struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What ``zipfile`` raises for an archive that is torn, locked by a password or of another kind."""


@dataclass(frozen=True)
class Entry:
    """A file in an archive. Its name is never a place on the disk."""

    place: str  # in the archive
    name: str
    read: Callable[[], bytes]


def models_in(path: Path) -> list[Entry]:
    """The models in an archive, unread; LibraryError if it cannot be read or is too large."""
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
        found = [info for info in archive.infolist() if _is_model(info)]
    except TORN as error:
        raise LibraryError(f"{path}: is no ZIP archive that can be read: {error}") from None
    if len(found) > MODELS:
        raise LibraryError(f"{path}: holds {len(found)} models, at most {MODELS} are read at once")
    total = sum(info.file_size for info in found)
    if total > TOTAL_BYTES:
        given = f"{total / (1 << 20):.0f} MiB"
        raise LibraryError(f"{path}: unpacks to {given}, allowed are {TOTAL_BYTES >> 20} MiB")
    return [_entry(path, archive, info) for info in found]


def _check_directory(path: Path) -> None:
    """Refuse a table of contents that would fill the memory, before ``zipfile`` reads it."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            tail = file.read(TAIL_BYTES)
    except OSError as error:
        raise LibraryError(f"{path}: {error.strerror}") from None
    at = tail.rfind(b"PK\5\6")
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if size > DIRECTORY_BYTES or b"PK\6\7" in tail[max(at - 20, 0) : at]:
        raise LibraryError(f"{path}: has too many files in it for a pack of models")


def _is_model(info: zipfile.ZipInfo) -> bool:
    name = _last(info.filename)
    hidden = name.startswith(".") or info.filename.startswith("__MACOSX/")
    return name.lower().endswith(SUFFIXES) and not hidden and not info.is_dir()


def _entry(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    def read() -> bytes:
        try:
            with archive.open(info) as file:
                data = file.read(FILE_BYTES + 1)  # whatever size the archive tells
        except TORN as error:
            raise LibraryError(f"cannot be unpacked: {error}") from None
        if len(data) > FILE_BYTES:
            raise LibraryError(f"has more than the {FILE_BYTES >> 20} MiB a model may have")
        return data

    return Entry(info.filename, _last(info.filename), read)


def _last(place: str) -> str:
    """Return the name at the end of a place; some archives divide it as Windows does."""
    return place.replace("\\", "/").rpartition("/")[2]


__all__ = ["Entry", "models_in"]
