"""Convolutions over frequency, a note's frames side by side as channels.

Notes of a dataset begin and end together, so the shapes of their envelopes are few; what moves
with pitch and timbre moves along frequency. It learns slowly: 6.0 dB on unheard instruments after
150 s of one core, where `separable` begins at 4.9 dB.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.morph.seed.networks.autoencoder import Activation, Autoencoder

STEP = 8  # rows of a spectrogram for one place of the code
CHANNELS = (64, 96, 128, 192)
"""At the full grid, and after each halving."""
SHAPES = 32
"""Envelopes that are a note's own: its spectrogram is nearly a sum of so few products."""
KEY_HZ, KEY = 440.0, 69.0


class Banded(Autoencoder):
    """Convolutions of stride 2 with residual blocks; the code is a band's, then turned densely.

    ``places_hz`` (bins,) are the rows' frequencies: then each level is told where the harmonics
    of the note's pitch lie, so that the code need not tell it. Without them the pitch is ignored.
    """

    def __init__(
        self, bins: int, frames: int, code: int, kind: str = "leaky", width: float = 1.0,
        places_hz: npt.NDArray[np.float64] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(bins, frames, code)
        self.padded = STEP * math.ceil(bins / STEP)
        places = self.padded // STEP
        first, *rest = (max(4, round(width * size)) for size in CHANNELS)
        self.combs = nn.ModuleList(Comb(places_hz, self.padded, 2**k) for k in range(4))
        told = Comb.told if places_hz is not None else 0
        self.stem = nn.Conv1d(frames + told, first, 1)
        down = zip([first, *rest[:-1]], rest, strict=True)
        self.down = nn.ModuleList(Down(a + told, b, kind) for a, b in down)
        self.narrow = nn.Conv1d(rest[-1], max(1, 2 * code // places), 1)
        self.turn = nn.Linear(self.narrow.out_channels * places, code)
        self.back = nn.Linear(code, self.narrow.out_channels * places)
        self.widen = nn.Conv1d(self.narrow.out_channels + told, rest[-1], 1)
        self.middle = Residual(rest[-1], kind)
        up = zip(rest[::-1], [*rest[-2::-1], rest[0]], strict=True)
        self.up = nn.ModuleList(Up(a, b, told, kind) for a, b in up)
        self.out = nn.Conv1d(rest[0], frames, 1)
        self.shapes = nn.Sequential(
            nn.Linear(code, 2 * rest[-1]),
            Activation(kind),
            nn.Linear(2 * rest[-1], SHAPES * frames),
        )
        self.weigh = nn.Conv1d(rest[0], SHAPES, 1)

    def encode(self, values: Tensor, pitches: Tensor) -> Tensor:
        """The codes (n, code)."""
        rows = nn.functional.pad(values.transpose(1, 2), (0, self.padded - self.bins))
        made = self.stem(self._told(rows, pitches, 0))
        for k, layer in enumerate(self.down):
            made = layer(self._told(made, pitches, k))
        turned: Tensor = self.turn(self.narrow(made).flatten(1))
        return turned

    def decode(self, codes: Tensor, pitches: Tensor) -> Tensor:
        """The values (n, bins, frames)."""
        grid = self.back(codes).reshape(len(codes), self.narrow.out_channels, -1)
        made = self.middle(self.widen(self._told(grid, pitches, 3)))
        for k, layer in zip((2, 1, 0), self.up, strict=True):
            made = layer(made, self.combs[k](pitches))
        shapes = self.shapes(codes).reshape(len(codes), SHAPES, self.frames)
        values = self.out(made) + shapes.transpose(1, 2) @ self.weigh(made)
        return values[:, :, : self.bins].transpose(1, 2)

    def _told(self, made: Tensor, pitches: Tensor, level: int) -> Tensor:
        return torch.cat([made, self.combs[level](pitches)], 1)


class Comb(nn.Module):  # type: ignore[misc]
    """Where the rows of a level lie between the harmonics of a pitch: (n, told, rows)."""

    told = 8
    places: Tensor

    def __init__(self, places_hz: npt.NDArray[np.float64] | None, rows: int, step: int) -> None:
        super().__init__()
        self.tells = places_hz is not None
        known = np.zeros(1) if places_hz is None else places_hz
        beyond = known[-1] + (known[-1] - known[-2:][0]) * np.arange(1, rows - len(known) + 1)
        places = np.concatenate([known, beyond])[:rows]
        mean = places.reshape(-1, step).mean(1) if self.tells else np.zeros(rows // step)
        self.register_buffer("places", torch.from_numpy(mean.astype(np.float32)), persistent=False)

    def forward(self, pitches: Tensor) -> Tensor:
        """Sines and cosines of the place in harmonics, and both frequencies."""
        if not self.tells:
            return self.places.new_zeros(len(pitches), 0, len(self.places))
        root = KEY_HZ * torch.exp2((pitches - KEY) / 12.0)[:, None]
        harmonic = self.places / root
        turns = [2.0 * math.pi * many * harmonic for many in (0.5, 1.0, 2.0)]
        waves = [wave(turn) for turn in turns for wave in (torch.sin, torch.cos)]
        high = (self.places / self.places[-1]).expand_as(harmonic)
        return torch.stack([*waves, torch.log2(1.0 + harmonic) / 6.0, high], 1)


class Down(nn.Module):  # type: ignore[misc]
    """Half as many rows: convolution, activation, normalisation, residual block."""

    def __init__(self, before: int, after: int, kind: str) -> None:
        super().__init__()
        self.halve = nn.Conv1d(before, after, 5, 2, 2)
        self.active, self.normal = Activation(kind), nn.BatchNorm1d(after)
        self.block = Residual(after, kind)

    def forward(self, given: Tensor) -> Tensor:
        """(n, before, rows) -> (n, after, rows / 2)."""
        made: Tensor = self.block(self.normal(self.active(self.halve(given))))
        return made


class Up(nn.Module):  # type: ignore[misc]
    """Twice as many rows: transposed convolution, then a convolution that hears the comb."""

    def __init__(self, before: int, after: int, told: int, kind: str) -> None:
        super().__init__()
        self.grow = nn.ConvTranspose1d(before, after, 4, 2, 1)
        self.mix = nn.Conv1d(after + told, after, 3, padding=1)
        self.active, self.normal = Activation(kind), nn.BatchNorm1d(after)
        self.last, self.settled = Activation(kind), nn.BatchNorm1d(after)

    def forward(self, given: Tensor, comb: Tensor) -> Tensor:
        """(n, before, rows) -> (n, after, 2 rows)."""
        made = self.normal(self.active(self.grow(given)))
        mixed = self.mix(torch.cat([made, comb], 1))
        out: Tensor = self.settled(self.last(mixed)) + made
        return out


class Residual(nn.Module):  # type: ignore[misc]
    """Adds what a convolution of three rows makes."""

    def __init__(self, channels: int, kind: str) -> None:
        super().__init__()
        self.convolve = nn.Conv1d(channels, channels, 3, padding=1)
        self.active, self.normal = Activation(kind), nn.BatchNorm1d(channels)

    def forward(self, given: Tensor) -> Tensor:
        """The same shape."""
        made: Tensor = given + self.normal(self.active(self.convolve(given)))
        return made


__all__ = ["Banded"]
