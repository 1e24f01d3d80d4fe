"""What the network's answers cost."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from models.pulse.follower.hearing import (
    BEAT,
    FIRST,
    STROKES,
    TEMPO,
    TEMPO_BINS,
    TEMPO_HIGHEST,
    TEMPO_LOWEST,
)

WEIGHTS = {"beat": 1.0, "first": 0.5, "strokes": 0.5, "tempo": 0.05}
SPREAD_BINS = 0.7


def losses(told: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of logits (..., OUTPUTS) against targets (..., TARGETS), each a mean."""
    binary = functional.binary_cross_entropy_with_logits
    tempo = targets[..., TEMPO]
    known = tempo > 0
    wanted = tempo_bins(tempo.clamp(min=TEMPO_LOWEST))
    entropy = -(wanted * functional.log_softmax(told[..., TEMPO:], -1)).sum(-1)
    return {
        "beat": binary(told[..., BEAT], targets[..., BEAT]),
        "first": binary(told[..., FIRST], targets[..., FIRST]),
        "strokes": binary(told[..., STROKES:TEMPO], targets[..., STROKES:TEMPO]),
        "tempo": (entropy * known).sum() / known.sum().clamp(min=1),
    }


def total(parts: dict[str, Tensor]) -> Tensor:
    """Their weighted sum."""
    return torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum()


def tempo_bins(tempo: Tensor) -> Tensor:
    """A tempo as a narrow bell over the bins, (..., TEMPO_BINS), that sums to 1."""
    octaves = math.log2(TEMPO_HIGHEST / TEMPO_LOWEST)
    at = torch.log2(tempo / TEMPO_LOWEST) / octaves * (TEMPO_BINS - 1)
    bins = torch.arange(TEMPO_BINS, device=tempo.device, dtype=torch.float32)
    return functional.softmax(-0.5 * ((bins - at[..., None]) / SPREAD_BINS) ** 2, -1)


__all__ = ["losses", "tempo_bins", "total"]
