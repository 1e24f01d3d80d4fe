"""What a reader makes of a model's file: its network, and what its maker said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.neural.network import Network


class ModelFileError(ValueError):
    """A model's file that cannot be played: which, what was given, what is allowed."""


@dataclass(frozen=True)
class Knob:
    """A control the network follows.

    A hand moves it between ``minimum`` and ``maximum``; the network hears ``low`` to ``high``
    on its input channel 1 + its place in ``ModelFile.knobs``, linearly between.
    """

    name: str
    minimum: float = 0.0
    maximum: float = 1.0
    default: float = 0.5
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Size:
    """One width of a slimmable model: used for a quality below ``up_to`` (the last: for all)."""

    up_to: float
    network: Network


@dataclass(frozen=True)
class ModelFile:
    """A model's file, read whole and checked.

    ``sizes`` has one entry, or several of rising quality for a slimmable model. Levels are
    what the file says, None where it says nothing: ``loudness_db`` as NAM's trainer measures
    it, ``input_dbu`` and ``output_dbu`` the RMS level of a sine that peaks at full scale.
    ``tags`` are words to search for: name, make, model and kind of gear, tone, author.
    """

    path: Path
    format: str  # nam, namb, guitarml, rtneural, wavenetva, taraf
    name: str
    architecture: str  # in a few words: "WaveNet 16/8", "LSTM 1x40"
    sample_rate: int
    sizes: tuple[Size, ...]
    sha256: str
    knobs: tuple[Knob, ...] = ()
    loudness_db: float | None = None
    gain: float | None = None
    input_dbu: float | None = None
    output_dbu: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def network(self) -> Network:
        """The network at the highest quality."""
        return self.sizes[-1].network

    @property
    def latency_samples(self) -> int:
        """How late the sound itself comes out, at the model's own rate."""
        return self.network.latency_samples
