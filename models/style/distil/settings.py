"""What a distillation is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from models.style.errors import StyleError

RATE = 24_000
"""Of pairs and network: above 12 kHz the effect is silent. The host's rate is met when playing."""
PIECE_S = 5.0


@dataclass(frozen=True)
class Job:
    """``minutes`` of training; ``content_s`` of content are transferred first, ``held_s`` of others
    tell how near it comes; each with so many ``iterations``.
    ``beginning`` are steps on levels alone."""

    minutes: float = 12.0
    content_s: float = 240.0
    held_s: float = 40.0
    iterations: int = 100
    bands: int = 32
    hidden: int = 32
    modes: int = 32
    batch: int = 2
    segment: int = 24_576
    rate: float = 1e-3
    beginning: int = 1500
    seed: int = 1

    def check(self) -> Job:
        """Itself; StyleError in one line."""
        for name, low, high in (
            ("minutes", 0.01, 10_000.0),
            ("content_s", PIECE_S, 36_000.0),
            ("held_s", PIECE_S, 3_600.0),
            ("iterations", 1, 10_000),
            ("bands", 4, 256),
            ("hidden", 4, 256),
            ("modes", 1, 256),
            ("batch", 1, 256),
            ("beginning", 0, 1_000_000),
            ("segment", 12_288, 1 << 17),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise StyleError(f"{name} = {value:g} is outside {low:g} to {high:g}")
        return self

    def as_json(self) -> dict[str, Any]:
        """By name."""
        return asdict(self)


__all__ = ["PIECE_S", "RATE", "Job"]
