"""Where frames lie in time and frequency, and what a frame is: magnitudes, decibels, 0 to 1.

A frame is ``size`` samples times Hann's window (periodic), as magnitudes of all ``size`` / 2 + 1
bins from 0 Hz to half the rate, scaled so that a sine of amplitude A on a bin shows as A. Frame k
ends where hop k of the sound ends, so it knows nothing of what comes after: frames of a sound of
n hops are n and, while the last one leaves the window, ``overlap`` - 1 more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError

Array = npt.NDArray[np.float32]

FLOOR_DB = -80.0
"""What is softer, against a note's loudest bin, counts as this: 0 where networks see it."""
RATES = (4_000, 192_000)
SIZES = (128, 8192)
OVERLAPS = (2, 64)


@dataclass(frozen=True)
class Grid:
    """Frames of ``size`` samples, one every ``hop``, of a sound at ``rate``."""

    size: int
    hop: int
    rate: int = 16_000

    @property
    def bins(self) -> int:
        """Magnitudes in a frame."""
        return self.size // 2 + 1

    @property
    def overlap(self) -> int:
        """Frames that see any one sample."""
        return self.size // self.hop

    @property
    def lead(self) -> int:
        """Samples of a resynthesis before the sound that was analysed begins."""
        return self.size - self.hop

    @property
    def window(self) -> npt.NDArray[np.float64]:
        """Hann's window (size,)."""
        return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(self.size) / self.size)

    def check(self) -> None:
        """Raise MorphError, one line, if there is no such grid."""
        size, hop = self.size, self.hop
        if not SIZES[0] <= size <= SIZES[1] or size & (size - 1):
            raise MorphError(f"size = {size} is no power of two from {SIZES[0]} to {SIZES[1]}")
        least, most = OVERLAPS
        if not size // most <= hop <= size // least or size % hop:
            raise MorphError(f"hop = {hop} does not divide size = {size} into {least} to {most}")
        if not RATES[0] <= self.rate <= RATES[1]:
            raise MorphError(f"rate = {self.rate} is outside {RATES[0]} to {RATES[1]}")


GRIDS: Mapping[str, Grid] = MappingProxyType(
    {"quality": Grid(512, 64), "live": Grid(256, 32), "thesis": Grid(1024, 512)}
)
"""``quality`` and ``live`` are played; ``thesis`` is Langer's, too coarse in time to be."""


def spectra(sound: npt.ArrayLike, grid: Grid) -> npt.NDArray[np.complex128]:
    """All frames (frames, bins) of ``sound`` (n,), with their phases, scaled as magnitudes are.

    Raises MorphError if that is no sound in one channel, or not finite.
    """
    grid.check()
    samples = np.asarray(sound, np.float64)
    if samples.ndim != 1 or not len(samples):
        raise MorphError(f"a sound of shape {samples.shape} is not (samples,)")
    if not np.isfinite(samples).all():
        raise MorphError("a sound holds values that are not finite")
    rest = -len(samples) % grid.hop
    padded = np.pad(samples, (grid.lead, grid.lead + rest))
    cut = np.lib.stride_tricks.sliding_window_view(padded, grid.size)[:: grid.hop]
    made: npt.NDArray[np.complex128] = np.fft.rfft(cut * grid.window) * (4.0 / grid.size)
    return made


def magnitudes(sound: npt.ArrayLike, grid: Grid) -> Array:
    """All frames (frames, bins) of ``sound`` (n,) as magnitudes."""
    return np.abs(spectra(sound, grid)).astype(np.float32)


def to_db(frames: npt.ArrayLike) -> tuple[Array, float]:
    """Frames in dB against their own loudest bin, FLOOR_DB to 0, and that bin's own dB.

    Of silence all is at the floor, and the loudest bin at 0 dB.
    """
    given = np.asarray(frames, np.float64)
    most = float(given.max(initial=0.0))
    if not most > 0.0:
        return np.full(given.shape, FLOOR_DB, np.float32), 0.0
    low = 10.0 ** (FLOOR_DB / 20.0)
    levels = 20.0 * np.log10(np.maximum(given / most, low))
    return levels.astype(np.float32), 20.0 * float(np.log10(most))


def from_db(levels: npt.ArrayLike, reference_db: float = 0.0) -> Array:
    """Magnitudes again; what lies at the floor is no sound."""
    given = np.asarray(levels, np.float64)
    made = 10.0 ** ((given + reference_db) / 20.0)
    return np.where(given > FLOOR_DB, made, 0.0).astype(np.float32)


def to_unit(levels: npt.ArrayLike) -> Array:
    """0 to 1 for networks, of FLOOR_DB to 0 dB."""
    return (np.asarray(levels, np.float32) - np.float32(FLOOR_DB)) / np.float32(-FLOOR_DB)


def from_unit(values: npt.ArrayLike) -> Array:
    """dB again, of what a network makes: held to FLOOR_DB to 0."""
    held = np.clip(np.asarray(values, np.float32), 0.0, 1.0)
    return np.asarray(held * np.float32(-FLOOR_DB) + np.float32(FLOOR_DB), np.float32)


__all__ = [
    "FLOOR_DB", "GRIDS", "Array", "Grid", "from_db", "from_unit", "magnitudes", "spectra", "to_db",
    "to_unit",
]  # fmt: skip
