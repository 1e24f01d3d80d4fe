"""What a network has to be better than: a cross-fade, dB interpolation, principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from engine.morph.errors import MorphError
from models.morph.measures.spectra import Array

ROWS = 4096  # at a time


def crossfade(one: Array, other: Array, share: float) -> Array:
    """Two sounds mixed: (1 - share) one + share other. No morph: both are heard."""
    return np.asarray((1.0 - share) * np.asarray(one) + share * np.asarray(other), np.float32)


def between_db(one_db: Array, other_db: Array, share: float) -> Array:
    """Spectra in dB interpolated bin by bin: the geometric mean of the magnitudes.

    Between notes of one pitch it is a morph, and a good one, for two sounds that lie in memory.
    """
    return crossfade(one_db, other_db, share)


@dataclass(frozen=True)
class Pca:
    """Principal components: the best linear code of ``dims`` numbers. Pearson 1901.

    ``mean`` (d,), ``axes`` (dims, d) orthonormal, from the largest variance down.
    """

    mean: Array
    axes: Array

    @classmethod
    def fit(cls, rows: Array, dims: int) -> Self:
        """Fit rows (n, d), by the eigenvectors of the smaller of X'X and XX'.

        Codes of fewer dims are the first of it: see ``first``. Raises MorphError for more dims
        than there are rows or numbers in one.
        """
        from scipy.linalg import eigh

        rows = np.asarray(rows, np.float32)
        n, d = rows.shape
        if not 1 <= dims <= min(n - 1, d):
            raise MorphError(f"PCA: {dims} dims of {n} rows of {d}: 1 to {min(n - 1, d)} can be")
        mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        wide = d > n
        square = _gram(rows - mean) if wide else _covariance(rows, mean)
        size = len(square)
        values, vectors = eigh(square, subset_by_index=(size - dims, size - 1))
        values, vectors = values[::-1], vectors[:, ::-1].astype(np.float32)
        axes = vectors.T @ (rows - mean) if wide else vectors.T
        norms = np.linalg.norm(axes, axis=1, keepdims=True)
        return cls(mean, np.asarray(axes / np.maximum(norms, 1e-20), np.float32))

    def first(self, dims: int) -> Pca:
        """The same with fewer dims."""
        return Pca(self.mean, self.axes[:dims])

    def encode(self, rows: Array) -> Array:
        """Codes (n, dims) of rows (n, d)."""
        return np.asarray((np.asarray(rows, np.float32) - self.mean) @ self.axes.T)

    def decode(self, codes: Array) -> Array:
        """Rows (n, d) of codes (n, dims)."""
        return np.asarray(np.asarray(codes, np.float32) @ self.axes + self.mean)


def _gram(centred: Array) -> Array:
    return np.asarray(centred @ centred.T, np.float64)


def _covariance(rows: Array, mean: Array) -> Array:
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for at in range(0, len(rows), ROWS):
        part = rows[at : at + ROWS] - mean
        total += part.T @ part
    return total


__all__ = ["Pca", "between_db", "crossfade"]
