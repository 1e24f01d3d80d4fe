"""Drummers that play along, learnt from takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.cluster.sweep.trainers import Kind, Reached, Rung

if TYPE_CHECKING:
    from models.pulse.rhythm.settings import Trained

METRICS = {"bits": "min"}
VALUES = {
    "batch": Kind(int, 1, 4096),
    "piece": Kind(int, 8, 4096),
    "learning_rate": Kind(float, 1e-6, 1.0),
    "decay": Kind(float, 0.0, 1.0),
    "hidden": Kind(int, 1, 4096),
    "chain": Kind(int, 1, 4096),
    "dropout": Kind(float, 0.0, 0.95),
    "seed": Kind(int, 0, 2**31),
}
CODE = ("models.pulse.rhythm", "torch", "numpy")
MINUTES, PLAYS, STEPS = 12.0, "rhythm", True


def advance(rung: Rung) -> Reached:
    """Learn on, as far as the share says."""
    found = _trained(rung)
    return Reached({"bits": found.bits}, found.seconds, found.steps, found.history)


def export(rung: Rung, target: Path) -> dict[str, Any]:
    """Write the model's folder with its card."""
    from models.pulse.rhythm import writing

    found = _trained(rung)
    told: dict[str, Any] = {
        "development_bits": round(found.bits, 3),
        "steps": found.steps,
        "sweep": ", ".join(f"{name} = {value}" for name, value in rung.params.items()),
    }
    writing.write(found.network, found.styles, target, "A drummer, the best of a sweep", told)
    return told


def _trained(rung: Rung) -> Trained:
    from models.pulse.rhythm import table
    from models.pulse.rhythm.settings import Settings
    from models.pulse.rhythm.training import train

    takes = table.sets(rung.data)
    told = {"seed": rung.seed, **rung.options, **rung.params}
    settings = Settings(
        minutes=rung.minutes or MINUTES, steps=rung.steps, threads=rung.threads,
        folder=rung.folder, pause_at=rung.share, **told,
    )  # fmt: skip
    given = (takes.learnt, takes.development, takes.styles, settings)
    return train(*given, rung.resume, shown=False)
