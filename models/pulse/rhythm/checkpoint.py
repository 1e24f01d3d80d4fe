"""Where a training of the rhythm model stands, written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.checkpoint import save_checkpoint
from models.pulse.errors import PulseError

NAME = "checkpoint.pt"
KEPT = ("step", "seconds", "best_bits", "history", "best")


@dataclass
class Progress:
    """What changes while training, beside weights, the optimiser's state and torch's chance."""

    step: int = 0
    seconds: float = 0.0
    best_bits: float = float("inf")
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None


def save(
    folder: Path, signature: str, progress: Progress,
    network: nn.Module, optimiser: torch.optim.Optimizer,
) -> None:  # fmt: skip
    """Write the checkpoint in ``folder``; ``signature`` says what it can be resumed with."""
    kept: dict[str, Any] = {key: getattr(progress, key) for key in KEPT}
    kept |= {"signature": signature, "network": network.state_dict()}
    kept |= {"optimiser": optimiser.state_dict(), "chance": torch.get_rng_state()}
    save_checkpoint(folder / NAME, kept)


def load(
    folder: Path, signature: str, network: nn.Module, optimiser: torch.optim.Optimizer
) -> Progress:
    """Return the progress with weights, optimiser and chance as they were; PulseError."""
    path = folder / NAME
    if not path.is_file():
        raise PulseError(f"{path}: there is no checkpoint to resume from")
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")
        given, stands = kept["signature"], Progress(**{key: kept[key] for key in KEPT})
    except Exception as error:  # torch raises pickle's own errors
        raise PulseError(f"{path}: cannot be read: {type(error).__name__}") from None
    if given != signature:
        raise PulseError(f"{path}: it is of {given}, not of {signature}")
    network.load_state_dict(kept["network"])
    optimiser.load_state_dict(kept["optimiser"])
    torch.set_rng_state(kept["chance"])
    return stands


__all__ = ["NAME", "Progress", "load", "save"]
