"""The audio processes of this user: where each is written down, and whether it still runs."""

from __future__ import annotations

import json
import os
import warnings
from contextlib import suppress
from pathlib import Path

import platformdirs
import psutil


class RuntimeFolderError(ValueError):
    """A folder in which somebody else could pretend to be our audio process."""


def runtime_folder() -> Path:
    """Where running engines are written down; TARAF_RUNTIME moves it."""
    given = os.environ.get("TARAF_RUNTIME")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without XDG_RUNTIME_DIR it is a folder in /tmp
        folder = Path(given) if given else Path(platformdirs.user_runtime_path("taraf"))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if hasattr(os, "getuid"):
        found = folder.stat()
        if found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise RuntimeFolderError(f"{folder}: belongs to others, or others may write to it")
    return folder


def note_of(pid: int) -> Path:
    """The file that says how to reach audio process ``pid``."""
    return runtime_folder() / f"live-{pid}.json"


def socket_of(pid: int) -> Path:
    """Where audio process ``pid`` listens, on systems with sockets in the file system."""
    return runtime_folder() / f"live-{pid}.sock"


def forget(pid: int) -> None:
    """Remove what is written down about an audio process that is no more."""
    note_of(pid).unlink(missing_ok=True)
    socket_of(pid).unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has buried yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_ours(pid: int) -> bool:
    """Whether a process is an audio process: a number may have been given to another since."""
    try:
        return alive(pid) and "engine.audio_process" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def wait_gone(pid: int, seconds: float) -> None:
    """Wait until a process has ended, up to ``seconds``."""
    with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
        psutil.Process(pid).wait(seconds)


def sounding() -> dict[int, int | None]:
    """The audio processes of this user, and the process that is each one's window, if any."""
    found: dict[int, int | None] = {}
    for note in runtime_folder().glob("live-*.json"):
        try:
            known = json.loads(note.read_text())
        except (OSError, ValueError):
            continue
        if is_ours(known["pid"]):
            found[int(known["pid"])] = known["front"] if alive(known["front"]) else None
        else:
            forget(known["pid"])
    return found
