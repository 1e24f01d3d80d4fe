"""What a training depends on, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.effects.losses import Loss
from models.effects.networks import EffectNetwork


class TrainingError(ValueError):
    """A training that cannot begin, go on or be resumed; one line that says why."""


@dataclass(frozen=True)
class Recipe:
    """How a kind of network learns best: what a batch is and the highest learning rate.

    ``segment`` counts frames after the warm-up; ``truncate`` those between two updates of a
    recurrent network. ``on_gpu`` times as many rows are one batch on a GPU.
    """

    batch: int
    segment: int
    learning_rate: float
    truncate: int = 0
    on_gpu: int = 4


RECIPES: dict[str, Recipe] = {
    "ssm": Recipe(batch=4, segment=4096, learning_rate=1e-2, on_gpu=8),
    "lstm": Recipe(batch=64, segment=8192, learning_rate=1e-2, truncate=1024),
    "gru": Recipe(batch=64, segment=8192, learning_rate=1e-2, truncate=1024),
    "tcn": Recipe(batch=8, segment=16_384, learning_rate=5e-3),
    "wavenet": Recipe(batch=4, segment=16_384, learning_rate=5e-3),
}
"""By the first word of an architecture's name."""


@dataclass(frozen=True)
class Settings:
    """How long and how to train. What is None is the recipe's.

    The learning rate falls along a cosine over ``minutes``, or over ``steps`` where these are
    given: then the same settings make the same weights to the bit. ``patience`` counts
    validations without a better one. Without ``folder`` nothing is written; with it there are
    checkpoints, TensorBoard's events and a preview one can listen to. At ``pause_at`` of the budget
    it stops, to be resumed: nothing of what comes then is another for it.
    """

    minutes: float = 5.0
    steps: int | None = None
    patience: int = 60
    batch: int | None = None
    segment: int | None = None
    learning_rate: float | None = None
    loss: Loss = field(default_factory=Loss)
    seed: int = 1
    threads: int = 2
    accelerator: str = "auto"
    folder: Path | None = None
    validate_every_s: float = 8.0
    validate_every_steps: int = 10  # where ``steps`` are given
    preview_every_s: float = 30.0
    pause_at: float = 1.0

    def __post_init__(self) -> None:
        if self.steps is None and not self.minutes > 0.0:
            raise TrainingError(f"minutes = {self.minutes} must be above 0")
        for name in ("steps", "batch", "segment", "threads", "patience", "validate_every_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise TrainingError(f"{name} = {value} must be at least 1")
        if self.learning_rate is not None and not 0.0 < self.learning_rate < 1.0:
            raise TrainingError(f"learning_rate = {self.learning_rate} is outside 0 to 1")


@dataclass(frozen=True)
class Trained:
    """The best network of a training, and how it came about.

    ``validation_esr`` is over two minutes of held-out sound, or all of it. ``stopped`` is
    "budget", "pause", "patience" or "interrupted". ``history`` has a row for each validation:
    step, seconds, loss, validation_esr, learning_rate.
    """

    module: EffectNetwork
    architecture: str
    knobs: tuple[str, ...]
    sample_rate: int
    validation_esr: float
    seconds: float
    steps: int
    history: tuple[dict[str, float], ...]
    stopped: str
    settings: Settings

    def summary(self) -> dict[str, Any]:
        """Return the figures for a card or --json."""
        return {
            "architecture": self.architecture,
            "weights": self.module.weights,
            "validation_esr": float(f"{self.validation_esr:.3g}"),
            "seconds": round(self.seconds),
            "steps": self.steps,
            "stopped": self.stopped,
        }
