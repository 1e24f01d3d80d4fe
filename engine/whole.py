"""Puts files and folders in their places whole, or leaves what was there."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART = ".part"
"""How the name of what is not whole yet ends: it begins with a dot and that of the file."""
MOST_BYTES = 200


@contextmanager
def whole(path: Path, sync: bool = True) -> Iterator[Path]:
    """A name beside ``path`` to write under; after the block it takes the place of ``path``.

    Whatever goes wrong before that leaves what was there, and nothing else. Raises OSError, with a
    ``strerror``, also for a name that no file can have. Without ``sync`` it takes no time to reach
    the disk, and a power cut may leave an empty file.
    """
    if "\0" in str(path) or not path.name:
        raise OSError(errno.EINVAL, "is no name of a file", str(path))
    part = path.with_name(f".{_short(path.name)}.{os.urandom(4).hex()}{PART}")
    try:
        yield part
        if sync:
            with part.open("r+b") as file:
                os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, sync: bool = True) -> None:
    """Put ``data`` in place of what was there; OSError, and no change, if that fails."""
    with whole(path, sync) as part:
        part.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """The same for text, as UTF-8; a byte in it that is no letter (names of files) becomes ?."""
    write_whole(path, text.encode("utf-8", "replace"))


def _short(name: str) -> str:
    """As much of a name as leaves room for more: a system allows 255 bytes."""
    return os.fsencode(name)[:MOST_BYTES].decode(errors="ignore")


def replace_folder(fresh: Path, folder: Path) -> None:
    """Rename ``fresh`` to ``folder``; an old one is moved aside first, and back on failure."""
    old = folder.with_name(f"{fresh.name}-old")
    try:
        if folder.exists():
            os.replace(folder, old)
        os.replace(fresh, folder)
    except BaseException:  # Ctrl-C, too
        if old.exists() and not folder.exists():
            os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


__all__ = ["PART", "replace_folder", "whole", "write_text", "write_whole"]
