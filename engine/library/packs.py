"""Models out of a ZIP archive, within bounds: nothing is unpacked but what is called a model."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.library.place import LibraryError
from engine.modelfiles import SUFFIXES
from engine.modelfiles.reading import FILE_BYTES

MODELS = 5_000
TOTAL_BYTES = 1 << 30
DIRECTORY_BYTES = 4 << 20  # 80 000 entries, which take 40 MB while the archive is open
TAIL_BYTES = 22 + 65_535
ARCHIVE = ".zip"
UTF8_FLAG, UNICODE_PATH = 0x800, 0x7075
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


class Packs:
    """Archives to read models from, of which one is open at a time, however many there are."""

    def __init__(self) -> None:
        self._path = Path()
        self._archive: zipfile.ZipFile | None = None

    def models_in(self, path: Path) -> tuple[list[Entry], list[str]]:
        """The models in an archive, unread, and the archives in it, which stay closed.

        LibraryError if it cannot be read or is too large.
        """
        _check_directory(path)
        try:
            placed = [(_place(info), info) for info in self._open(path).infolist()]
        except TORN as error:
            raise LibraryError(f"{path}: is no ZIP archive that can be read: {error}") from None
        found = [(place, info) for place, info in placed if _is(SUFFIXES, place)]
        _check_size(path, [info for _, info in found])
        entries = [self._entry(path, place, info) for place, info in found]
        return entries, [place for place, _ in placed if _is((ARCHIVE,), place)]

    def _open(self, path: Path) -> zipfile.ZipFile:
        if self._archive is None or self._path != path:
            if self._archive is not None:
                self._archive.close()
            self._archive = None
            self._path, self._archive = path, zipfile.ZipFile(path)
        return self._archive

    def _entry(self, path: Path, place: str, info: zipfile.ZipInfo) -> Entry:
        def read() -> bytes:
            try:
                with self._open(path).open(info) as file:
                    data = file.read(FILE_BYTES + 1)  # whatever size the archive tells
            except TORN as error:
                raise LibraryError(f"cannot be unpacked: {error}") from None
            if len(data) > FILE_BYTES:
                raise LibraryError(f"has more than the {FILE_BYTES >> 20} MiB a model may have")
            return data

        return Entry(place, _last(place), read)


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


def _check_size(path: Path, found: list[zipfile.ZipInfo]) -> None:
    if len(found) > MODELS:
        raise LibraryError(f"{path}: holds {len(found)} models, at most {MODELS} are read at once")
    total = sum(info.file_size for info in found)
    if total > TOTAL_BYTES:
        given = f"{total / (1 << 20):.0f} MiB"
        raise LibraryError(f"{path}: unpacks to {given}, allowed are {TOTAL_BYTES >> 20} MiB")


def _place(info: zipfile.ZipInfo) -> str:
    """Return where a file is in its archive, in the letters that its packer meant.

    An archive that does not say UTF-8 is in code page 437 by the book. Info-ZIP puts the real
    name beside that one (APPNOTE.TXT, 4.6.9), and others write UTF-8 all the same.
    """
    told = info.orig_filename.partition("\0")[0]
    if info.flag_bits & UTF8_FLAG:
        return told
    raw = told.encode("cp437")
    for name in (_unicode_path(info.extra, zlib.crc32(raw)), raw):
        try:
            if name:
                return name.decode("utf-8")
        except UnicodeDecodeError:
            continue
    return told


def _unicode_path(extra: bytes, crc: int) -> bytes:
    """Return the name in an entry's extra fields; empty if none is there or it is another's."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and len(field) == size > 5:
            version, told = struct.unpack_from("<BI", field)
            return field[5:] if (version, told) == (1, crc) else b""
    return b""


def _is(suffixes: tuple[str, ...], place: str) -> bool:
    name = _last(place)
    hidden = name.startswith(".") or place.startswith("__MACOSX/")
    return name.lower().endswith(suffixes) and not hidden  # the name of a folder ends with /


def _last(place: str) -> str:
    """Return the name at the end of a place; some archives divide it as Windows does."""
    return place.replace("\\", "/").rpartition("/")[2]


__all__ = ["Entry", "Packs"]
