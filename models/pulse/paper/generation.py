"""Going on from seeds, frame by frame, and whether what comes is alive and as dense as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.pulse.errors import PulseError
from models.pulse.paper.baselines import Odds
from models.pulse.paper.symbols import Symbols

FRAMES = 300
LATE = 0.5  # dead or stuck is what is so in the later half


class Generator(Protocol):
    """What goes on from seeds."""

    def begin(self, seeds: Symbols) -> tuple[Odds, Any]:
        """Odds (n, classes) of what follows ``seeds`` (n, frames), and a state."""
        ...

    def step(self, symbols: Symbols, state: Any) -> tuple[Odds, Any]:
        """The same after one more symbol (n,) each."""
        ...


def seeds_of(
    sequences: Sequence[Symbols], length: int, count: int, rng: np.random.Generator, more: int = 0
) -> Symbols:
    """``count`` runs (count, length + more) out of ``sequences``, each with an onset in its seed.

    Raises PulseError where none is long enough.
    """
    whole = length + more
    rows = [
        np.lib.stride_tricks.sliding_window_view(s, whole) for s in sequences if len(s) >= whole
    ]
    if not rows:
        raise PulseError(f"seeds of {whole} frames: every recording is shorter")
    runs = np.concatenate(rows)
    runs = runs[runs[:, :length].any(axis=1)]
    if len(runs) == 0:
        raise PulseError(f"seeds of {length} frames: no onset in any recording")
    return np.asarray(runs[rng.choice(len(runs), count, replace=len(runs) < count)])


def generate(
    model: Generator, seeds: Symbols, temperature: float, rng: np.random.Generator,
    frames: int = FRAMES,
) -> Symbols:  # fmt: skip
    """What comes after each of ``seeds`` (n, frames): symbols (n, ``frames``).

    ``temperature`` 0 takes the likeliest, 1 draws by the odds, above 1 more evenly.
    """
    made = np.zeros((len(seeds), frames), np.int64)
    odds, state = model.begin(seeds)
    for at in range(frames):
        made[:, at] = drawn(odds, temperature, rng)
        if at + 1 < frames:
            odds, state = model.step(made[:, at], state)
    return made


def drawn(odds: Odds, temperature: float, rng: np.random.Generator) -> Symbols:
    """One symbol (n,) for each row of ``odds`` (n, classes)."""
    if temperature < 0.0:
        raise PulseError(f"temperature = {temperature:g} is below 0")
    if temperature == 0.0:
        return np.asarray(odds.argmax(axis=1))
    bent = np.log(np.maximum(odds, 1e-30)) / temperature
    bent = np.exp(bent - bent.max(axis=1, keepdims=True))
    reached = np.cumsum(bent, axis=1) / bent.sum(axis=1, keepdims=True)
    found = (reached < rng.random((len(odds), 1))).sum(axis=1)
    return np.asarray(np.minimum(found, odds.shape[1] - 1))  # a sum may end a rounding below 1


@dataclass(frozen=True)
class Liveliness:
    """Shares of outputs that end without onsets or on one symbol, and onsets a frame."""

    dead: float
    stuck: float
    density: float
    seed_density: float
    true_density: float  # of what the drummers played after the same seeds

    def as_json(self) -> dict[str, Any]:
        """As an object."""
        return asdict(self)


def liveliness(made: Symbols, seeds: Symbols, true: Symbols) -> Liveliness:
    """How ``made`` (n, frames) compares with its ``seeds`` and with what ``true`` ly followed."""
    late = made[:, round(made.shape[1] * (1.0 - LATE)) :]
    empty = ~late.any(axis=1)
    same = (late == late[:, :1]).all(axis=1) & ~empty
    return Liveliness(
        float(empty.mean()), float(same.mean()),
        density(made), density(seeds), density(true),
    )  # fmt: skip


def density(symbols: Symbols) -> float:
    """Onsets and beats a frame."""
    return float((symbols > 0).mean())


def gaps(symbols: Symbols) -> NDArray[np.float64]:
    """The frames from each onset to the next, of all rows of ``symbols`` (n, frames)."""
    parts = [np.diff(np.flatnonzero(row)) for row in symbols]
    return np.concatenate([np.zeros(0), *parts])


__all__ = [
    "FRAMES", "Generator", "Liveliness", "density", "drawn", "gaps", "generate", "liveliness",
    "seeds_of",
]  # fmt: skip
