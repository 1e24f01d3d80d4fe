"""Mel bands of magnitudes, and magnitudes again of bands."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
ROUNDS = 30
"""Of the multiplicative update: after them the bands of notes differ by under 5 %."""


class Mel:
    """Slaney's triangles over the bins, ``bands`` of them, from 0 Hz to half the rate."""

    def __init__(self, rate: int, n_fft: int, bands: int) -> None:
        from models.judging.spectra import hertz_of, mel_filters, mel_of

        top = float(mel_of(rate / 2.0))
        self.centres_hz = hertz_of(np.linspace(0.0, top, bands + 2))[1:-1]
        self.filters = self._filled(mel_filters(rate, n_fft, bands), rate / n_fft)

    def _filled(self, filters: npt.NDArray[Any], step_hz: float) -> Array:
        """A band between two bins takes its share of both: none is empty, which none could undo."""
        for band in np.flatnonzero(filters.sum(1) == 0.0):
            place = self.centres_hz[band] / step_hz
            low = int(place)
            filters[band, low] = (1.0 - (place - low)) / step_hz
            filters[band, min(low + 1, filters.shape[1] - 1)] += (place - low) / step_hz
        return np.asarray(filters / filters.sum(1, keepdims=True), np.float32)

    def bands(self, magnitudes: Array) -> Array:
        """(..., bins, frames) -> (..., bands, frames)."""
        return np.asarray(self.filters @ magnitudes, np.float32)

    def bins_of(self, bands: Array) -> Array:
        """The magnitudes, none negative, whose bands are nearest; (..., bins, frames).

        Multiplicative updates of non-negative least squares (Lee and Seung 2001), from the
        pseudo-inverse.
        """
        made = np.maximum(self._inverse @ bands, 1e-3 * (self.filters.T @ bands))
        wanted = self.filters.T @ bands
        square = self.filters.T @ self.filters
        for _ in range(ROUNDS):
            made *= wanted / np.maximum(square @ made, 1e-20)
        return np.asarray(made, np.float32)

    @cached_property
    def _inverse(self) -> Array:
        return np.asarray(np.linalg.pinv(self.filters), np.float32)


__all__ = ["ROUNDS", "Mel"]
