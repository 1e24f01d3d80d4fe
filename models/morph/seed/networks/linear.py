"""Principal components of whole spectrograms: what every network has to beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from models.morph.seed.networks.autoencoder import Autoencoder


class Linear(Autoencoder):
    """The mean and the ``code`` largest principal components, fitted in closed form.

    With fewer notes than components the rest stay zero.
    """

    def __init__(self, bins: int, frames: int, code: int) -> None:
        super().__init__(bins, frames, code)
        size = bins * frames
        self.mean = nn.Parameter(torch.zeros(size), requires_grad=False)
        self.components = nn.Parameter(torch.zeros(code, size), requires_grad=False)

    def fit(self, batches: Callable[[], Iterator[tuple[Tensor, Tensor]]]) -> None:
        """Find them by the notes' inner products: (n, n), small beside (size, size)."""
        rows = torch.cat([values.flatten(1).half() for values, _ in batches()])
        self.mean.copy_(rows.float().mean(0) if len(rows) < 256 else _mean(rows))
        products = torch.zeros(len(rows), len(rows))
        for at in range(0, rows.shape[1], 4096):
            piece = rows[:, at : at + 4096].float() - self.mean[at : at + 4096]
            products += piece @ piece.T
        values, vectors = torch.linalg.eigh(products.double())
        kept = min(self.code, len(rows) - 1)
        values, vectors = values.flip(0)[:kept], vectors.flip(1)[:, :kept]
        turned = (vectors / values.clamp(min=1e-12).sqrt()).T.float()
        for at in range(0, rows.shape[1], 4096):
            piece = rows[:, at : at + 4096].float() - self.mean[at : at + 4096]
            self.components[:kept, at : at + 4096] = turned @ piece

    def encode(self, values: Tensor, pitches: Tensor) -> Tensor:
        """The codes (n, code)."""
        return (values.flatten(1) - self.mean) @ self.components.T

    def decode(self, codes: Tensor, pitches: Tensor) -> Tensor:
        """The values (n, bins, frames)."""
        made = self.mean + codes @ self.components
        return made.reshape(len(codes), self.bins, self.frames)


def _mean(rows: Tensor) -> Tensor:
    total = torch.zeros(rows.shape[1])
    for at in range(0, len(rows), 256):
        total += rows[at : at + 256].float().sum(0)
    return total / len(rows)


__all__ = ["Linear"]
