"""What a training of the rhythm model depends on, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.pulse.errors import PulseError

if TYPE_CHECKING:
    from models.pulse.rhythm.network import RhythmNetwork


@dataclass(frozen=True)
class Settings:
    """How long and how to train. The learning rate falls along a cosine over the budget.

    With ``steps`` instead of ``minutes`` the same settings make the same weights. Without
    ``folder`` nothing is written. ``mixed`` is the share of pieces from the first material
    where there are two: what a performer's own takes are mixed with.
    """

    minutes: float = 12.0
    steps: int | None = None
    batch: int = 32
    piece: int = 128  # steps of a sixteenth: eight bars
    learning_rate: float = 3e-3
    decay: float = 1e-2
    hidden: int = 160
    chain: int = 96
    dropout: float = 0.3
    seed: int = 1
    threads: int = 1
    folder: Path | None = None
    validate_every_s: float = 30.0
    validate_every_steps: int = 100  # where ``steps`` are given
    mixed: float = 0.5
    pause_at: float = 1.0  # of the budget: it stops there, to be resumed

    def __post_init__(self) -> None:
        if self.steps is None and not self.minutes > 0.0:
            raise PulseError(f"minutes = {self.minutes} must be above 0")
        for name in ("steps", "batch", "piece", "hidden", "chain", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PulseError(f"{name} = {value} must be at least 1")


@dataclass(frozen=True)
class Trained:
    """The best network and how it came about; ``bits`` a step on development takes.

    ``stopped`` is "budget" or "interrupted".
    """

    network: RhythmNetwork
    styles: tuple[str, ...]
    bits: float
    seconds: float
    steps: int
    stopped: str
    history: tuple[dict[str, float], ...]


__all__ = ["Settings", "Trained"]
