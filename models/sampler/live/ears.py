"""What is listened to, and what came of it; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.sampler.settings import Trained


@dataclass(frozen=True)
class Ears:
    """What is listened to: which tap of which taraf, above which level, for how long.

    Learning begins with ``enough_s`` of sound; the last ``most_s`` are kept. With ``stay`` it goes
    on when taraf stops.
    """

    tap: str = ""
    pid: int | None = None
    threshold_db: float = -50.0
    enough_s: float = 15.0
    most_s: float = 300.0
    stay: bool = False


@dataclass(frozen=True)
class Learnt:
    """What came of it: ``stopped`` is "interrupted", "taraf stopped" or "budget".

    ``trained`` is None where there was not enough to hear.
    """

    folder: Path
    heard_s: float
    stopped: str
    trained: Trained | None

    def as_json(self) -> dict[str, Any]:
        """The figures for --json."""
        told: dict[str, Any] = self.trained.as_json() if self.trained is not None else {}
        told |= {"folder": str(self.folder), "heard_s": round(self.heard_s, 1)}
        return {**told, "stopped": self.stopped}


__all__ = ["Ears", "Learnt"]
