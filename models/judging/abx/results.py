"""Writes a test's answers to a CSV file that many tests share: a line a trial, lines whole."""

from __future__ import annotations

import csv
import io
import os
from datetime import UTC, datetime
from pathlib import Path

from models.judging.abx.sitting import Sitting
from models.judging.errors import JudgeError

COLUMNS = (
    "listener", "date", "a", "b", "trial", "of", "excerpt", "x", "answer", "correct", "seconds",
    "state",
)  # fmt: skip
FORMULA = "=+-@"
"""A cell that begins so is a formula to a spreadsheet."""


def check_listener(name: str) -> str:
    """The listener's name, or JudgeError if a table should not hold it."""
    if not name.isprintable() or not 1 <= len(name) <= 60 or name[0] in FORMULA:
        allowed = f"allowed are 1 to 60 letters, not beginning with one of {FORMULA}"
        raise JudgeError(f"--name {name!r} is no name; {allowed}")
    return name


def check_file(path: Path) -> None:
    """JudgeError if the results could not be added to ``path``: told before anyone listens."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise JudgeError(f"{path}: results cannot be written there; a .csv file is wanted")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise JudgeError(f"{path}: results cannot be written there; it is read-only")
    if not path.exists() or not path.stat().st_size:
        return
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        first = file.readline().strip()
    if first != ",".join(COLUMNS):
        raise JudgeError(f"{path}: is no file of results: its first line must be the columns")


def append(path: Path, listener: str, a: str, b: str, sitting: Sitting) -> None:
    """Add what was answered, in one write; nothing where nothing was."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    state = "finished" if sitting.finished else "unfinished"
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    for number, one in enumerate(sitting.answers, start=1):
        told = (listener, date, _plain(a), _plain(b), number, len(sitting.trials), one.excerpt + 1)
        right = "yes" if one.correct else "no"
        table.writerow((*told, one.x, one.answer, right, f"{one.seconds:.1f}", state))
    if sitting.answers:
        _add(path, text.getvalue())


def _plain(cell: str) -> str:
    return f"'{cell}" if cell[:1] in FORMULA else cell


def _add(path: Path, lines: str) -> None:
    """Append; a file that is new gets its columns, and a torn last line is ended first."""
    before = ",".join(COLUMNS) + "\n"
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            before = "" if file.read() == b"\n" else "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, (before + lines).encode())
    finally:
        os.close(handle)


__all__ = ["COLUMNS", "append", "check_file", "check_listener"]
