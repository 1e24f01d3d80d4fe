"""The autoencoders of the comparison; `build` makes one of settings."""

from models.morph.seed.networks.autoencoder import Autoencoder
from models.morph.seed.networks.build import build

__all__ = ["Autoencoder", "build"]
