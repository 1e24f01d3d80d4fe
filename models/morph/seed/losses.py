"""What training makes small, and the figures that tell how well it did.

Errors are of values in 0..1, times the range in dB squared where dB are told. MSE in dB spends
itself on the floor: a network may be 5 dB off on the average and have lost a tenth of the sound.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from models.morph.seed.settings import Settings
from models.morph.seed.spectra import Transform

LOUDEST = 1.25  # a network may start anywhere; its magnitudes are bounded here


def loss_of(
    settings: Settings, made: Tensor, wanted: Tensor, cost: Tensor
) -> tuple[Tensor, Tensor]:
    """What is made small, and the mean squared error in it; ``cost`` is the code's own."""
    error = (made - wanted).square().mean()
    loss = error if settings.loss == "mse" else over_floor(made, wanted).square().mean()
    if settings.loss == "heard" and settings.loud:
        loss = loss + settings.loud * spectral_convergence(settings.transform, made, wanted).mean()
    if settings.architecture == "vae":
        loss = loss + settings.beta * cost
    return loss, error


def over_floor(made: Tensor, wanted: Tensor) -> Tensor:
    """The error where what lies under the floor is the floor: deeper than it is no mistake."""
    return torch.where(wanted <= 0.0, made.clamp(min=0.0), made - wanted)


def spectral_convergence(transform: Transform, made: Tensor, wanted: Tensor) -> Tensor:
    """The norm of the difference of magnitudes over that of the wanted ones: (n,), 0 is equal."""
    scale = transform.top_db / 20.0 * math.log(10.0)
    exact = torch.exp((wanted - 1.0) * scale)
    found = torch.exp((made.clamp(max=LOUDEST) - 1.0) * scale)
    off = (found - exact).square().sum((1, 2))
    return (off / exact.square().sum((1, 2))).clamp(min=1e-12).sqrt()


class Figures:
    """Sums over batches, and the figures of them.

    ``rmse_db`` over all values; ``lsd_db`` the mean over frames of the root mean square over rows;
    ``convergence_db`` of all notes' mean ratio. What is made is bounded to 0..1 first: what lies
    under the floor is the floor.
    """

    def __init__(self, transform: Transform) -> None:
        self.transform = transform
        self.squares = self.distances = self.ratios = 0.0
        self.values = self.frames = self.notes = 0

    def add(self, made: Tensor, wanted: Tensor) -> None:
        """A batch (n, bins, frames) of each."""
        shown = made.clamp(0.0, 1.0)
        squares = (shown - wanted).square()
        self.squares += float(squares.sum(dtype=torch.float64))
        self.distances += float(squares.mean(1).sqrt().sum(dtype=torch.float64))
        ratios = spectral_convergence(self.transform, shown, wanted)
        self.ratios += float(ratios.sum(dtype=torch.float64))
        self.values += made.numel()
        self.frames += made.shape[0] * made.shape[2]
        self.notes += len(made)

    @property
    def rmse_db(self) -> float:
        """Root mean square error."""
        return self.transform.top_db * math.sqrt(self.squares / max(self.values, 1))

    @property
    def lsd_db(self) -> float:
        """Log-spectral distance."""
        return self.transform.top_db * self.distances / max(self.frames, 1)

    @property
    def convergence_db(self) -> float:
        """Spectral convergence; lower is better."""
        return 20.0 * math.log10(max(self.ratios / max(self.notes, 1), 1e-12))

    def as_json(self) -> dict[str, float]:
        """All three."""
        names = ("rmse_db", "lsd_db", "convergence_db")
        return {name: round(getattr(self, name), 4) for name in names}


__all__ = ["LOUDEST", "Figures", "loss_of", "over_floor", "spectral_convergence"]
