"""Where a training stands, written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.checkpoint import save_checkpoint
from models.effects.networks import EffectNetwork
from models.effects.training.settings import TrainingError

NAME = "checkpoint.pt"
KEPT = ("step", "seconds", "best_esr", "stale", "history", "best")


@dataclass
class Progress:
    """What changes while training, beside the weights and the optimiser's own state."""

    step: int = 0
    seconds: float = 0.0
    best_esr: float = float("inf")
    stale: int = 0  # validations since the best
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None


def save(
    folder: Path, signature: str, held_out: str, progress: Progress,
    network: EffectNetwork, optimiser: torch.optim.Optimizer,
) -> None:  # fmt: skip
    """Write the checkpoint in ``folder``; ``signature`` says what it can be resumed with.

    ``held_out`` tells the sound it chooses by from any other.
    """
    kept: dict[str, Any] = {key: getattr(progress, key) for key in KEPT}
    kept |= {"signature": signature, "held_out": held_out, "network": network.state_dict()}
    kept["optimiser"] = optimiser.state_dict()
    save_checkpoint(folder / NAME, kept)


def load(
    folder: Path, signature: str, held_out: str,
    network: EffectNetwork, optimiser: torch.optim.Optimizer,
) -> Progress:  # fmt: skip
    """Return the progress with weights and optimiser as they were; TrainingError if none fits."""
    path = folder / NAME
    if not path.is_file():
        raise TrainingError(f"{path}: there is no checkpoint to resume from")
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")
        given, stands = kept["signature"], Progress(**{key: kept[key] for key in KEPT})
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, TypeError):
        raise TrainingError(f"{path}: it is no checkpoint of this trainer") from None
    except Exception as error:  # torch raises pickle's own errors
        raise TrainingError(f"{path}: cannot be read: {type(error).__name__}") from None
    if given != signature:
        raise TrainingError(f"{path}: it is of {given}, not of {signature}")
    if kept.get("held_out", held_out) != held_out:  # it may have learnt what is held out now
        raise TrainingError(
            f"{path}: it held out other pairs than these; without --resume it begins anew"
        )
    try:
        network.load_state_dict(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
    except (KeyError, RuntimeError, TypeError, ValueError):
        raise TrainingError(f"{path}: its weights are not those of {signature}") from None
    return stands
