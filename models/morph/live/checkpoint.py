"""Where a training stands, written whole or not at all.

checkpoint.pt    what resuming needs
history.jsonl    a line for each validation, for those who watch: step, seconds, rmse_db,
                 convergence_db
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.morph.errors import MorphError
from engine.whole import write_whole
from models.checkpoint import save_checkpoint
from models.morph.live.settings import Job

CHECKPOINT, HISTORY = "checkpoint.pt", "history.jsonl"
CHANGEABLE = ("minutes", "steps")
"""Values of a job that may be others when it is resumed."""


@dataclass
class Stands:
    """What changes while training, beside weights and optimiser."""

    step: int = 0
    seconds: float = 0.0
    core_seconds: float = 0.0  # of all cores together
    best: float = math.inf  # loss on instruments it chooses by
    history: list[dict[str, float]] = field(default_factory=list)


def save(
    folder: Path, job: Job, stands: Stands, parts: dict[str, Any],
    best: dict[str, torch.Tensor] | None,
) -> None:  # fmt: skip
    """Write both files; ``parts`` are modules and optimisers by name. MorphError if it fails.

    The history is written as a whole: no line comes twice, wherever a training was broken off.
    """
    kept: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    kept |= {"job": json.dumps(job.as_json()), "stands": dataclasses.asdict(stands), "best": best}
    lines = "".join(f"{json.dumps(row)}\n" for row in stands.history)
    try:
        save_checkpoint(folder / CHECKPOINT, kept)
        write_whole(folder / HISTORY, lines.encode(), sync=False)
    except OSError as error:
        raise MorphError(f"{error.filename or folder}: {error.strerror or error}") from None


def load(
    folder: Path, job: Job, parts: dict[str, Any]
) -> tuple[Stands, dict[str, torch.Tensor] | None]:
    """Put it back into ``parts``; MorphError, one line, if there is none that fits the job."""
    path = folder / CHECKPOINT
    if not path.is_file():
        raise MorphError(f"{path}: there is no checkpoint to resume from")
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")
        before, stands, best = json.loads(kept["job"]), Stands(**kept["stands"]), kept["best"]
    except Exception as error:  # torch raises pickle's and zip's own errors
        raise MorphError(f"{path}: cannot be read: {type(error).__name__}") from None
    for name, value in job.as_json().items():
        if name not in CHANGEABLE and before.get(name) != value:
            told = f"{name} = {value}, there {before.get(name)}"
            raise MorphError(f"{path}: is of another training: {told}")
    try:
        for name, part in parts.items():
            part.load_state_dict(kept[name])
    except (KeyError, RuntimeError, TypeError, ValueError):
        raise MorphError(f"{path}: its weights are not those of this training") from None
    return stands, best


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of its weights."""
    return {name: value.cpu().clone() for name, value in network.state_dict().items()}


__all__ = ["CHECKPOINT", "HISTORY", "Stands", "load", "save", "weights"]
