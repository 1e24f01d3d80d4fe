"""Where the files of a training lie, and how they are written: each whole or not at all.

job.json        the job, all its values
checkpoint.pt   where the training stands, to go on from
best.npz        the best-scoring model so far, which plays
history.jsonl   a line of JSON for each report: step, seconds, epoch, loss
previews.jsonl  a line for each preview: file, step, seconds, values and grades of its score
previews/       what was dreamt, step-00000120.wav
source.wav      what is learnt from, mono at the network's rate
report.html     all of it on one page (models/sampler/report)
.training.lock  held by whoever trains there (models/sampler/holding.py)
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.sampler.errors import SamplerError
from engine.whole import whole

JOB, CHECKPOINT, BEST = "job.json", "checkpoint.pt", "best.npz"
HISTORY, PREVIEWS, PREVIEW_FOLDER, SOURCE = (
    "history.jsonl", "previews.jsonl", "previews", "source.wav",
)  # fmt: skip


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses is told in one line that names the file."""
    try:
        yield
    except OSError as error:
        raise SamplerError(_told(path, error)) from None
    except RuntimeError as error:  # libsndfile wraps what the system said
        if not _is_full(path, error):
            raise
        told = "the disk is full or cannot be written to; the files before are whole"
        raise SamplerError(f"{path}: {told}") from None


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` make a file beside ``path`` and put it in its place when it is done."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            write(part)


def check_folder(folder: Path, resume: bool) -> None:
    """SamplerError, one line, if a training can not begin in ``folder``, or not go on there."""
    known = (folder / CHECKPOINT).exists()
    if known and not resume:
        raise SamplerError(f"{folder}: holds a training; resume goes on, another name keeps both")
    if resume and not known:
        raise SamplerError(f"{folder / CHECKPOINT}: there is no checkpoint to resume from")


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_whole(path, lambda part: _text(part, text))


def add_line(path: Path, row: Mapping[str, Any]) -> None:
    """Add an object to a file of JSON lines; a line that a kill cut off before is closed first."""
    line = json.dumps(row) + "\n"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = "\n" + line
            file.write(line.encode())


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; broken lines and a missing file are none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        with suppress(ValueError):
            row = json.loads(line)
            if isinstance(row, dict):
                found.append(row)
    return found


def keep_lines(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Leave only the lines that are wanted: what came after the checkpoint did not happen."""
    before = lines(path)
    after = [row for row in before if wanted(row)]
    if len(after) != len(before):
        write_text(path, "".join(json.dumps(row) + "\n" for row in after))


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _told(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path}: the disk is full; the files before are whole, to go on from"
    return f"{path}: {error.strerror or error}"


def _is_full(path: Path, error: RuntimeError) -> bool:
    told = str(error).lower()
    words = ("write", "file", "space", "unexpected pos", "sndfile", "system error")
    return any(word in told for word in words)


__all__ = [
    "BEST",
    "CHECKPOINT",
    "HISTORY",
    "JOB",
    "PREVIEWS",
    "PREVIEW_FOLDER",
    "SOURCE",
    "add_line",
    "check_folder",
    "keep_lines",
    "lines",
    "write_text",
    "write_whole",
    "writing",
]
