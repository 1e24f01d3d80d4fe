"""The network that hears beats; ``data`` is the folder of scenes that `taraf train pulse` made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.cluster.sweep.errors import SweepError
from models.cluster.sweep.trainers import Kind, Reached, Rung

if TYPE_CHECKING:
    from models.pulse.follower.training import Trained

METRICS = {"beat": "min"}
VALUES = {
    "learning_rate": Kind(float, 1e-6, 1.0),
    "batch": Kind(int, 1, 1024),
    "seed": Kind(int, 0, 2**31),
}
CODE = ("models.pulse.follower", "torch", "numpy")
MINUTES, PLAYS = 32.0, "pulse"


def advance(rung: Rung) -> Reached:
    """Learn on, as far as the share says."""
    found = _trained(rung)
    stands = found.standing
    return Reached({"beat": stands.best}, stands.seconds, stands.step, tuple(stands.history))


def export(rung: Rung, target: Path) -> dict[str, Any]:
    """Write the network's file and its card."""
    from models.pulse.follower.deploy import deploy

    found = _trained(rung)
    told: dict[str, Any] = {
        "steps": found.standing.step,
        "beat_entropy": float(f"{found.losses['beat']:.4g}"),
        "sweep": dict(rung.params),
    }
    deploy([found.network], target, "Hears beats, the best of a sweep", told)
    return told


def _trained(rung: Rung) -> Trained:
    import torch

    from models.pulse.follower.material import read_shards
    from models.pulse.follower.training import train

    torch.set_num_threads(rung.threads)
    scenes, developed = (read_shards(rung.data / name) for name in ("scenes", "dev"))
    if not scenes or not developed:
        told = "scenes and dev are made by taraf train pulse, in its --runs"
        raise SweepError(f"{rung.data}: no scenes in it; {told}")
    told_params = {"seed": rung.seed, **rung.options, **rung.params}
    asked: list[bool] = []

    def told_step(done: float, _: str) -> None:
        if rung.share < 1.0 and done >= rung.share:
            asked.append(True)

    return train(
        scenes, developed[0], rung.folder, rung.minutes or MINUTES, resume=rung.resume,
        told=told_step, asked=asked, **told_params,
    )  # fmt: skip
