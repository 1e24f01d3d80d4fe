"""How differently two sounds' patches are distributed: the paper's style loss with all filters.

The paper draws F Gaussian filters over K frames, rectifies them and compares Gram matrices. The
mean over all such filters of relu(w.u) relu(w.v) is the arc-cosine kernel of order 1 (Cho and
Saul 2009), k(u, v) = |u||v| (sin a + (pi - a) cos a) / 2 pi, a the angle between the patches. The
squared distance of Gram matrices is then the maximum mean discrepancy with k squared (Li et al.
2017): no filter is drawn, none can be fitted, and inner products of patches of K frames are sums
of K inner products of frames along a diagonal.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.style.errors import StyleError
from models.style.settings import MOST

RUN = 48  # patches in a row, where not all are taken
LEAST_NORM = 1e-5


@dataclass(frozen=True)
class Examples:
    """Patches of one or several recordings: frames (N, C), and what each patch weighs (N - K + 1,).

    The weights sum to 1; a patch that would lie in two recordings weighs nothing.
    """

    frames: Tensor
    weights: Tensor
    width: int

    @classmethod
    def of(
        cls, recordings: Sequence[Tensor], width: int, shares: Sequence[float] | None = None,
        most: int = MOST,
    ) -> Examples:  # fmt: skip
        """From features (T, C) of each recording, mixed in these shares; StyleError if short."""
        shares = [1.0] * len(recordings) if shares is None else shares
        total = sum(shares)
        pieces, weights = [], []
        for features, share in zip(recordings, shares, strict=True):
            for first, last, part in spread(
                len(features) - width + 1, round(most * share / total), width
            ):
                pieces.append(features[first : last + width - 1])
                weight = features.new_zeros(last - first + width - 1)
                weight[: last - first] = share / total * part
                weights.append(weight)
        return cls(torch.cat(pieces), torch.cat(weights)[: 1 - width or None], width)


def spread(patches: int, most: int, width: int) -> list[tuple[int, int, float]]:
    """Runs of patches (first, last, weight of each patch), at most about ``most`` in all."""
    if patches < 1:
        raise StyleError(f"a style shorter than {width} frames has no patch of {width} frames")
    if patches <= max(most, 1):
        return [(0, patches, 1.0 / patches)]
    run = min(max(RUN, width), max(most, 1))
    count = max(1, most // run)
    step = (patches - run) / max(count - 1, 1)
    return [(round(i * step), round(i * step) + run, 1.0 / (count * run)) for i in range(count)]


class Discrepancy:
    """The distance of a sound's patches from the examples': 0 if distributed alike."""

    def __init__(self, examples: Examples) -> None:
        self.width, self.frames, self.weights = examples.width, examples.frames, examples.weights
        self._stacked: Tensor | None = None
        with torch.no_grad():
            products = diagonal_sums(self.frames @ self.frames.T, self.width)
            self.norms = _norms(products)
            kernel, _, _ = arc_cosine(products, self.norms, self.norms)
            self.own = float(self.weights @ (kernel * kernel) @ self.weights)

    def __call__(self, features: Tensor) -> Tensor:
        """The discrepancy of features (T, C), differentiable; 0-dimensional."""
        if len(features) < self.width:
            raise StyleError(f"{len(features)} frames are too few for patches of {self.width}")
        found: Tensor = _Discrepancy.apply(features, self)
        return found

    def another(self) -> Discrepancy:
        """The same distance with buffers of its own, for another thread or loss."""
        made = copy.copy(self)
        made._stacked = None
        return made

    def value_and_slope(self, features: Tensor, sloped: bool) -> tuple[Tensor, Tensor | None]:
        """The discrepancy and its gradient for ``features``: two matrix products in all."""
        frames, width = len(features), self.width
        both = self._both(features)
        products = features @ both.T
        mine = diagonal_sums(products[:, :frames], width)
        other = diagonal_sums(products[:, frames:], width)
        count, norms = len(mine), _norms(mine)
        k1, angle1, sine1 = arc_cosine(mine, norms, norms)
        k2, angle2, sine2 = arc_cosine(other, norms, self.norms)
        weighted = k2 * self.weights
        value = (k1 * k1).sum() / count**2 - 2.0 * (weighted * k2).sum() / count + self.own
        if not sloped:
            return value, None
        w1 = k1 * (1.0 / (math.pi * count**2))
        w2 = weighted * (-2.0 / (math.pi * count))
        by_norm = 2.0 * ((w1 * sine1) @ norms) + (w2 * sine2) @ self.norms
        slope1, slope2 = w1 * (math.pi - angle1), w2 * (math.pi - angle2)
        slope1.diagonal().add_(by_norm / (2.0 * norms))
        slopes = torch.zeros_like(products)
        spread_back(slope1 * 2.0, width, slopes[:, :frames])  # both factors are the sound's
        spread_back(slope2, width, slopes[:, frames:])
        return value, slopes @ both

    def _both(self, features: Tensor) -> Tensor:
        """(T + N, C): the sound's frames above the examples', in one buffer."""
        frames = len(features)
        if self._stacked is None or len(self._stacked) != frames + len(self.frames):
            self._stacked = torch.cat([features.detach(), self.frames])
        self._stacked[:frames] = features.detach()
        return self._stacked


class _Discrepancy(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, features: Tensor, discrepancy: Discrepancy) -> Tensor:
        value, slope = discrepancy.value_and_slope(features, ctx.needs_input_grad[0])
        ctx.save_for_backward(slope)
        return value

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        (own,) = ctx.saved_tensors
        return own * slope, None


def arc_cosine(products: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The kernel, the angles and their sines, from inner products and norms."""
    both = rows[:, None] * columns
    cosine = (products / both).clamp_(-1.0, 1.0)
    angle = torch.acos(cosine)
    sine = (1.0 - cosine * cosine).sqrt_()
    return both * (sine + (math.pi - angle) * cosine) / (2.0 * math.pi), angle, sine


def diagonal_sums(products: Tensor, width: int) -> Tensor:
    """(T, S) -> (T - width + 1, S - width + 1): each element with those after it on its diagonal.

    By doubling: 11 takes 5 additions of matrices, 50 takes 8.
    """
    if width == 1:
        return products.clone()
    rows, columns = products.shape[0] - width + 1, products.shape[1] - width + 1
    power, done, total = products, 0, products.new_zeros(rows, columns)
    size = 1
    while done < width:
        if width & size:
            total += power[done : done + rows, done : done + columns]
            done += size
        size *= 2
        if done < width:
            half = size // 2
            power = power[:-half, :-half] + power[half:, half:]
    return total


def spread_back(slopes: Tensor, width: int, into: Tensor) -> None:
    """Add the gradient for `diagonal_sums`'s argument to ``into``, given that for its result."""
    rows, columns = slopes.shape
    padded = slopes.new_zeros(rows + 2 * (width - 1), columns + 2 * (width - 1))
    padded[width - 1 : width - 1 + rows, width - 1 : width - 1 + columns] = slopes
    into += diagonal_sums(padded, width)


def _norms(products: Tensor) -> Tensor:
    return products.diagonal().clamp_min(LEAST_NORM**2).sqrt()


__all__ = ["Discrepancy", "Examples", "arc_cosine", "diagonal_sums", "spread"]
