"""The network that learns: an encoder and a decoder of dense layers, as engine.morph.model has."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.morph.model import CONDITIONS, Dense
from models.morph.live.settings import Job

PITCHES = {"chroma": ((12, 10.0), (13, 10.0)), "notes": ()}
"""Conditions (their place, counted from the first) that notes differ little in, and by how much
more they count at first."""


class Layer(nn.Module):  # type: ignore[misc]
    """x = activation(kernel [x; given if joined] + bias) + (x if residual)."""

    def __init__(
        self, inputs: int, units: int, activation: str = "silu", joined: int = 0,
        residual: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.linear = nn.Linear(inputs + joined, units)
        self.activation, self.joined, self.residual = activation, bool(joined), residual

    def forward(self, x: Tensor, given: Tensor) -> Tensor:
        made: Tensor = self.linear(torch.cat([x, given], -1) if self.joined else x)
        if self.activation == "silu":
            made = nn.functional.silu(made)
        elif self.activation == "sigmoid":
            made = torch.sigmoid(made)
        return made + x if self.residual else made

    def exported(self) -> Dense:
        """The layer as it plays."""
        kernel, bias = (part.detach().cpu().float().numpy().copy() for part in (
            self.linear.weight, self.linear.bias))  # fmt: skip
        return Dense(kernel, bias, self.activation, self.joined, self.residual)


class MorphNetwork(nn.Module):  # type: ignore[misc]
    """Frames (rows, bins) and conditions to latents (rows, latents), and back."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        bins, more = job.frame_grid.bins, CONDITIONS[job.conditions]
        seen, told, wide, width = bins + more, job.latents + more, job.encoder_width, job.width
        self.encoder = nn.ModuleList([Layer(seen, wide)])
        self.encoder.extend(Layer(wide, wide, residual=True) for _ in range(job.encoder_depth))
        self.encoder.append(Layer(wide, job.latents, "sigmoid"))
        self.decoder = nn.ModuleList([Layer(told, width)])
        self.decoder.extend(Layer(width, width, residual=True) for _ in range(job.depth))
        self.decoder.append(Layer(width, bins, "none", joined=told))
        self._begin(job, bins)

    def encode(self, frames: Tensor, conditions: Tensor) -> Tensor:
        """Latents, 0 to 1."""
        return _through(self.encoder, torch.cat([frames, conditions], -1))

    def decode(self, latents: Tensor, conditions: Tensor) -> Tensor:
        """Frames; who plays them holds them to 0 to 1."""
        return _through(self.decoder, torch.cat([latents, conditions], -1))

    def forward(self, frames: Tensor, conditions: Tensor) -> Tensor:
        return self.decode(self.encode(frames, conditions), conditions)

    def exported(self) -> tuple[tuple[Dense, ...], tuple[Dense, ...]]:
        """Encoder and decoder as they play."""
        made = [
            tuple(layer.exported() for layer in layers if isinstance(layer, Layer))
            for layers in (self.encoder, self.decoder)
        ]
        return made[0], made[1]

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _begin(self, job: Job, bins: int) -> None:
        """First weights: conditions are heard beside 257 bins, latents leave the middle soon."""
        for layers, first in ((self.encoder, bins), (self.decoder, job.latents)):
            weight = layers[0].linear.weight
            weight[:, first:].normal_(0.0, 1.0 / math.sqrt(8.0))
            for place, more in PITCHES[job.conditions]:
                weight[:, first + place] *= more
        self.encoder[-1].linear.weight *= 4.0
        self.decoder[-1].linear.bias.fill_(0.3)


def _through(layers: nn.ModuleList, given: Tensor) -> Tensor:
    x = given
    for layer in layers:
        x = layer(x, given)
    return x


__all__ = ["Layer", "MorphNetwork"]
