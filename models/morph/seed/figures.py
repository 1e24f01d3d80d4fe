"""How well notes come back through a network, and which of two networks does it better."""

from __future__ import annotations

import torch

from models.morph.seed.losses import Figures
from models.morph.seed.material import Material
from models.morph.seed.networks import Autoencoder
from models.morph.seed.settings import Settings


def merit_of(settings: Settings, figures: Figures) -> float:
    """What tells the best network, by what it is to make small; lower is better."""
    error = (figures.rmse_db / settings.transform.top_db) ** 2
    heard = settings.loud if settings.loss == "heard" else 0.0
    return float(error + heard * 10.0 ** (figures.convergence_db / 20.0))


def figures_of(
    network: Autoencoder, material: Material, batch: int = 32, device: str = "cpu"
) -> Figures:
    """How well notes come back through a network."""
    network.eval()
    figures = Figures(material.transform)
    with torch.no_grad():
        for values, pitches in material.plain(batch):
            made, _ = network(values.to(device), pitches.to(device))
            figures.add(made.cpu(), values)
    return figures


__all__ = ["figures_of", "merit_of"]
