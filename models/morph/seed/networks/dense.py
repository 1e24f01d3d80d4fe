"""Roche's deep and variational autoencoders, of a whole note's spectrogram."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from models.morph.seed.networks.autoencoder import Activation, Autoencoder

HIDDEN = 512


class Deep(Autoencoder):
    """Dense layers to the code and back: bins x frames, 512, code, 512, bins x frames."""

    told = 1  # times the code that the encoder tells

    def __init__(
        self, bins: int, frames: int, code: int, kind: str = "relu", width: float = 1.0
    ) -> None:
        super().__init__(bins, frames, code)
        size, hidden = bins * frames, max(8, round(width * HIDDEN))
        self.encoder = nn.Sequential(
            nn.Linear(size, hidden), Activation(kind), nn.Linear(hidden, self.told * code)
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, hidden), Activation(kind), nn.Linear(hidden, size)
        )

    def fit(self, batches: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> None:
        """The last layer's offset begins at the mean spectrogram."""
        total, count = torch.zeros(self.bins, self.frames), 0
        for values, _ in batches():
            total += values.sum(0)
            count += len(values)
        last = self.decoder[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias.copy_((total / max(count, 1)).flatten())

    def encode(self, values: Tensor, pitches: Tensor) -> Tensor:
        """The codes (n, code)."""
        made: Tensor = self.encoder(values.flatten(1))
        return made[:, : self.code]

    def decode(self, codes: Tensor, pitches: Tensor) -> Tensor:
        """The values (n, bins, frames)."""
        made: Tensor = self.decoder(codes)
        return made.reshape(len(codes), self.bins, self.frames)


class Variational(Deep):
    """The code is the mean of a normal distribution that training draws from (Kingma 2014)."""

    told = 2

    def forward(self, values: Tensor, pitches: Tensor) -> tuple[Tensor, Tensor]:
        """What comes back of a drawn code, and the divergence from the unit normal for a value."""
        mean, log_variance = self.encoder(values.flatten(1)).chunk(2, 1)
        log_variance = log_variance.clamp(-12.0, 6.0)
        drawn = mean
        if self.training:
            drawn = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)
        cost = divergence.sum(1).mean() / (self.bins * self.frames)
        return self.decode(drawn, pitches), cost


__all__ = ["Deep", "Variational"]
