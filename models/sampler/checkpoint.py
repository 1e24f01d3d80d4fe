"""Where a training stands, written whole or not at all: going on from it is as if never stopped."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.sampler.errors import SamplerError
from models.checkpoint import save_checkpoint
from models.sampler.folder import CHECKPOINT, writing
from models.sampler.job import Job
from models.sampler.network import SamplerNetwork, State

CHANGEABLE = ("minutes", "num_epochs", "source", "storage", "temperature")
"""Values of a job that may be others when it is resumed."""


@dataclass
class Stands:
    """What changes while training, beside weights, optimiser and the rows' own memory."""

    step: int = 0
    seconds: float = 0.0
    read: int = 0  # steps of rows
    previewed: float = 0.0  # seconds at the last preview
    preview_cost: float = 0.0  # seconds it took
    best_merit: float = -1.0
    rank: int = 0  # units that the linear predictor was put into
    best: dict[str, Any] | None = None  # Preview.as_json
    previews: list[dict[str, Any]] = field(default_factory=list)


def signature(job: Job) -> str:
    """What must be equal for a checkpoint to be gone on from."""
    kept = {k: v for k, v in job.as_json().items() if k not in CHANGEABLE}
    return json.dumps(kept, sort_keys=True)


def save(
    folder: Path, job: Job, stands: Stands, network: SamplerNetwork,
    optimiser: torch.optim.Optimizer, rows: dict[str, Any],
) -> None:  # fmt: skip
    """Write the checkpoint; ``rows`` is `memory` of what the rows remember."""
    kept: dict[str, Any] = {"signature": signature(job), "stands": dataclasses.asdict(stands)}
    kept |= {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "rows": rows}
    with writing(folder / CHECKPOINT):
        save_checkpoint(folder / CHECKPOINT, kept)


def load(
    folder: Path, job: Job, network: SamplerNetwork, optimiser: torch.optim.Optimizer
) -> tuple[Stands, dict[str, Any]]:
    """Put a checkpoint's weights in; SamplerError, one line, if there is none that fits."""
    path = folder / CHECKPOINT
    if not path.is_file():
        raise SamplerError(f"{path}: there is no checkpoint to resume from")
    try:
        kept = torch.load(path, weights_only=True, map_location="cpu")
        given, stands, rows = kept["signature"], Stands(**kept["stands"]), kept["rows"]
    except Exception as error:  # torch raises pickle's and zip's own errors
        raise SamplerError(f"{path}: cannot be read: {type(error).__name__}") from None
    if given != signature(job):
        raise SamplerError(f"{path}: is of another job: {_differs(given, job)}")
    try:
        network.load_state_dict(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
    except (KeyError, RuntimeError, TypeError, ValueError):
        raise SamplerError(f"{path}: its weights are not those of this job") from None
    return stands, rows


def memory(
    places: list[int], state: State, before: Tensor, rng: np.random.Generator
) -> dict[str, Any]:
    """Where rows are, what they remember, and where chance is; what torch can keep safely."""
    kept: dict[str, Any] = {"places": places, "state": [t for pair in state for t in pair]}
    kept |= {"before": before, "numpy": json.dumps(rng.bit_generator.state)}
    kept["torch"] = torch.get_rng_state()
    if state[0][0].is_cuda:
        kept["cuda"] = torch.cuda.get_rng_state()
    return kept


def restore_chance(rows: dict[str, Any], rng: np.random.Generator) -> None:
    """Let chance go on from where it was."""
    rng.bit_generator.state = json.loads(rows["numpy"])
    torch.set_rng_state(rows["torch"])
    if "cuda" in rows and torch.cuda.is_available():
        torch.cuda.set_rng_state(rows["cuda"])


def _differs(given: str, job: Job) -> str:
    try:
        before = json.loads(given)
    except ValueError:
        return "it tells of none"
    now = json.loads(signature(job))
    for name in now:
        if before.get(name) != now[name]:
            return f"{name} = {json.dumps(now[name])}, there {json.dumps(before.get(name))}"
    return "its values are others"


__all__ = ["CHANGEABLE", "Stands", "load", "memory", "restore_chance", "save", "signature"]
