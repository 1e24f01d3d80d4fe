"""Networks whose few latents are the sounds of instruments."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.cluster.sweep.trainers import Kind, Reached, Rung

if TYPE_CHECKING:
    from models.morph.live.settings import Job
    from models.morph.live.training import Training

METRICS = {"rmse_db": "min", "lsd_db": "min"}
WHOLE = ("latents", "width", "depth", "encoder_width", "encoder_depth", "rows", "frames", "seed")
VALUES = {
    "grid": Kind(str, choices=("quality", "live")),
    "conditions": Kind(str, choices=("notes", "chroma")),
    "lr": Kind(float, 1e-6, 1.0),
    "linear": Kind(float, 0.0, 100.0),
    **{name: Kind(int, 0, 2**31) for name in WHOLE},
}
CODE = ("models.morph.live", "torch", "numpy")
MINUTES, PLAYS, STEPS = 13.0, "morph", True
HELD_FRAMES, NOTES_EACH = 48, 2


def advance(rung: Rung) -> Reached:
    """Learn on, as far as the share says."""
    training = _training(rung)
    found = training.run(lambda: training.done >= rung.share)
    scores = {"rmse_db": found.score.rmse_db, "lsd_db": found.score.lsd_db}
    stands = found.stands
    return Reached(scores, stands.seconds, stands.step, tuple(stands.history))


def export(rung: Rung, target: Path) -> dict[str, Any]:
    """Write the model with notes of every instrument in it; its job is its card."""
    from engine.morph.file import write_morph
    from models.morph.live.export import chosen, exported
    from models.morph.notes import read_notes

    training = _training(rung)
    found = training._finish(False)
    told = {"rmse_db": round(found.score.rmse_db, 3), "steps": found.stands.step}
    target.mkdir(parents=True, exist_ok=True)
    notes = chosen(list(read_notes(rung.data)), NOTES_EACH)
    told_all = told | {"sweep": dict(rung.params)}
    write_morph(
        target / "morph.npz", exported(found.network, training.job, notes, told_all), "bfloat16"
    )
    return told


def _training(rung: Rung) -> Training:
    import torch

    from models.morph.live.training import Training

    torch.set_num_threads(rung.threads)
    job = _job(rung)
    learnt, valid = _frames(rung.data, job.grid, job.frames, job.seed)
    training = Training(job, learnt, valid, rung.folder, half=True)
    if rung.resume:
        training.resume()
    return training


def _job(rung: Rung) -> Job:
    from models.morph.live.settings import Job

    told = {"seed": rung.seed, **rung.options, **rung.params}
    known = {one.name for one in fields(Job)}
    told = {name: value for name, value in told.items() if name in known}
    return Job(minutes=rung.minutes or MINUTES, steps=rung.steps or 0, **told).check()


@cache
def _frames(data: Path, grid: str, frames: int, seed: int) -> tuple[Any, Any]:
    """Frames of the learnt and of the held-out notes, read once a process."""
    from engine.morph.grid import GRIDS
    from models.morph.live.material import frames_of
    from models.morph.notes import read_notes

    notes = read_notes(data)
    parts = ((notes.of("train"), frames), (notes.of("valid"), HELD_FRAMES))
    learnt, valid = (frames_of(own, GRIDS[grid], each, seed) for own, each in parts)
    return learnt, valid
