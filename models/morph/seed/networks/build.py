"""Makes the network that the settings name."""

from __future__ import annotations

import torch

from models.morph.seed.networks.autoencoder import Autoencoder
from models.morph.seed.networks.banded import Banded
from models.morph.seed.networks.convolutional import Convolutional
from models.morph.seed.networks.dense import Deep, Variational
from models.morph.seed.networks.keyed import Keyed
from models.morph.seed.networks.linear import Linear
from models.morph.seed.networks.recurrent import Recurrent
from models.morph.seed.networks.separable import Separable
from models.morph.seed.settings import Settings


def build(settings: Settings, frames: int) -> Autoencoder:
    """A fresh network for notes of so many frames; the same one for the same seed."""
    torch.manual_seed(settings.seed)
    bins, code, kind = settings.transform.bins, settings.code, settings.activation
    width = settings.width
    match settings.architecture:
        case "banded":
            places = settings.transform.centres_hz
            return Banded(bins, frames, code, kind, width, places if settings.pitched else None)
        case "keyed":
            return Keyed(bins, frames, code)
        case "separable":
            return Separable(bins, frames, code, kind, width, settings.pitched)
        case "convolutional":
            return Convolutional(bins, frames, code, kind, width)
        case "deep":
            return Deep(bins, frames, code, kind, width)
        case "vae":
            return Variational(bins, frames, code, kind, width)
        case "lstm":
            return Recurrent(bins, frames, code, width)
    return Linear(bins, frames, code)


__all__ = ["build"]
