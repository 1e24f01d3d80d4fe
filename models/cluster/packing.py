"""Files and folders as bytes, the same bytes for the same content, and back; and their hashes."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from functools import lru_cache
from pathlib import Path

from engine.whole import replace_folder, write_whole

CHUNK = 1 << 20


def packed(path: Path) -> bytes:
    """A file's content, or a tar of all that lies in a folder: sorted, without times or owners."""
    if path.is_file():
        return path.read_bytes()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for file in whole_files(path):
            info = tarfile.TarInfo(file.relative_to(path).as_posix())
            info.size, info.mode = file.stat().st_size, 0o644
            with file.open("rb") as content:
                tar.addfile(info, content)
    return made.getvalue()


def unpack(data: bytes, path: Path, is_folder: bool) -> None:
    """Put what was packed in its place, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not is_folder:
        write_whole(path, data, sync=False)
        return
    fresh = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(fresh, filter="data")
        fresh.mkdir(exist_ok=True)
        replace_folder(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def content_hash(path: Path) -> str:
    """The hash of a file, or of a folder's names and contents; "" if there is nothing."""
    if path.is_file():
        stat = path.stat()
        return _file_hash(str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    if not path.is_dir():
        return ""
    digest = hashlib.sha256()
    for file in whole_files(path):
        digest.update(f"{file.relative_to(path).as_posix()}\0{content_hash(file)}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=4096)
def _file_hash(path: str, _size: int, _time: int, _inode: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def whole_files(folder: Path) -> list[Path]:
    """All files that are whole: what is being written has a dot before its name."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


__all__ = ["content_hash", "packed", "unpack", "whole_files"]
