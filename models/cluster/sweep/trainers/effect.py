"""Networks that learn effects from pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.cluster.sweep.trainers import Kind, Reached, Rung

if TYPE_CHECKING:
    from models.effects.training import Settings, Trained
    from models.pairs import Pairs

METRICS = {"validation_esr": "min"}
ARCH = "lstm"
"""The architecture unless one is told: what most effects are learnt by (models/effects)."""
VALUES = {
    "arch": Kind(str),
    "learning_rate": Kind(float, 1e-6, 0.9),
    "batch": Kind(int, 1, 4096),
    "segment": Kind(int, 64, 1_000_000),
    "loss": Kind(str),
    "seed": Kind(int, 0, 2**31),
    "accelerator": Kind(str, choices=("auto", "cpu", "gpu")),
}
CODE = ("models.effects", "models.pairs", "torch", "numpy")
MINUTES, PLAYS, STEPS = 5.0, "model", True


def advance(rung: Rung) -> Reached:
    """Train on, as far as the share says."""
    from models.pairs import open_pairs

    _, trained = _trained(rung, open_pairs(rung.data))
    previews = sorted(str(path.name) for path in rung.folder.glob("preview-*.wav"))
    scores = {"validation_esr": trained.validation_esr}
    return Reached(scores, trained.seconds, trained.steps, trained.history, tuple(previews))


def export(rung: Rung, target: Path) -> dict[str, Any]:
    """Write the model's folder; what its card tells of it."""
    from models.effects.auto import scored
    from models.effects.candidate import of_trained
    from models.effects.deploy import deploy
    from models.pairs import open_pairs

    pairs = open_pairs(rung.data)
    arch, trained = _trained(rung, pairs)
    best = scored(of_trained(trained, pairs), pairs)
    told: dict[str, Any] = {
        "pairs": f"{len(pairs.pairs)} pairs, {pairs.seconds:.0f} s",
        "esr": float(f"{best.score.esr:.3g}"),
        "mel_db": float(f"{best.score.mel_db:.3g}"),
        "sweep": ", ".join(f"{k} = {v}" for k, v in rung.params.items()) or f"arch = {arch}",
    }
    deploy(best.candidate, target, f"Learnt from {rung.data.name}, the best of a sweep", told)
    return told


def _trained(rung: Rung, pairs: Pairs) -> tuple[str, Trained]:
    from models.effects.auto import check_name, learn

    arch = str(rung.params.get("arch", rung.options.get("arch", ARCH)))
    check_name(arch)
    return arch, learn(pairs, arch, _settings(rung), rung.resume)


def _settings(rung: Rung) -> Settings:
    from models.effects.losses import parse_loss
    from models.effects.training import Settings

    told = {**rung.options, **rung.params}
    told.pop("arch", None)
    if "loss" in told:
        told["loss"] = parse_loss(told["loss"])
    told.setdefault("seed", rung.seed)
    return Settings(
        minutes=rung.minutes or MINUTES, steps=rung.steps, threads=rung.threads,
        folder=rung.folder, pause_at=rung.share, preview_every_s=1e9, **told,
    )  # fmt: skip
