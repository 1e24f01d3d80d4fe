"""How good a transfer is, heard by other ears than the loss: what is kept, reached, copied."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.style.sound import Recording

if TYPE_CHECKING:
    from models.sampler.score.features import Heard
    from models.sampler.score.likeness import Likeness

Array = NDArray[Any]

KEPT_ONSETS, KEPT_PITCH, REACHED, COPIED_S = 0.85, 0.6, 0.85, 0.9
"""What a transfer is to have, all at once."""
SHORTEST_MS, LONGEST_MS, INTERVALS = 60.0, 1920.0, 15
"""Inter-onset intervals are counted in thirds of an octave."""
BLUR = 0.5  # of a bin: an interval that lies on an edge belongs to both sides


@dataclass(frozen=True)
class Figures:
    """``onsets`` and ``pitch``: correlations with the content, -1 to 1; ``reached``: of the way
    to the style's cepstra, 1 is all; ``copied_s``: seconds of the longest literal run of a style.
    """

    onsets: float
    pitch: float
    reached: float
    copied_s: float

    @property
    def holds(self) -> bool:
        """Whether all are as they are to be."""
        kept = self.onsets >= KEPT_ONSETS and self.pitch >= KEPT_PITCH
        return kept and self.reached >= REACHED and self.copied_s < COPIED_S

    def as_json(self) -> dict[str, float]:
        """By name, three decimals."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


class Listener:
    """One sound, analysed once at 22.05 kHz or less; StyleError or ModuleNotFoundError."""

    def __init__(self, sound: Recording) -> None:
        from models.sampler.score.features import common_rate, hear, resampled

        self.rate = common_rate(sound.rate)
        self.samples = resampled(sound.samples.mean(0), sound.rate, self.rate)
        self.heard: Heard = hear(self.samples, self.rate)

    @cached_property
    def strength(self) -> Array:
        """(T,): librosa's onset strength, spectral flux of 128 mel bands in dB; not the loss's."""
        from librosa.onset import onset_strength

        return np.asarray(onset_strength(y=self.samples, sr=self.rate))

    @cached_property
    def likeness(self) -> Likeness:
        """What others are to be like."""
        from models.sampler.score.likeness import likeness

        return likeness(self.heard)

    @cached_property
    def prints(self) -> Array:
        """Fingerprints of the frames."""
        from models.sampler.score.copying import fingerprints

        return fingerprints(self.heard)

    @cached_property
    def intervals(self) -> Array:
        """(INTERVALS,) that sum to 1: how often onsets follow each other after how long."""
        from librosa.onset import onset_detect

        times = onset_detect(onset_envelope=self.strength, sr=self.rate, units="time")
        apart = 1000.0 * np.diff(times)
        span = np.log2(LONGEST_MS / SHORTEST_MS)
        places = np.log2(np.maximum(apart, 1.0) / SHORTEST_MS) / span * INTERVALS
        bins = np.arange(INTERVALS) + 0.5
        counts = np.exp(-0.5 * ((places[:, None] - bins) / BLUR) ** 2).sum(0) + 1e-6
        return np.asarray(counts / counts.sum())


def figures(content: Recording, style: Recording, result: Recording) -> Figures:
    """How ``result`` keeps the content and reaches the style."""
    return heard_figures(Listener(content), Listener(style), Listener(result))


def heard_figures(content: Listener, style: Listener, result: Listener) -> Figures:
    """As `figures`, of sounds that have been analysed."""
    from models.sampler.score.copying import copies
    from models.sampler.score.likeness import timbre

    began = timbre(content.heard, style.likeness)
    found = copies(result.heard, result.prints, style.heard, style.prints)
    return Figures(
        correlation(content.strength, result.strength),
        correlation(_classes(content.heard), _classes(result.heard)),
        1.0 - timbre(result.heard, style.likeness) / max(began, 1e-9),
        float(found.copy),
    )  # fmt: skip


def rhythm_apart(one: Listener, other: Listener) -> float:
    """Jensen-Shannon divergence of the inter-onset intervals, bit: 0 alike, 1 nothing in common."""
    a, b = one.intervals, other.intervals
    middle = 0.5 * (a + b)
    return float(0.5 * (a @ np.log2(a / middle) + b @ np.log2(b / middle)))


def correlation(one: Array, other: Array) -> float:
    """Of two series (T, ...) over as many frames as both have; 0 where one is constant."""
    count = min(len(one), len(other))
    a, b = one[:count].ravel(), other[:count].ravel()
    a, b = a - a.mean(), b - b.mean()
    both = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / both if both > 0.0 else 0.0


def sdr_db(wanted: Array, found: Array) -> float:
    """Energy of a stem (channels, n) over that of what is off it, dB."""
    off = float(np.sum((wanted - found) ** 2))
    return 10.0 * float(np.log10(max(float(np.sum(wanted**2)), 1e-20) / max(off, 1e-20)))


def _classes(heard: Heard) -> Array:
    """(T, 12): each frame's pitch classes, powers of norm 1 as librosa has them; 0 in rests."""
    powers = heard.chroma * heard.active[:, None]
    return np.asarray(powers / (np.linalg.norm(powers, axis=1, keepdims=True) + 1e-9))


__all__ = [
    "COPIED_S", "KEPT_ONSETS", "KEPT_PITCH", "REACHED", "Figures", "Listener", "correlation",
    "figures", "heard_figures", "rhythm_apart", "sdr_db",
]  # fmt: skip
