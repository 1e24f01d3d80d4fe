"""What is listened to, and what came of it; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.sampler.errors import SamplerError
from models.sampler.job import Job
from models.sampler.settings import Trained

NEEDED = 1.2
"""Times what an approach needs to begin with."""


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

    def begins_with(self, job: Job) -> float:
        """Seconds of sound that a job's learning begins with.

        SamplerError, one line, where so many are never kept.
        """
        needs = NEEDED * job.needs / job.rate
        wanted = max(self.enough_s, needs)
        if wanted > self.most_s:
            why = f", which {job.approach} needs" if needs > self.enough_s else ""
            raise SamplerError(
                f"--enough {self.enough_s:g} and --keep {self.most_s:g}: learning begins with "
                f"{wanted:.1f} s{why}, and at least as many must be kept"
            )
        return wanted


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
