"""Trainings that have ended, in a folder of the cache: an interrupted bench goes on after them.

A name stands for the job, the recording, the limit and the code that trains and judges.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

import models.sampler
from engine.whole import replace_folder
from models.sampler import folder as files
from models.sampler.job import Job

RESULT = "result.json"
CODE = ("models/sampler", "models/sampler/score", "engine/sampler")
"""Folders whose programs decide what comes of a training."""


def folder() -> Path:
    """Where trainings are kept; the environment variable TARAF_TRAININGS moves it."""
    given = os.environ.get("TARAF_TRAININGS")
    return Path(given) if given else Path(platformdirs.user_cache_dir("taraf")) / "trainings"


def kept(
    job: Job, given: dict[str, Any], make: Callable[[Path], dict[str, Any]]
) -> dict[str, Any]:  # fmt: skip
    """What ``make`` found in a folder that it is handed; found before, it is read.

    ``given`` is what it depends on beside the job. A training that breaks off is begun anew.
    """
    place = folder() / _name(job, given)
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads((place / RESULT).read_text())
        return found
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        made = make(part)
        (part / files.CHECKPOINT).unlink(missing_ok=True)  # the largest, and never gone on from
        files.write_text(part / RESULT, json.dumps(made, indent=1) + "\n")
        replace_folder(part, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return made


def _name(job: Job, given: dict[str, Any]) -> str:
    source = Path(job.source)
    values = {k: v for k, v in job.as_json().items() if k != "source"}
    key = hashlib.sha256(json.dumps([values, given], sort_keys=True).encode())
    key.update(f"{source.name} {source.stat().st_size} {_code()}".encode())
    return f"{source.stem[:24]}-{job.approach}-{key.hexdigest()[:16]}"


@cache
def _code() -> str:
    top, key = Path(models.sampler.__file__).parents[2], hashlib.sha256()
    for path in sorted(path for name in CODE for path in (top / name).glob("*.py")):
        key.update(path.name.encode() + path.read_bytes())
    return key.hexdigest()


__all__ = ["folder", "kept"]
