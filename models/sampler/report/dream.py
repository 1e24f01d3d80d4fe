"""What a report is made of: the dreams of a training and how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from models.sampler.score import Scored

Array = NDArray[Any]


@dataclass(frozen=True)
class Dream:
    """A preview: ``sound`` (n,) at ``rate``, or None if it is only told of, not shown."""

    name: str
    sound: Array | None
    rate: int
    scored: Scored | None = None
    step: int = 0
    """Of training, when it was made."""
    seconds: float = 0.0
    """Of training, likewise."""
    best: bool = False
    """Whether its checkpoint is the one that is kept."""
    file: str = ""
    """Where the whole sound lies, from the page's folder: a link."""


@dataclass(frozen=True)
class History:
    """The loss at steps of training, as long as each other."""

    steps: Sequence[float]
    losses: Sequence[float]

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]]) -> History:
        """Of reports with "step" and "loss"; those without are left out."""
        told = [row for row in rows if isinstance(row.get("loss"), int | float) and "step" in row]
        return cls([float(row["step"]) for row in told], [float(row["loss"]) for row in told])


__all__ = ["Dream", "History"]
