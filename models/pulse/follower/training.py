"""Trains the follower's network until time is up or Ctrl-C; the best on development scenes wins.

What is judged and kept is a moving average of the weights: it generalises better than any of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from models.checkpoint import save_checkpoint
from models.pulse.errors import PulseError
from models.pulse.follower.hearing import Heard
from models.pulse.follower.losses import losses, total
from models.pulse.follower.material import draw, placed
from models.pulse.follower.network import PulseNetwork

CHECKPOINT = "checkpoint.pt"
BATCH, LEARNING_RATE, WEIGHT_DECAY = 6, 3e-3, 1e-2
RISE_STEPS, LAST_RATE = 50, 0.01
VALIDATE_SECONDS = 120.0
AVERAGE = 0.999  # of the average stays at each step
AT_ONCE = 12  # scenes, in validation


@dataclass
class Standing:
    """Where a training stands."""

    step: int = 0
    seconds: float = 0.0
    best: float = math.inf  # cross-entropy of beats on development scenes
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """The best network, its development losses, and how it came about."""

    network: PulseNetwork
    losses: dict[str, float]
    standing: Standing
    interrupted: bool


def train(
    material: Sequence[Heard], development: Heard, folder: Path, minutes: float, seed: int = 1,
    resume: bool = False, accelerator: str = "cpu", half: bool = False,
    told: Callable[[float, str], None] = lambda share, line: None,
    asked: Sequence[bool] = (), learning_rate: float = LEARNING_RATE, batch: int = BATCH,
    key: str = "",
) -> Trained:  # fmt: skip
    """Train for ``minutes`` in all; ``folder`` keeps the checkpoint that ``resume`` goes on from.

    ``half`` multiplies in bfloat16. It ends when ``asked`` is no longer empty. ``key`` tells its
    scenes from others. Raises PulseError where there is nothing to resume, or that of other scenes.
    """
    torch.manual_seed(seed)
    device = torch.device("cuda" if accelerator == "gpu" else "cpu")
    network = PulseNetwork().to(device)
    network.set_levels(torch.from_numpy(material[0].features.astype(np.float32)).to(device))
    mean = AveragedModel(network, avg_fn=_averaged)
    optimiser = torch.optim.AdamW(network.parameters(), learning_rate, weight_decay=WEIGHT_DECAY)
    kept: dict[str, Any] = {"best": None, "key": key}
    standing = Standing()
    if resume:
        standing = _load(folder, network, mean, optimiser, kept)
    began, validated = time.monotonic() - standing.seconds, time.monotonic()
    found: dict[str, float] = {}
    while standing.seconds < 60.0 * minutes and not asked:
        done = standing.seconds / (60.0 * minutes)
        rate = learning_rate * _share(standing.step, done)
        _step(network, optimiser, material, seed, standing, rate, batch, device, half)
        mean.update_parameters(network)
        standing.seconds = time.monotonic() - began
        told(done, f"step {standing.step}  beat {standing.best:.4f}")
        if time.monotonic() - validated > VALIDATE_SECONDS:
            found = _validated(mean.module, development, standing, kept, device)
            _save(folder, network, mean, optimiser, standing, kept)
            validated = time.monotonic()
    if standing.step == 0:
        raise PulseError("stopped before it had learnt anything; nothing was written")
    _validated(mean.module, development, standing, kept, device)
    _save(folder, network, mean, optimiser, standing, kept)
    network.load_state_dict(kept["best"])
    found = validation(network, development, device)
    return Trained(network.cpu().eval(), found, standing, bool(asked))


def _averaged(mean: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    """The moving average once ``now`` is in it; its first thousand steps weigh less."""
    return torch.lerp(mean, now, max(1.0 - AVERAGE, 10.0 / (10.0 + int(count))))


def _share(step: int, done: float) -> float:
    """Of the learning rate: a short rise, then a cosine over the budget."""
    rise = min(1.0, (step + 1) / RISE_STEPS)
    return rise * (LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * done)))


def _step(
    network: PulseNetwork, optimiser: torch.optim.Optimizer, material: Sequence[Heard], seed: int,
    standing: Standing, rate: float, batch: int, device: torch.device, half: bool,
) -> None:  # fmt: skip
    optimiser.param_groups[0]["lr"] = rate
    rng = np.random.default_rng([seed, standing.step])
    features, targets = (torch.from_numpy(part).to(device) for part in draw(material, batch, rng))
    network.train()
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        told = network(features)
    loss = total(losses(told.float(), targets))
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    standing.step += 1


@torch.no_grad()  # type: ignore[untyped-decorator]
def validation(
    network: PulseNetwork, development: Heard, device: torch.device | None = None
) -> dict[str, float]:
    """The mean losses on development scenes."""
    network.eval()
    rows = []
    for first in range(0, len(development.features), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        features = torch.from_numpy(development.features[part].astype(np.float32)).to(device)
        targets = torch.from_numpy(placed(development.targets[part])).to(device)
        rows.append(losses(network(features), targets))
    return {name: float(np.mean([float(row[name]) for row in rows])) for name in rows[0]}


def _validated(
    network: PulseNetwork, development: Heard, standing: Standing, kept: dict[str, Any],
    device: torch.device,
) -> dict[str, float]:  # fmt: skip
    found: dict[str, float] = validation(network, development, device)
    row = {"step": float(standing.step), "seconds": standing.seconds, **found}
    standing.history.append(row)
    if found["beat"] < standing.best or kept["best"] is None:
        standing.best = found["beat"]
        kept["best"] = {key: value.cpu().clone() for key, value in network.state_dict().items()}
    return found


def _save(
    folder: Path, network: PulseNetwork, mean: AveragedModel, optimiser: torch.optim.Optimizer,
    standing: Standing, kept: dict[str, Any],
) -> None:  # fmt: skip
    states = {"network": network, "mean": mean, "optimiser": optimiser}
    stands: dict[str, Any] = {name: kind.state_dict() for name, kind in states.items()}
    stands |= {"standing": vars(standing), "best": kept["best"], "key": kept["key"]}
    save_checkpoint(folder / CHECKPOINT, stands)


def _load(
    folder: Path, network: PulseNetwork, mean: AveragedModel, optimiser: torch.optim.Optimizer,
    kept: dict[str, Any],
) -> Standing:  # fmt: skip
    path = folder / CHECKPOINT
    if not path.is_file():
        raise PulseError(f"{path}: there is no checkpoint to resume from")
    try:
        found: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        before = str(found.get("key", ""))  # checkpoints of before there were keys go on
        if before and kept["key"] and before != kept["key"]:
            wanted = "the --data, --font and --kit it began with"
            raise PulseError(f"{path}: it is of other scenes; --resume wants {wanted}")
        network.load_state_dict(found["network"])
        mean.load_state_dict(found["mean"])
        optimiser.load_state_dict(found["optimiser"])
        kept["best"] = found["best"]
        return Standing(**found["standing"])
    except PulseError:
        raise
    except Exception as error:  # torch raises pickle's own errors
        raise PulseError(f"{path}: no checkpoint of this trainer: {type(error).__name__}") from None


__all__ = ["CHECKPOINT", "Standing", "Trained", "train", "validation"]
