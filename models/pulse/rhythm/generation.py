"""Parts that a rhythm model plays by itself, and how far they are from what drummers play.

Divergences are those of Jensen and Shannon, in bits (0 the same, 1 nothing in common), as in
Yang & Lerch 2020 for symbolic music: of hits a step in each bar, of steps from onset to onset of
each drum, of velocities and of offsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from engine.rhythm import RhythmModel
from models.pulse.rhythm.grid import COUNT, Grid
from models.pulse.rhythm.reference import DRAWS, Knobs, Player

Array = npt.NDArray[np.float64]

EMPTY_BARS, STUCK_BARS = 2, 16  # in a row: without a hit, with the same hits
LONGEST = 33  # steps from onset to onset that are told apart


@dataclass(frozen=True)
class Divergences:
    """Between two sets of parts, in bits."""

    density: float
    interval: float
    velocity: float
    offset: float

    def as_json(self) -> dict[str, float]:
        """The figures, rounded."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def generate(
    model: RhythmModel, tempos: Sequence[float], bars: int, knobs: Sequence[Knobs], seed: int = 1,
    bar: int = 16, primes: Sequence[Grid] = (), prime_bars: int = 2,
) -> list[Grid]:  # fmt: skip
    """Play a part for each tempo; with ``primes`` each goes on from that take's first bars.

    What is returned has ``bars`` bars, without the primes.
    """
    player, rng = Player(model, tempos, bar, knobs), np.random.default_rng(seed)
    for t in range(prime_bars * bar if primes else 0):
        player.follow_on()
        player.heard(*(np.stack([_at(prime, name, t) for prime in primes]) for name in _PARTS))
    made = np.zeros((3, len(tempos), bars * bar, COUNT), np.float32)
    for t in range(bars * bar):
        played = player.step(rng.random((len(tempos), DRAWS)).astype(np.float32))
        player.heard(*played)
        made[:, :, t] = played
    return [
        Grid(made[0, row], made[1, row], made[2, row], bar, tempo)
        for row, tempo in enumerate(tempos)
    ]


def divergences(parts: Sequence[Grid], others: Sequence[Grid]) -> Divergences:
    """How far two sets of parts are apart."""
    return Divergences(*(_divergence(_spread(parts), _spread(others)) for _spread in _SPREADS))


def is_empty(grid: Grid) -> bool:
    """Whether it is silent for two bars in a row, or for its whole length if shorter."""
    return _longest_run(grid.hits.reshape(grid.steps, -1).sum(1) == 0) >= EMPTY_BARS * grid.bar


def is_stuck(grid: Grid) -> bool:
    """Whether the same bar is heard 16 times in a row, hit for hit."""
    bars = grid.hits[: grid.steps // grid.bar * grid.bar].reshape(-1, grid.bar * COUNT)
    same = np.array([np.array_equal(a, b) for a, b in pairwise(bars)])
    return _longest_run(same) >= STUCK_BARS - 1


def _longest_run(here: npt.NDArray[np.bool_]) -> int:
    longest = run = 0
    for one in here:
        run = run + 1 if one else 0
        longest = max(longest, run)
    return longest


_PARTS = ("hits", "velocities", "offsets")


def _at(grid: Grid, name: str, t: int) -> npt.NDArray[np.float32]:
    """A step of a take; what is shorter begins again."""
    rows: npt.NDArray[np.float32] = getattr(grid, name)
    whole = max(grid.steps // grid.bar * grid.bar, 1)
    row: npt.NDArray[np.float32] = rows[t % whole]
    return row


def _densities(grids: Sequence[Grid]) -> Array:
    counts = []
    for grid in grids:
        whole = grid.steps // grid.bar * grid.bar
        counts.append(grid.hits[:whole].reshape(-1, grid.bar * COUNT).sum(axis=1) / grid.bar)
    return np.histogram(np.concatenate(counts), np.arange(0.0, 4.01, 0.25))[0].astype(float)


def _intervals(grids: Sequence[Grid]) -> Array:
    total = np.zeros((COUNT, LONGEST + 1))
    for grid in grids:
        for drum in range(COUNT):
            gaps = np.diff(np.flatnonzero(grid.hits[:, drum]))
            total[drum] += np.bincount(np.minimum(gaps, LONGEST), minlength=LONGEST + 1)
    return total.ravel()


def _velocities(grids: Sequence[Grid]) -> Array:
    return _histogram(grids, "velocities", np.linspace(0.0, 1.0, 17))


def _offsets(grids: Sequence[Grid]) -> Array:
    return _histogram(grids, "offsets", np.linspace(-0.5, 0.5, 21))


def _histogram(grids: Sequence[Grid], name: str, edges: Array) -> Array:
    rows = []
    for drum in range(COUNT):
        values = [getattr(g, name)[:, drum][g.hits[:, drum] > 0] for g in grids]
        rows.append(np.histogram(np.concatenate(values), edges)[0])
    return np.concatenate(rows).astype(float)


_SPREADS = (_densities, _intervals, _velocities, _offsets)


def _divergence(a: Array, b: Array) -> float:
    p, q = a / max(a.sum(), 1.0), b / max(b.sum(), 1.0)
    middle = 0.5 * (p + q)
    return float(0.5 * (_relative(p, middle) + _relative(q, middle)))


def _relative(p: Array, q: Array) -> float:
    here = p > 0
    return float((p[here] * np.log2(p[here] / q[here])).sum())


__all__ = ["Divergences", "divergences", "generate", "is_empty", "is_stuck"]
