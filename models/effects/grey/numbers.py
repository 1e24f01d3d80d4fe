"""Which numbers of a box are searched for, as one vector, and by how much each is nudged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.boxes import Box, BoxError

Vector = NDArray[np.float64]
Kind = TypeVar("Kind", bound=Box)

NUDGES = {
    "rate_hz": 2e-5,
    "phase": 1e-4,
    "centre_hz": 1.0,
    "highpass_hz": 1.0,
    "drive": 0.02,
    "bias": 0.02,
}
NUDGE = 1e-3  # of any other: a delay in ms, a gain, a tap


@dataclass(frozen=True)
class Free(Generic[Kind]):
    """The fields ``names`` of ``box``, numbers or arrays, end to end as one vector."""

    box: Kind
    names: Sequence[str]

    @property
    def start(self) -> Vector:
        """What the box has now."""
        return np.concatenate([np.atleast_1d(getattr(self.box, n)) for n in self.names]).astype(
            np.float64
        )

    @property
    def steps(self) -> Vector:
        """The difference with which each is differentiated."""
        sizes = [np.size(getattr(self.box, name)) for name in self.names]
        steps = [NUDGES.get(name, NUDGE) for name in self.names]
        return np.repeat(steps, sizes)

    def make(self, numbers: Vector) -> Kind:
        """The box with these numbers; BoxError where there is none."""
        values: dict[str, object] = {}
        at = 0
        for name in self.names:
            old = getattr(self.box, name)
            if isinstance(old, np.ndarray):
                values[name] = numbers[at : at + len(old)].astype(np.float32)
                at += len(old)
            else:
                values[name] = float(numbers[at])
                at += 1
        if not np.isfinite(numbers).all():
            raise BoxError(f"{self.box.kind}: a number is not finite")
        made: Kind = replace(self.box, **values)  # type: ignore[arg-type]
        return made
