"""How differently two sounds' patches are distributed: the style loss of all filters, no filter.

Means over all Gaussian filters are the arc-cosine kernel (Cho and Saul 2009), and the distance of
Gram matrices is the discrepancy of patches with its square (Li et al. 2017); patches' products are
sums of frames' products along diagonals. See ``models/style/patches.py``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
LEAST_NORM = np.float32(1e-10)  # of a patch, squared
PI = np.float32(np.pi)


class Distance:
    """Of patches of ``width`` frames from the examples' (frames, C), of which all weigh the same.

    There are at least ``width`` frames. Of more than ``most`` patches about so many are compared
    with, in runs that are spread over them all.
    """

    def __init__(self, examples: Array, width: int, most: int) -> None:
        self.width = width
        runs = spread(len(examples) - width + 1, most, width)
        self.frames = np.concatenate([examples[a : b + width - 1] for a, b in runs])
        weights = [np.full(b - a + width - 1, 1.0, np.float32) for a, b in runs]
        for each in weights:
            each[len(each) - width + 1 :] = 0.0  # would lie in two runs
        joined = np.concatenate(weights)[: len(self.frames) - width + 1]
        self.weights = joined / joined.sum()
        products = diagonal_sums(self.frames @ self.frames.T, width)
        self.norms = norms_of(products)
        kernel = arc_cosine(products, self.norms, self.norms)[0]
        self.own = float(self.weights @ np.square(kernel) @ self.weights)
        self._both = self.frames

    def __call__(self, features: Array, sounds: Array) -> tuple[float, Array]:
        """The distance of features (T, C), 0 if distributed alike, and its gradient (T, C).

        ``sounds`` (T,) is what each frame counts, 1 or 0: with rests among them the others would
        have to be louder to be alike on average. A patch counts as its middle frame does.
        """
        frames, width = len(features), self.width
        if len(self._both) != frames + len(self.frames):
            self._both = np.concatenate([features, self.frames])
        both = self._both
        both[:frames] = features
        products = features @ both.T
        mine = diagonal_sums(products[:, :frames], width)
        other = diagonal_sums(products[:, frames:], width)
        count, norms = len(mine), norms_of(mine)
        weights = sounds[width // 2 : width // 2 + count]
        weights = weights / max(float(weights.sum()), 1.0)
        k1, open1, sine1 = arc_cosine(mine, norms, norms)
        k2, open2, sine2 = arc_cosine(other, norms, self.norms)
        each = weights[:, None]
        weighted = k2 * (each * self.weights)
        value = float(weights @ np.square(k1) @ weights) - 2.0 * float(np.vdot(weighted, k2))
        k1 *= each * weights * np.float32(1.0 / np.pi)
        weighted *= np.float32(-2.0 / np.pi)
        by_norm = 2.0 * ((k1 * sine1) @ norms) + (weighted * sine2) @ self.norms
        k1 *= open1
        weighted *= open2
        k1[np.arange(count), np.arange(count)] += by_norm / (2.0 * norms)
        k1 *= np.float32(2.0)  # both factors are the sound's
        slopes = np.empty_like(products)
        slopes[:, :frames] = spread_back(k1, width)
        slopes[:, frames:] = spread_back(weighted, width)
        return value + self.own, slopes @ both


def spread(patches: int, most: int, width: int) -> list[tuple[int, int]]:
    """Runs of patches, first and last, about ``most`` in all."""
    if patches <= most:
        return [(0, patches)]
    run = min(max(48, width), most)
    count = max(1, most // run)
    step = (patches - run) / max(count - 1, 1)
    return [(round(i * step), round(i * step) + run) for i in range(count)]


def arc_cosine(products: Array, rows: Array, columns: Array) -> tuple[Array, Array, Array]:
    """The kernel, pi - the angles, their sines, from inner products and norms."""
    both = rows[:, None] * columns
    cosine = np.clip(products / both, -1.0, 1.0)
    opens = PI - np.arccos(cosine)
    sine = np.sqrt(1.0 - np.square(cosine))
    cosine *= opens
    cosine += sine
    cosine *= both
    cosine *= np.float32(0.5 / np.pi)
    return cosine, opens, sine


def diagonal_sums(products: Array, width: int) -> Array:
    """(T, S) -> (T - width + 1, S - width + 1): each with those after it on its diagonal.

    By doubling: 11 takes 5 additions of matrices.
    """
    if width == 1:
        return products.copy()
    rows, columns = products.shape[0] - width + 1, products.shape[1] - width + 1
    power, done, size = products, 0, 1
    total = np.zeros((rows, columns), np.float32)
    while done < width:
        if width & size:
            total += power[done : done + rows, done : done + columns]
            done += size
        if done < width:
            power = power[:-size, :-size] + power[size:, size:]
        size *= 2
    return total


def spread_back(slopes: Array, width: int) -> Array:
    """The gradient for ``diagonal_sums``'s argument, given that for its result."""
    return diagonal_sums(np.pad(slopes, width - 1), width)


def norms_of(products: Array) -> Array:
    """Norms of patches, from their products with themselves."""
    return np.asarray(np.sqrt(np.maximum(np.diagonal(products), LEAST_NORM)))


__all__ = ["Distance", "arc_cosine", "diagonal_sums", "spread", "spread_back"]
