"""What the network's answers cost."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from models.pulse.follower.hearing import (
    BEAT,
    FIRST,
    PHASE_BINS,
    STROKES,
    TEMPO,
    TEMPO_BINS,
    TEMPO_HIGHEST,
    TEMPO_LOWEST,
)

WEIGHTS = {"beat": 1.0, "first": 0.5, "strokes": 0.5, "tempo": 0.05, "phase": 0.05}
SPREAD_BINS = 0.7


def losses(told: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Cross-entropies of logits (..., OUTPUTS) against targets (..., TARGETS + 1), each a mean.

    The last of the targets is how much of the beat has passed, below 0 where nobody knows.
    """
    binary = functional.binary_cross_entropy_with_logits
    tempo = targets[..., TEMPO]
    known = tempo > 0
    wanted = tempo_bins(tempo.clamp(min=TEMPO_LOWEST))
    after = TEMPO + TEMPO_BINS
    entropy = -(wanted * functional.log_softmax(told[..., TEMPO:after], -1)).sum(-1)
    place = targets[..., TEMPO + 1]
    inside = place >= 0
    places = -(phase_bins(place) * functional.log_softmax(told[..., after:], -1)).sum(-1)
    return {
        "beat": binary(told[..., BEAT], targets[..., BEAT]),
        "first": binary(told[..., FIRST], targets[..., FIRST]),
        "strokes": binary(told[..., STROKES:TEMPO], targets[..., STROKES:TEMPO]),
        "tempo": (entropy * known).sum() / known.sum().clamp(min=1),
        "phase": (places * inside).sum() / inside.sum().clamp(min=1),
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


def phase_bins(place: Tensor) -> Tensor:
    """A place in the beat, 0 to 1, shared between its two nearest bins: (..., PHASE_BINS)."""
    bins = torch.arange(PHASE_BINS, device=place.device, dtype=torch.float32)
    away = (place[..., None] * PHASE_BINS - bins).remainder(PHASE_BINS)
    return (1.0 - torch.minimum(away, PHASE_BINS - away)).clamp(min=0.0)


__all__ = ["losses", "phase_bins", "tempo_bins", "total"]
