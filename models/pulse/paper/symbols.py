"""Beat vectors: onsets and beats combined into one symbol for each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.pulse.errors import PulseError
from models.pulse.paper.beats import Frames
from models.pulse.paper.envelope import Array
from models.pulse.paper.tempo import peak_offset

Symbols = NDArray[np.int64]
STEPS = 10
FULL = 99.5  # percentile of a recording's peaks that counts as full strength
AROUND, ABOVE = 2, 0.05  # a peak is the largest of 5 frames and 5 % of full strength


@dataclass(frozen=True)
class Representation:
    """What the networks learn: its name, how many symbols there are, one line about it."""

    name: str
    classes: int
    about: str

    def values(self, symbols: Symbols) -> NDArray[np.float32]:
        """What a network hears: 0 for nothing, 1 for a beat or the strongest onset."""
        return np.asarray(symbols, np.float32) / np.float32(self.classes - 1)


REPRESENTATIONS = {
    each.name: each
    for each in (
        Representation("binary", 2, "an onset or a beat, or neither"),
        Representation("peaks", STEPS + 1, "onsets in ten steps of strength, beats are full"),
        Representation("envelope", STEPS + 1, "the envelope in ten steps, beats are full"),
    )
}


def representation(name: str) -> Representation:
    """The representation called ``name``; raises PulseError."""
    if name not in REPRESENTATIONS:
        known = ", ".join(REPRESENTATIONS)
        raise PulseError(f"representation = {name} is none of {known}")
    return REPRESENTATIONS[name]


def beat_vector(envelope: Array, beats: Frames, kind: Representation) -> Symbols:
    """One symbol (frames,) for each frame of ``envelope``, 0 to ``kind.classes`` - 1."""
    strength = scaled(envelope)
    if kind.name != "envelope":
        peaks = np.zeros_like(strength)
        at = onset_frames(envelope)
        peaks[at] = np.maximum(strength[at], 1.0 / STEPS)
        strength = peaks
    strength = strength.copy()
    strength[beats] = 1.0
    if kind.name == "binary":
        return np.asarray(strength > 0.0, np.int64)
    return np.asarray(np.floor(strength * STEPS + 1e-9), np.int64)


def scaled(envelope: Array) -> Array:
    """``envelope`` from 0 to 1: what is below its mean is 0, its strongest onsets are 1."""
    above = np.maximum(envelope, 0.0)
    peaks = above[_is_largest(above, AROUND) & (above > 0.0)]
    if len(peaks) == 0:
        return above
    return np.asarray(np.minimum(above / np.percentile(peaks, FULL), 1.0))


def onset_frames(envelope: Array) -> Frames:
    """The frames of onsets: the largest of their neighbourhood and not too weak."""
    strength = scaled(envelope)
    return np.flatnonzero(_is_largest(strength, AROUND) & (strength > ABOVE))


def onset_places(envelope: Array) -> Array:
    """The same onsets in frames and parts of them: the tops of parabolas."""
    found = onset_frames(envelope)
    return np.array([at + peak_offset(envelope, int(at)) for at in found], np.float64)


def _is_largest(values: Array, around: int) -> NDArray[np.bool_]:
    """Where a value is larger than those before it within ``around``, and none after is larger."""
    padded = np.pad(values, around, constant_values=-np.inf)
    rows = np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1)
    before, after = rows[:, :around].max(axis=1), rows[:, around + 1 :].max(axis=1)
    return np.asarray((values > before) & (values >= after))


__all__ = [
    "REPRESENTATIONS", "STEPS", "Representation", "Symbols",
    "beat_vector", "onset_frames", "onset_places", "representation", "scaled",
]  # fmt: skip
