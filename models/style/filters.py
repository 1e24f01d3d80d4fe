"""The paper's style loss as published: random filters, rectified, and their Gram matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import conv1d

from models.style.errors import StyleError
from models.style.patches import spread
from models.style.settings import FILTERS, MOST, STACK_FILTERS

WIDTH = 11
STACK_WIDTH, DILATIONS = 2, (1, 2, 4, 8, 16)


class Network(Protocol):
    """What makes features of features, untrained; ``hears`` frames at once."""

    hears: int

    def __call__(self, features: Tensor) -> list[Tensor]:
        """(T, C) -> features (T', filters) of each layer."""


class RandomFilters:
    """One layer: ``count`` filters over ``width`` frames with all bins as channels, rectified.

    Gaussian, with the spread of Ulyanov and Lebedev (2016): sqrt(4 / ((channels + count) width)).
    """

    def __init__(
        self, channels: int, count: int = FILTERS, width: int = WIDTH, seed: int = 0,
        device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        made = torch.Generator().manual_seed(seed)
        self.hears = width
        self.spread = math.sqrt(4.0 / ((channels + count) * width))
        self.weights = torch.randn(count, channels, width, generator=made, dtype=dtype)
        self.weights = (self.weights * self.spread).to(device)

    def __call__(self, features: Tensor) -> list[Tensor]:
        """(T, C) -> [(T - width + 1, count)]."""
        return [conv1d(features.T[None], self.weights)[0].relu().T]


class ResidualStack:
    """Dilated layers whose outputs are added to what came in, as far as the paper's rhythm hears.

    Five layers of width 2 with dilations 1 to 16 hear 32 frames, 0.74 s at 22.05 kHz. He's
    spread; each layer's features count, so that short and long patterns do.
    """

    def __init__(
        self, channels: int, count: int = STACK_FILTERS, width: int = STACK_WIDTH,
        dilations: tuple[int, ...] = DILATIONS, seed: int = 0,
        device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        made = torch.Generator().manual_seed(seed)

        def drawn(inputs: int, frames: int) -> Tensor:
            spread = math.sqrt(2.0 / (inputs * frames))
            drawn = torch.randn(count, inputs, frames, generator=made, dtype=dtype)
            return (drawn * spread).to(device)

        self.dilations = dilations
        self.hears = 1 + sum(dilations) * (width - 1)
        self.first = drawn(channels, 1)
        self.layers = [drawn(count, width) for _ in dilations]

    def __call__(self, features: Tensor) -> list[Tensor]:
        """(T, C) -> features (T - hearing, count) after each layer."""
        now, found = conv1d(features.T[None], self.first), []
        for weights, dilation in zip(self.layers, self.dilations, strict=True):
            made = conv1d(now, weights, dilation=dilation).relu()
            now = (now[..., -made.shape[-1] :] + made) / math.sqrt(2.0)
            found.append(now[0].T)
        return found


def gram(features: Tensor) -> Tensor:
    """(T, F) -> (F, F): mean over the frames of products of filters."""
    return features.T @ features / len(features)


class FilterStyle:
    """The squared distance of Gram matrices to those of examples, summed over layers.

    Of long examples runs are taken, the closed form's (`spread`); several are mixed in shares.
    """

    def __init__(
        self, network: Network, recordings: Sequence[Tensor],
        shares: Sequence[float] | None = None, most: int = MOST,
    ) -> None:  # fmt: skip
        self.network = network
        shares = [1.0] * len(recordings) if shares is None else shares
        parts: list[list[Tensor]] = []
        with torch.no_grad():
            for features, share in zip(recordings, shares, strict=True):
                part = share / sum(shares)
                patches = len(features) - network.hears + 1
                for first, last, each in spread(patches, round(most * part), network.hears):
                    layers = network(features[first : last + network.hears - 1])
                    parts.append([gram(layer) * (part * each * (last - first)) for layer in layers])
        self.wanted = [torch.stack(layer).sum(0) for layer in zip(*parts, strict=True)]
        self.own = math.fsum(float((each * each).sum()) for each in self.wanted)
        """The distance of silence."""

    def __call__(self, features: Tensor) -> Tensor:
        """The style loss of features (T, C), differentiable; StyleError if they are too few."""
        if len(features) < self.network.hears:
            told = f"patches of {self.network.hears}"
            raise StyleError(f"{len(features)} frames are too few for {told}")
        layers = zip(self.network(features), self.wanted, strict=True)
        return torch.stack([((gram(layer) - wanted) ** 2).sum() for layer, wanted in layers]).sum()

    def another(self) -> FilterStyle:
        """The same: it has no buffers that threads could share."""
        return self


class FilterContent:
    """The squared distance of the first layer's features to the content's: the paper's content."""

    def __init__(self, network: Network, content: Tensor) -> None:
        self.network = network
        with torch.no_grad():
            self.wanted = network(content)[0]
        self.own = float((self.wanted * self.wanted).sum())

    def __call__(self, features: Tensor) -> Tensor:
        """The content loss of features (T, C), differentiable."""
        return ((self.network(features)[0] - self.wanted) ** 2).sum()


__all__ = [
    "DILATIONS",
    "WIDTH",
    "FilterContent",
    "FilterStyle",
    "Network",
    "RandomFilters",
    "ResidualStack",
    "gram",
]
