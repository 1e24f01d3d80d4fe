"""The network: a GRU over steps, a chain over the drums of a step, how hard and how early each is.

Its joint probability of a step is that of a chain (Larochelle & Murray 2011, NADE): each drum is
told which of those before it are hit, so that bits per step are true bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from models.pulse.rhythm.grid import COUNT

BINS = 8
SPREADS = (-5.0, 0.0)  # of an offset, in logarithms of steps: 0.7 % of one, a whole one


@dataclass(frozen=True)
class Target:
    """What is really played: hits, velocities 0 to 1, offsets in steps, (N, 9) each."""

    hits: Tensor
    velocities: Tensor
    offsets: Tensor


@dataclass(frozen=True)
class Found:
    """What the network makes of a batch: (N, 9), velocities (N, 9, bins)."""

    logits: Tensor
    velocities: Tensor
    offsets: Tensor
    centres: Tensor
    spreads: Tensor


class RhythmNetwork(nn.Module):  # type: ignore[misc]
    """``x`` (B, T, X) and ``hits`` (B, T, 9) to the logits of hits and how they are played."""

    def __init__(self, inputs: int, hidden: int = 160, chain: int = 96, dropout: float = 0.3):
        super().__init__()
        self.gru = nn.GRU(inputs, hidden, batch_first=True)
        self.into, self.skip = nn.Linear(hidden, chain), nn.Linear(inputs, chain, bias=False)
        self.w = nn.Parameter(torch.randn(COUNT, chain) / chain**0.5)
        self.b = nn.Parameter(torch.full((COUNT,), -2.0))
        self.c = nn.Parameter(torch.randn(COUNT, chain) * 0.1)
        self.how, self.how_skip = nn.Linear(hidden, chain), nn.Linear(inputs, chain, bias=False)
        self.how_hits = nn.Parameter(torch.randn(COUNT, chain) * 0.1)
        self.velocity = nn.Linear(chain, COUNT * BINS)
        self.offset, self.spread = nn.Linear(chain, COUNT), nn.Linear(chain, COUNT)
        self.together = nn.Parameter(torch.zeros(COUNT, COUNT))
        self.drop_in, self.drop = nn.Dropout(0.5 * dropout), nn.Dropout(dropout)
        nn.init.constant_(self.spread.bias, -2.5)
        nn.init.zeros_(self.offset.weight)

    def sizes(self) -> tuple[int, int, int]:
        """Hidden, chained, bins."""
        return self.gru.hidden_size, self.w.shape[1], BINS

    def forward(
        self, x: Tensor, target: Target, state: Tensor | None = None
    ) -> tuple[Found, Tensor]:
        """Return what it expects of the steps, each drum told those before it; and the state."""
        x = self.drop_in(x)
        h, state = self.gru(x, state)
        h = self.drop(h)
        hits = target.hits
        before = torch.cumsum(hits[..., None] * self.c, -2) - hits[..., None] * self.c
        chain = torch.relu((self.into(h) + self.skip(x))[..., None, :] + before)
        logits = (self.drop(chain) * self.w).sum(-1) + self.b
        u = torch.relu(self.how(h) + self.how_skip(x) + hits @ self.how_hits)
        u = self.drop(u)
        velocities = self.velocity(u).unflatten(-1, (COUNT, BINS))
        means = self.offset(u)
        told = hits * (target.offsets - means.detach())
        centres = means.detach() + told @ torch.tril(self.together, -1).T
        spreads = self.spread(u).clamp(*SPREADS)
        return Found(logits, velocities, means, centres, spreads), state


def losses(found: Found, target: Target, weight: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Nats a step of hits; nats of velocity, offset's error, nats of offset, a step; weighted."""
    hits = target.hits
    of_hits = (softplus(found.logits) - hits * found.logits).sum(-1)
    bins = (target.velocities * BINS).long().clamp(0, BINS - 1)
    of_velocity = cross_entropy(found.velocities.flatten(0, -2), bins.flatten(), reduction="none")
    of_velocity = (of_velocity.view_as(hits) * hits).sum(-1)
    error = ((target.offsets - found.offsets).abs() * hits).sum(-1)
    away = (target.offsets - found.centres).abs()
    of_offset = ((away * torch.exp(-found.spreads) + found.spreads) * hits).sum(-1)
    total = weight.sum()
    parts = ((part * weight).sum() / total for part in (of_hits, of_velocity, error, of_offset))
    hit, velocity, timing, spread = parts
    return hit, velocity, timing, spread


__all__ = ["BINS", "Found", "RhythmNetwork", "Target", "losses"]
