"""Finds whether the wet sound belongs to the dry sound at the time it is at.

An effect may move sound to later: a delay, a reverb. None moves it to earlier. Distortion changes
a waveform beyond recognition but not when it is loud, so rough alignment compares how the loudness
of both changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.pairs.latency import correlation
from models.pairs.stages import Audio

HOP_S = 0.002
MOST_S = 5.0
OFF_S = 0.02  # what is late by less may be a filter
EARLY_FRAMES = 2  # a resampler may round
HEARD_S = 60.0  # so much of a long file is enough
SHORTEST_S = 2.0  # in less there are too few changes of loudness to compare
ALIKE = 0.4  # below this likeness of loudness nothing can be said
ALIKE_WAVES = 0.6
BETTER = 0.15  # by so much it must be more alike elsewhere
DRY_PATH = 0.3  # as alike as this at its own time, and nowhere more: the dry sound is in it


def misaligned_by(dry: Audio, wet: Audio, rate: int) -> float:
    """Seconds by which ``wet`` is late, negative if it is early; 0.0 where it fits as it is."""
    most = round(HEARD_S * rate)
    dry, wet = dry[:most], wet[:most]
    # A tape loses what changes fast; what changes fast tells a wave from the next of a note.
    quick = _waves(np.diff(dry), np.diff(wet), rate)
    late = quick or _waves(dry, wet, rate)
    return late or (0.0 if _fits(dry, wet, rate) else _loudness(dry, wet, rate))


def _loudness(dry: Audio, wet: Audio, rate: int) -> float:
    hop = max(1, round(HOP_S * rate))
    a, b = _changes(dry, hop), _changes(wet, hop)
    most = min(round(MOST_S / HOP_S), len(a) // 2)
    if len(a) * HOP_S < SHORTEST_S:
        return 0.0
    lags = np.arange(-most, most + 1)
    likeness = _signed(a, b)[lags]
    best = int(np.argmax(likeness))
    near = np.abs(lags) * HOP_S <= OFF_S
    here = float(likeness[near].max())
    if near[best] or likeness[best] < ALIKE or likeness[best] < here + BETTER:
        return 0.0
    return float(lags[best] * hop / rate)


def _changes(sound: Audio, hop: int) -> NDArray[np.float64]:
    """How loud each hop is, in a compressed scale, without its slow part."""
    frames = len(sound) // hop * hop
    power = np.mean(np.square(sound[:frames].reshape(-1, hop), dtype=np.float64), axis=1)
    top = float(power.max(initial=0.0)) or 1.0
    level = np.log10(power / top + 1e-5)
    made = np.diff(level, prepend=level[:1])
    return np.asarray(made - made.mean())


def _signed(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """How alike ``b`` moved by -n is to ``a``, -1 to 1, at place n."""
    size = 1 << (len(a) + len(b) - 1).bit_length()
    spectrum = np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size))
    power = float(np.sqrt(np.sum(a * a) * np.sum(b * b))) or 1.0
    return np.asarray(np.fft.irfft(spectrum, size) / power)


def _fits(dry: Audio, wet: Audio, rate: int) -> bool:
    """Whether the waveform is most alike where it should be: echoes are loud, but later."""
    _, likeness, near = _likeness(dry, wet, rate)
    best = int(np.argmax(likeness))
    return bool(near[best]) and float(likeness[best]) >= DRY_PATH


def _likeness(
    dry: Audio, wet: Audio, rate: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """How alike the waveforms are, upside down or not, at each lag, and which lags are no fault."""
    most = min(round(MOST_S * rate), len(dry) // 2)
    lags = np.arange(-most, most + 1)
    likeness = correlation(wet.astype(np.float64), dry.astype(np.float64))[lags]
    return lags, likeness, (lags >= -EARLY_FRAMES) & (lags <= OFF_S * rate)


def _waves(dry: Audio, wet: Audio, rate: int) -> float:
    """Seconds by which the waveform itself, upside down or not, is at another time."""
    lags, likeness, near = _likeness(dry, wet, rate)
    best = int(np.argmax(likeness))
    if near[best] or likeness[best] < max(ALIKE_WAVES, likeness[near].max() + BETTER):
        return 0.0
    return float(lags[best] / rate)
