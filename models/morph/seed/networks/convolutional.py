"""The thesis's autoencoder: convolutions over frequency and time, halved at each layer."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from engine.morph.errors import MorphError
from models.morph.seed.networks.autoencoder import Activation, Autoencoder

LAYERS = 5
FIRST = 8  # channels, doubled at each layer


class Convolutional(Autoencoder):
    """3 x 3 convolutions of stride 2, each with activation and batch normalisation, and back.

    The thesis gives no sizes: five layers of 8 to 128 channels, and a code of ``code`` numbers
    spread over the grid that is left, here 16 x 4 for 512 x 126. Transposed convolutions decode;
    the last is bare.
    """

    def __init__(
        self, bins: int, frames: int, code: int, kind: str = "relu", width: float = 1.0
    ) -> None:
        super().__init__(bins, frames, code)
        step = 2**LAYERS
        self.grid = (math.ceil(bins / step), math.ceil(frames / step))
        cells = self.grid[0] * self.grid[1]
        if code % cells:
            told = f"a multiple of {cells} is allowed, the grid that is left of {bins} x {frames}"
            raise MorphError(f"code = {code}: {told}")
        channels = [max(4, round(width * FIRST * 2**k)) for k in range(LAYERS)]
        self.encoder = _encoder([1, *channels], code // cells, kind)
        self.decoder = _decoder([*channels[::-1], 1], code // cells, kind)

    def encode(self, values: Tensor, pitches: Tensor) -> Tensor:
        """Padded with the floor to a multiple of 32 each way."""
        high, wide = (side * 2**LAYERS for side in self.grid)
        padded = nn.functional.pad(values, (0, wide - self.frames, 0, high - self.bins))
        given = padded[:, None].contiguous(memory_format=torch.channels_last)
        made: Tensor = self.encoder(given)
        return made.flatten(1)

    def decode(self, codes: Tensor, pitches: Tensor) -> Tensor:
        """Cut to the size of what was encoded."""
        given = codes.reshape(len(codes), -1, *self.grid)
        made: Tensor = self.decoder(given.contiguous(memory_format=torch.channels_last))
        return made[:, 0, : self.bins, : self.frames]


def _encoder(channels: list[int], last: int, kind: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, 2, 1), Activation(kind), nn.BatchNorm2d(after)]
    layers.append(nn.Conv2d(channels[-1], last, 1))
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _decoder(channels: list[int], first: int, kind: str) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(first, channels[0], 1)]
    for k, (before, after) in enumerate(pairwise(channels)):
        layers.append(nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1))
        if k < len(channels) - 2:
            layers += [Activation(kind), nn.BatchNorm2d(after)]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


__all__ = ["Convolutional"]
