"""What a training of the live morph is told, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from engine.morph.errors import MorphError
from engine.morph.grid import GRIDS, Grid
from engine.morph.model import CONDITIONS

PLAYED = ("quality", "live")
"""Grids that are fine enough in time to be played."""
LIMITS: dict[str, tuple[float, float]] = {
    "latents": (1, 64), "width": (8, 4096), "depth": (1, 8), "encoder_width": (8, 4096),
    "encoder_depth": (1, 8), "rows": (8, 65_536),
    "lr": (1e-6, 1.0), "minutes": (0.01, 10_000.0), "frames": (8, 4096), "seed": (0, 2**31),
    "linear": (0.0, 100.0), "steps": (0, 1e9),
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A network and how it is trained. ``check`` raises MorphError, one line."""

    grid: str = "quality"
    latents: int = 16
    conditions: str = "notes"
    width: int = 448  # units of a layer of the decoder
    depth: int = 1  # residual layers of the decoder
    encoder_width: int = 640  # it may be large: an instrument that plays stored notes has none
    encoder_depth: int = 2  # residual layers of the encoder
    frames: int = 64  # of each note, in memory
    rows: int = 512  # frames of an update
    lr: float = 6e-3
    linear: float = 0.3  # weight of the linear loss beside that in dB
    minutes: float = 13.0
    steps: int = 0  # where not 0, so many updates are the budget instead of the minutes
    seed: int = 1

    @property
    def frame_grid(self) -> Grid:
        """The grid that is named."""
        return GRIDS[self.grid]

    def check(self) -> Job:
        """Itself; MorphError names the value that is not allowed."""
        for name, known in (("grid", PLAYED), ("conditions", tuple(CONDITIONS))):
            if getattr(self, name) not in known:
                given = getattr(self, name)
                raise MorphError(f"{name} = {given!r} is not one of {', '.join(known)}")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise MorphError(f"{name} = {getattr(self, name):g} is outside {low:g} to {high:g}")
        return self

    def as_json(self) -> dict[str, Any]:
        """All values by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Job:
        """The job of ``as_json``; MorphError if it is none."""
        if set(given) != {field.name for field in fields(cls)}:
            raise MorphError(f"a job of the morph has {', '.join(f.name for f in fields(cls))}")
        return cls(**given).check()


@dataclass(frozen=True)
class Progress:
    """Where a training stands: means since the last one."""

    step: int
    seconds: float
    done: float  # share of the budget, 0 to 1
    rmse_db: float
    convergence: float  # linear, of frames

    def as_json(self) -> dict[str, float]:
        """All values by name."""
        return asdict(self)


Told = Callable[[Progress], None]
Stop = Callable[[], bool]


def in_silence(*_: object) -> None:
    """Tell nobody."""


__all__ = ["LIMITS", "PLAYED", "Job", "Progress", "Stop", "Told", "in_silence"]
