"""Roche's LSTM autoencoder: frames are read one by one, and written one by one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.morph.seed.networks.autoencoder import Autoencoder

HIDDEN = 256


class Recurrent(Autoencoder):
    """The code is made of an LSTM's last state and its mean; another, told it, writes frames."""

    def __init__(self, bins: int, frames: int, code: int, width: float = 1.0) -> None:
        super().__init__(bins, frames, code)
        hidden = max(8, round(width * HIDDEN))
        self.reader = nn.LSTM(bins, hidden, batch_first=True)
        self.told = nn.Linear(3 * hidden, code)
        self.heard = nn.Linear(code, hidden)
        self.clock = nn.Parameter(0.1 * torch.randn(frames, hidden))
        self.writer = nn.LSTM(hidden, hidden, batch_first=True)
        self.out = nn.Linear(2 * hidden, bins)

    def encode(self, values: Tensor, pitches: Tensor) -> Tensor:
        """The codes (n, code)."""
        out, (state, cell) = self.reader(values.transpose(1, 2))
        made: Tensor = self.told(torch.cat([state[0], cell[0], out.mean(1)], 1))
        return made

    def decode(self, codes: Tensor, pitches: Tensor) -> Tensor:
        """The values (n, bins, frames)."""
        heard = self.heard(codes)[:, None]
        out, _ = self.writer(heard + self.clock)
        told = heard.expand(-1, self.frames, -1)
        made: Tensor = self.out(torch.cat([out, told], 2))
        return made.transpose(1, 2)


__all__ = ["Recurrent"]
