"""How far made frames are from those that are wanted: in dB, and as sound.

In dB alone a network spends itself on what lies at -60 to -80 dB; spectral convergence of linear
magnitudes hears what is loud. Their sum is learnt.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from engine.morph.grid import FLOOR_DB
from models.morph.live.augment import amplitude

PER_DB = 0.1  # 10 dB count as much as a linear error as large as the frame
QUIET = 0.2  # a frame's norm, against its note's loudest bin, that is added below
BEYOND = 1.0  # what a network makes above 1 is held to it, and told of up to here


class Losses(NamedTuple):
    """``rmse_db`` over all bins; ``convergence``, the mean over frames, not in dB."""

    rmse_db: Tensor
    convergence: Tensor

    def total(self, linear: float) -> Tensor:
        """What is made small."""
        return PER_DB * self.rmse_db + linear * self.convergence


def losses(made: Tensor, wanted: Tensor) -> Losses:
    """Of frames (rows, bins), 0 to 1. Below 0 is as good as 0 where 0 is wanted."""
    error = made - wanted
    error = torch.where((wanted <= 0.0) & (made < 0.0), 0.0, error) * -FLOOR_DB
    squared = error.square().mean()
    held = made.clamp(max=1.0 + BEYOND)
    a, b = (amplitude((one - 1.0) * -FLOOR_DB) for one in (held.clamp(max=1.2), wanted))
    missed = (a - b).square().sum(1).add(1e-9).sqrt()
    return Losses(squared.add(1e-6).sqrt(), (missed / (b.norm(dim=1) + QUIET)).mean())


__all__ = ["Losses", "losses"]
