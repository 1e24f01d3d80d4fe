"""A recording as the live follower hears it; needs nothing but the engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.soundfiles import Sound, SoundReader, read
from models.pulse.errors import PulseError

if TYPE_CHECKING:
    from engine.neural.network import Network
    from engine.pulse.offline import Followed

FLUX = "flux"
HEARD = 2  # channels; a rack takes no more from a file either


@dataclass(frozen=True)
class Ranges:
    """How early beats are announced, and between which tempi they are looked for."""

    look_ahead_ms: float = 0.0
    tempo_min: float = 45.0
    tempo_max: float = 300.0

    def __post_init__(self) -> None:
        if not self.tempo_min < self.tempo_max:
            raise PulseError(
                f"--tempo-min {self.tempo_min:g}: must be below --tempo-max {self.tempo_max:g}"
            )


@dataclass(frozen=True)
class Heard:
    """A recording, (frames, channels) at ``rate``, and what the follower said of it."""

    path: Path
    sound: Sound
    rate: int
    followed: Followed

    @property
    def seconds(self) -> float:
        """How long the recording is."""
        return len(self.sound) / self.rate

    @property
    def meter(self) -> int | None:
        """Beats a bar, as it was said most often; None without a beat."""
        said = Counter(self.followed.meter.tolist())
        return said.most_common(1)[0][0] if said else None

    @property
    def tempi(self) -> tuple[float, float, float] | None:
        """Slow, middle and fast in bpm: the 5th, 50th and 95th percentile; None without a beat."""
        if not len(self.followed.tempo):
            return None
        slow, middle, fast = np.percentile(self.followed.tempo, [5.0, 50.0, 95.0])
        return float(slow), float(middle), float(fast)

    @property
    def confidence(self) -> float | None:
        """The median over all beats; None without a beat."""
        sure = self.followed.confidence
        return float(np.median(sure)) if len(sure) else None

    def as_json(self) -> dict[str, Any]:
        """What the table shows, in numbers."""
        tempi = self.tempi
        return {
            "file": str(self.path),
            "seconds": round(self.seconds, 3),
            "beats": len(self.followed.beats),
            "tempo_bpm": None
            if tempi is None
            else dict(zip(("p5", "p50", "p95"), (round(t, 2) for t in tempi), strict=True)),
            "confidence": None if self.confidence is None else round(self.confidence, 3),
            "meter": self.meter,
        }


def network_of(name: str) -> Network | None:
    """The network ``name``: pulse, the shipped one; flux, none; or a file's. ModelFileError."""
    from engine.pulse.file import read_network, shipped

    if name == FLUX:
        return None
    return read_network(shipped() if name == "pulse" else Path(name))


def hear(path: Path, network: Network | None, ranges: Ranges) -> Heard:
    """Follow a recording as the plugin does, from cold; raises SoundError."""
    from engine.pulse.offline import follow

    with SoundReader(path) as reader:
        rate = reader.rate
    if rate < LOWEST_RATE:
        raise PulseError(f"{path}: {rate} Hz is too low to be followed; {LOWEST_RATE} or more")
    sound = read(path)
    mono = sound[:, :HEARD].mean(axis=1, dtype=np.float32)
    followed = follow(
        mono, rate, network, ranges.look_ahead_ms, ranges.tempo_min, ranges.tempo_max
    )  # fmt: skip
    return Heard(path, sound, rate, followed)


LOWEST_RATE = 8000  # as for the live device


__all__ = ["FLUX", "Heard", "Ranges", "hear", "network_of"]
