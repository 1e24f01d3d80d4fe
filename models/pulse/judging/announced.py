"""What a beat tracker says: which beats there are, and when it said so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from engine.neural.network import Network

Times = npt.NDArray[np.float64]
Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Announced:
    """Beats (n,) in seconds as asserted; when each was announced; how sure, 0 to 1, if told."""

    beats: Times
    emitted: Times
    confidence: Times | None = None

    def __post_init__(self) -> None:
        for name in ("beats", "emitted"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        if self.confidence is not None:
            object.__setattr__(self, "confidence", np.asarray(self.confidence, np.float64))


Tracker = Callable[[Sound, int], Announced]
"""Hears a mono sound (n,) of a rate; may use, for a beat, only what came before ``emitted``."""


def follower(look_ahead_ms: float = 0.0, network: Path | None = None) -> Tracker:
    """The engine's own, as it plays live; ``look_ahead_ms`` is how early its kernel announces.

    ``network`` is a file, the one that comes with taraf unless given; raises ModelFileError.
    """
    from engine.pulse.file import read_network, shipped

    return _following(read_network(network or shipped()), look_ahead_ms)


def flux() -> Tracker:
    """The engine's own without a network: spectral flux tells where strokes are."""
    return _following(None, 0.0)


def _following(network: Network | None, look_ahead_ms: float) -> Tracker:
    from engine.pulse.offline import follow
    from models.pulse.following.hearing import Ranges

    as_live = Ranges(look_ahead_ms)
    tempi = (as_live.tempo_min, as_live.tempo_max)

    def track(sound: Sound, rate: int) -> Announced:
        found = follow(sound, rate, network, as_live.look_ahead_ms, *tempi)
        return Announced(found.beats, found.emitted, found.confidence)

    return track


__all__ = ["Announced", "Sound", "Times", "Tracker", "flux", "follower"]
