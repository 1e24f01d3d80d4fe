"""What a training depends on beside its job, what it tells, and what it leaves; no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.sampler.errors import SamplerError
from engine.sampler.model import SamplerModel
from models.sampler.job import Job

PREVIEW_S = 10.0


@dataclass(frozen=True)
class Settings:
    """How previews are made and what is trained on.

    ``preview_every_s`` of training, the first after ``preview_first_s`` if that is sooner; less
    often where previews would take more than ``preview_share`` of the time. ``rows`` and ``steps``
    of a piece are the approach's unless given (models.sampler.training). ``updates`` ends a
    training whatever the job says.
    """

    threads: int = 1
    accelerator: str = "auto"
    preview_every_s: float = 15.0
    preview_first_s: float = 8.0
    preview_share: float = 0.3
    preview_s: float = PREVIEW_S
    save_every_s: float = 20.0
    previews: int = 0  # at most so many files are kept, the best always; 0 keeps all
    rows: int = 0
    steps: int = 0
    updates: int = 0
    scored: bool = True

    def __post_init__(self) -> None:
        for name in ("threads", "preview_every_s", "preview_first_s", "preview_s", "save_every_s"):
            if not getattr(self, name) > 0:
                raise SamplerError(f"{name} = {getattr(self, name)} must be above 0")
        for name in ("rows", "steps", "updates", "previews"):
            if getattr(self, name) < 0:
                raise SamplerError(f"{name} = {getattr(self, name)} must not be below 0")
        if self.accelerator not in ("auto", "cpu", "gpu"):
            raise SamplerError(f"accelerator = {self.accelerator} is none of auto, cpu, gpu")

    def preview_due(self, since_s: float, cost_s: float, first: bool) -> bool:
        """Whether, so long after the last one, which took ``cost_s``, a preview is to be made."""
        pause = cost_s * (1.0 / self.preview_share - 1.0)
        soonest = self.preview_first_s if first else self.preview_every_s
        return since_s >= max(pause, min(soonest, self.preview_every_s))

    @property
    def device(self) -> str:
        """What torch calls it: "cpu" or "cuda"; SamplerError where the GPU asked for is missing."""
        import torch

        if self.accelerator == "gpu" and not torch.cuda.is_available():
            raise SamplerError("accelerator = gpu: torch finds no GPU here; allowed are auto, cpu")
        return "cuda" if self.accelerator != "cpu" and torch.cuda.is_available() else "cpu"


@dataclass(frozen=True)
class Progress:
    """Where the training is: updates, times through the recording, share of the budget."""

    step: int
    epoch: float
    seconds: float
    done: float
    loss: float
    missed: float  # the next step's mean square error, standardised

    def as_json(self) -> dict[str, Any]:
        """A line of the history."""
        return {
            "step": self.step, "epoch": round(self.epoch, 3), "seconds": round(self.seconds, 2),
            "done": round(self.done, 5), "loss": float(f"{self.loss:.6g}"),
            "missed": float(f"{self.missed:.6g}"),
        }  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """A dream that can be heard: its file, what it scored (Scored.as_json) and its merit."""

    file: Path
    step: int
    seconds: float
    merit: float
    best: bool
    score: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, row: Mapping[str, Any], place: Path) -> Preview:
        """A preview in the folder ``place``, as its line of JSON tells of it."""
        given = {name: row[name] for name in ("step", "seconds", "merit", "best", "score")}
        return cls(place / str(row["file"]), **given)

    @property
    def grades(self) -> dict[str, str]:
        """Of each criterion; empty where it was not scored."""
        return {name: one["grade"] for name, one in self.score.get("criteria", {}).items()}

    def as_json(self) -> dict[str, Any]:
        """A line of the list of previews; the file by its name in the folder."""
        return {
            "file": self.file.name, "step": self.step, "seconds": round(self.seconds, 2),
            "merit": round(self.merit, 4), "best": self.best, "grades": self.grades,
            "score": self.score,
        }  # fmt: skip


Told = Callable[[Progress | Preview], None]
"""What is called with each event of a training, in its thread."""


Doing = Callable[[str], None]
"""What is called with what a training is at, in a few words, as that changes."""


@dataclass(frozen=True)
class Trained:
    """The best model of a training and how it came about.

    ``stopped`` is "budget" or "interrupted".
    """

    job: Job
    model: SamplerModel
    folder: Path
    best: Preview
    previews: tuple[Preview, ...]
    seconds: float
    steps: int
    stopped: str

    def as_json(self) -> dict[str, Any]:
        """The figures for --json."""
        return {
            "folder": str(self.folder), "model": str(self.folder / "best.npz"),
            "approach": self.job.approach, "source": self.job.source,
            "seconds": round(self.seconds, 1), "steps": self.steps, "stopped": self.stopped,
            "best": self.best.as_json(), "previews": len(self.previews),
        }  # fmt: skip


def nothing(_: Progress | Preview) -> None:
    """Tell nobody."""


def in_silence(_: object) -> None:
    """Tell nobody what is being done."""


__all__ = [
    "PREVIEW_S", "Doing", "Preview", "Progress", "Settings", "Told", "Trained", "in_silence",
    "nothing",
]  # fmt: skip
