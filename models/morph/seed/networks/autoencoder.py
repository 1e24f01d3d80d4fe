"""What every autoencoder of notes does: a spectrogram to a code, a code to a spectrogram."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

REACH = 6.0
"""Standard deviations of a code that `squashed` spreads over 0..1."""


class Autoencoder(nn.Module):  # type: ignore[misc]
    """Values (n, bins, frames) in 0..1 to codes (n, code) and back; pitches (n,) are MIDI's.

    ``bins``, ``frames`` and ``code`` are fixed. The last layer is bare: values may leave 0..1.
    """

    centre: Tensor
    spread: Tensor
    below = 0.0
    """How far below the floor values are told when it is fitted; `Material` keeps some."""

    def __init__(self, bins: int, frames: int, code: int) -> None:
        super().__init__()
        self.bins, self.frames, self.code = bins, frames, code
        self.register_buffer("centre", torch.zeros(code))
        self.register_buffer("spread", torch.ones(code))

    def encode(self, values: Tensor, pitches: Tensor) -> Tensor:
        """The codes (n, code)."""
        raise NotImplementedError

    def decode(self, codes: Tensor, pitches: Tensor) -> Tensor:
        """The values (n, bins, frames)."""
        raise NotImplementedError

    def forward(self, values: Tensor, pitches: Tensor) -> tuple[Tensor, Tensor]:
        """What comes back, and what the code itself costs (0 but for the VAE)."""
        made = self.decode(self.encode(values, pitches), pitches)
        return made, values.new_zeros(())

    def fit(self, batches: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> None:
        """Begin from something better than chance where that is known; else nothing.

        Each call of ``batches`` goes through the notes again.
        """

    @property
    def learns(self) -> bool:
        """Whether gradients make it better."""
        return any(one.requires_grad for one in self.parameters())

    @property
    def weights(self) -> int:
        """Numbers that are learnt, or fitted."""
        return sum(one.numel() for one in self.parameters())


class Activation(nn.Module):  # type: ignore[misc]
    """ReLU or LeakyReLU (0.2), as the settings say."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.of: nn.Module = nn.LeakyReLU(0.2) if kind == "leaky" else nn.ReLU()

    def forward(self, given: Tensor) -> Tensor:
        """Element by element."""
        made: Tensor = self.of(given)
        return made


__all__ = ["REACH", "Activation", "Autoencoder"]
