"""Memory that two processes share by name, without a helper process that guards it.

On Linux it is a file in /dev/shm, on macOS one in the temporary folder, on Windows a named
mapping. What a killed process leaves behind is removed by the next one that starts.
"""

from __future__ import annotations

import mmap
import os
import secrets
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil

WINDOWS = sys.platform == "win32"
_PREFIX = "taraf-"


def _folder() -> Path:
    shm = Path("/dev/shm")
    return shm if shm.is_dir() and os.access(shm, os.W_OK) else Path(tempfile.gettempdir())


class SharedBytes:
    """A mapped block: ``array`` are its bytes; it is unmapped with the last view of them."""

    def __init__(self, name: str, mapped: mmap.mmap) -> None:
        self.name = name
        self.array: npt.NDArray[np.uint8] = np.frombuffer(mapped, np.uint8)

    @classmethod
    def create(cls, size: int) -> SharedBytes:
        """``size`` zero bytes under a new name; raises OSError where there is no room."""
        sweep()
        name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        if sys.platform == "win32":
            return cls(name, mmap.mmap(-1, size, tagname=name))
        handle = os.open(_folder() / name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, size)  # a full disk says so now, not as SIGBUS
            else:
                os.ftruncate(handle, size)
            block = cls(name, mmap.mmap(handle, size))
        except OSError:
            (_folder() / name).unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
        block.array[:] = 0  # every page is there before the audio thread asks for it
        return block

    @classmethod
    def attach(cls, name: str, size: int) -> SharedBytes:
        """The block that another process made; raises OSError if it is gone."""
        if sys.platform == "win32":
            return cls(name, mmap.mmap(-1, size, tagname=name))
        handle = os.open(_folder() / name, os.O_RDWR)
        try:
            return cls(name, mmap.mmap(handle, size))
        finally:
            os.close(handle)

    def unlink(self) -> None:
        """Take the name away; the memory goes with its last user."""
        if not WINDOWS:
            (_folder() / self.name).unlink(missing_ok=True)


def sweep() -> None:
    """Remove what processes that are no more have left behind."""
    if WINDOWS:
        return
    for path in _folder().glob(f"{_PREFIX}*-*"):
        pid = path.name[len(_PREFIX) :].split("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            with suppress(OSError):
                path.unlink()
