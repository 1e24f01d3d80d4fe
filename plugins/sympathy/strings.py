"""The loops that come with taraf: sixteen strings that are bowed without end.

Each is made in the frequency domain (Nasca, PADsynth, 2006): every partial is a narrow hill of
random phases, so the loop swells and beats as a choir of strings does, and has no seam. They
are made at the stream's own rate in about a tenth of a second, so nothing is shipped.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

NAME = "strings"
NOTES = (40, 47, 52, 55, 57, 59, 62, 64, 66, 67, 69, 71, 74, 76, 79, 83)
"""MIDI notes from E2 to B5: E minor, as sympathetic strings are tuned to what is played."""
SECONDS = 5.5
PARTIALS = 40
WIDTH_CENTS = 14.0  # of the first partial, one standard deviation
STIFFNESS = 6e-5
BOW_POSITION = 0.13  # of the string's length: what has a node there is not heard
FALL = 1.25  # of the partials' amplitudes, as a power of their numbers

Loop = npt.NDArray[np.float32]


def strings(rate: int) -> list[Loop]:
    """The loops at ``rate``, low to high, each (frames,)."""
    frames = 1 << round(math.log2(SECONDS * rate))
    return [bowed(440.0 * 2.0 ** ((note - 69) / 12.0), frames, rate, note) for note in NOTES]


def bowed(frequency_hz: float, frames: int, rate: int, seed: int) -> Loop:
    """One loop; the same for a seed."""
    rng = np.random.default_rng(seed)
    spectrum = np.zeros(frames // 2 + 1, np.complex128)
    for n in range(1, PARTIALS + 1):
        middle_hz = n * frequency_hz * math.sqrt(1.0 + STIFFNESS * n * n)
        if middle_hz > min(0.42 * rate, 9_000.0):
            break
        loud = abs(math.sin(math.pi * n * BOW_POSITION)) * n**-FALL
        wide = middle_hz * (2.0 ** (WIDTH_CENTS * n**0.15 / 1200.0) - 1.0) * frames / rate
        middle = middle_hz * frames / rate
        first, last = max(1, int(middle - 4 * wide)), int(middle + 4 * wide) + 2
        bins = np.arange(first, min(last, len(spectrum)))
        hill = np.exp(-0.5 * ((bins - middle) / wide) ** 2) / math.sqrt(wide)
        spectrum[bins] += loud * hill * np.exp(2j * np.pi * rng.random(len(bins)))
    return np.asarray(np.fft.irfft(spectrum, frames), np.float32)


__all__ = ["NAME", "NOTES", "strings"]
