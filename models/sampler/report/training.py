"""The report of a training folder, from the files that lie there (``models.sampler.folder``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.sampler.errors import SamplerError
from engine.soundfiles import SoundError, SoundReader
from models.sampler.folder import HISTORY, JOB, PREVIEW_FOLDER, PREVIEWS, SOURCE, lines, writing
from models.sampler.report.dream import Array, Dream, History
from models.sampler.report.page import write_report
from models.sampler.score import Scored

REPORT = "report.html"


def report_training(folder: Path) -> Path:
    """Write ``report.html`` into a training's folder and tell where; raises SamplerError.

    What is there yet is reported: without previews or with damaged ones there is less to see.
    """
    try:
        source, rate = _sound(folder / SOURCE)
    except SoundError as error:
        raise SamplerError(str(error)) from None
    job = _job(folder / JOB)
    rows = lines(folder / PREVIEWS)
    kept = max((at for at, row in enumerate(rows) if row.get("best") is True), default=-1)
    dreams = [_dream(folder, row, at == kept) for at, row in enumerate(rows)]
    name = Path(str(job.get("source") or folder.name)).name
    told = [f"{str(job['approach']).capitalize()} approach."] if "approach" in job else []
    history = History.of_rows(lines(folder / HISTORY))
    title = f"Dreams of {name}"
    with writing(folder / REPORT):
        return write_report(
            folder / REPORT, source, rate, dreams, history, job, title=title, told=told
        )


def _dream(folder: Path, row: Mapping[str, Any], best: bool) -> Dream:
    """A line of previews.jsonl with its sound, if that is still there."""
    name = Path(str(row.get("file", ""))).name
    step, seconds = (row.get(key) for key in ("step", "seconds"))
    step = int(step) if isinstance(step, int | float) else 0
    seconds = float(seconds) if isinstance(seconds, int | float) else 0.0
    scored: Scored | None = None
    try:
        scored = Scored.from_json(row["score"])
    except (KeyError, TypeError, ValueError, AttributeError):
        scored = None
    try:
        sound, rate = _sound(folder / PREVIEW_FOLDER / name)
    except SoundError:
        return Dream(f"step {step}", None, 1, scored, step, seconds, best)
    link = f"{PREVIEW_FOLDER}/{name}"
    return Dream(f"step {step}", sound, rate, scored, step, seconds, best, link)


def _sound(path: Path) -> tuple[Array, int]:
    """(n,), the mean of its channels, and the rate; raises SoundError."""
    with SoundReader(path) as reader:
        pieces = [piece.mean(axis=1) for piece in reader.pieces()]
        return (np.concatenate(pieces) if pieces else np.zeros(0, np.float32)), reader.rate


def _job(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


__all__ = ["REPORT", "report_training"]
