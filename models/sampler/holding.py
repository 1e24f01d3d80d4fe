"""One training in a folder at a time: whoever is in it holds a lock that dies with its process."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from engine.sampler.errors import SamplerError
from engine.whole import PART
from models.sampler.folder import (
    BEST,
    CHECKPOINT,
    HISTORY,
    JOB,
    PREVIEW_FOLDER,
    PREVIEWS,
    SOURCE,
    writing,
)

LOCK = ".training.lock"
"""Stays in the folder: what counts is who has it locked, not that it is there."""
WRITTEN = BEST, CHECKPOINT, HISTORY, JOB, PREVIEWS, SOURCE
"""By a training alone; others write the report and the page's note."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other trainings out of ``folder``, which is made if need be.

    SamplerError, one line, tells which process is in it. A lock of a process that was killed is
    none: the system gives it back; what it had not written whole is removed.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("a+b")
    with file:
        with writing(folder / LOCK):
            free = taken(file)
        if not free:
            raise SamplerError(f"{folder}: {_holder(file)} trains in it; another name keeps both")
        with writing(folder / LOCK):
            file.seek(0)
            file.truncate()
            # The first byte is what Windows locks, and lets nobody else read.
            file.write(f" process {os.getpid()}, since {time.strftime('%H:%M')},".encode())
            file.flush()
        _clean(folder)
        yield


def _clean(folder: Path) -> None:
    """Remove what one that was killed had begun to write."""
    parts = [part for name in WRITTEN for part in folder.glob(f".{name}.*{PART}")]
    for part in (*parts, *(folder / PREVIEW_FOLDER).glob(f".*{PART}")):
        with suppress(OSError):
            part.unlink()


def _holder(file: IO[bytes]) -> str:
    try:
        file.seek(1)
        told = file.read(80).decode(errors="replace")
    except OSError:
        told = ""
    return told if told.startswith("process") else "another process"


def taken(file: IO[bytes]) -> bool:
    """Whether nobody else has the file; it is given back when it is closed, or by being killed.

    OSError where the system can lock nothing there.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
            raise
        return False
    return True


__all__ = ["LOCK", "held", "taken"]
