"""Networks that learn a recording and dream on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.cluster.sweep.errors import SweepError
from models.cluster.sweep.trainers import Kind, Reached, Rung
from models.sampler.values import VALUES as JOB

if TYPE_CHECKING:
    from models.sampler.job import Job
    from models.sampler.settings import Preview, Progress

METRICS = {"merit": "max", "missed": "min"}
PRESET = "spectrum"
VALUES = {
    "preset": Kind(str),
    **{
        name: Kind(value.kind, value.low, value.high, value.choices)
        for name, value in JOB.items()
        if isinstance(value.kind, type) and name not in ("source", "minutes")
    },
}
CODE = ("models.sampler", "torch", "numpy")
MINUTES, PLAYS = 4.0, "sampler"


def advance(rung: Rung) -> Reached:
    """Learn on, as far as the share says; the best dream so far is what counts."""
    from models.sampler.settings import Progress, Settings
    from models.sampler.training import train

    job, rows = _job(rung), list[Progress]()

    def told(event: Progress | Preview) -> None:
        if isinstance(event, Progress):
            rows.append(event)

    def over() -> bool:
        return rung.share < 1.0 and bool(rows) and rows[-1].done >= rung.share

    settings = Settings(threads=rung.threads, preview_every_s=1e6, previews=3)
    trained = train(
        job, rung.folder, settings=settings, resume=rung.resume, told=told, stop=over
    )  # fmt: skip
    scores = {"merit": trained.best.merit, "missed": rows[-1].missed if rows else float("nan")}
    history = tuple({"step": row.step, "loss": row.loss, "seconds": row.seconds} for row in rows)
    place = trained.best.file.relative_to(rung.folder).as_posix()
    return Reached(scores, trained.seconds, trained.steps, history, (place,))


def export(rung: Rung, target: Path) -> dict[str, Any]:
    """Copy the best model, and beside it a card."""
    from models.sampler.folder import BEST, lines

    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(rung.folder / BEST, target / "sampler.npz")
    best = max(lines(rung.folder / "previews.jsonl"), key=lambda row: float(row.get("merit", 0.0)))
    told = {"source": rung.data.name, "grades": best.get("grades", {}), "merit": best.get("merit")}
    told["sweep"] = dict(rung.params)
    (target / "card.json").write_text(json.dumps({"format": 1, "name": rung.name, **told}) + "\n")
    return told


def _job(rung: Rung) -> Job:
    from models.sampler.job import job_from
    from models.sampler.presets import PRESET_VALUES

    told = {**rung.options, **rung.params}
    preset = str(told.pop("preset", told.get("approach", PRESET)))
    if preset not in PRESET_VALUES:
        raise SweepError(f"preset = {preset} is none of {', '.join(PRESET_VALUES)}")
    given = {**PRESET_VALUES[preset], "source": str(rung.data), "seed": rung.seed}
    return job_from({**given, "minutes": rung.minutes or MINUTES, **told}, "sweep")
