"""What the network learns from: pieces of takes, with or without somebody else who plays.

Nobody recorded two drummers at once. So another player is made of the take itself, thinned out
and with mistakes, or of another take: with chance ``follow`` what goes on is his part and the
network's own past is another take's, else it is the other way round. The network is told
``follow``, not which of the two it is, and so learns how much to believe whom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.pulse.errors import PulseError
from models.pulse.rhythm import features
from models.pulse.rhythm.grid import Grid

Array = npt.NDArray[np.float32]

WARM_UP = 16  # steps of a piece from the middle of a take that teach nothing: no state yet
ALONE = 0.5  # of the pieces have no other player
AGREED = 0.25  # of those that he leads go on from the network's own past too
KEPT = 0.85  # of the other player's families are his to play
MISSED, WRONG = 0.05, 0.01  # of his hits; of his rests
TOLD = 0.5  # of the pieces are told their style, and as many their density


@dataclass(frozen=True)
class Pieces:
    """A batch: what is seen (B, T, X), what is played (B, T, 9) each, what counts (B, T)."""

    x: Array
    hits: Array
    velocities: Array
    offsets: Array
    weight: Array


class Material:
    """Takes to draw pieces from."""

    def __init__(self, grids: Sequence[Grid], styles: Sequence[str], steps: int) -> None:
        self.grids = [grid for grid in grids if grid.steps > WARM_UP]
        if not self.grids:
            raise PulseError(f"nothing to learn from: no take is longer than {WARM_UP} steps")
        self.styles, self.steps = tuple(styles), steps
        self.own = [features.own(grid) for grid in self.grids]
        self.density = [features.density(grid) for grid in self.grids]
        lengths = np.array([grid.steps for grid in self.grids], float)
        self.shares = lengths / lengths.sum()

    def draw(self, rng: np.random.Generator, rows: int) -> Pieces:
        """A batch of pieces of ``steps`` steps, longer takes more often."""
        drawn = [self._piece(rng) for _ in range(rows)]
        return Pieces(*(np.stack(part) for part in zip(*drawn, strict=True)))

    def _piece(self, rng: np.random.Generator) -> tuple[Array, ...]:
        index = int(rng.choice(len(self.grids), p=self.shares))
        grid = self.grids[index]
        first = max(0, int(rng.integers(-8, max(1, grid.steps - self.steps // 2))))
        part = slice(first, min(grid.steps, first + self.steps))
        own, beside = self._players(rng, index, part)
        own = own * (1.0 - beside[:, 1:2])
        x = np.concatenate([own, beside, *self._told(rng, index, part)], axis=1)
        weight = np.ones(len(x), np.float32)
        if first:
            weight[:WARM_UP] = 0.0
        parts = (x, grid.hits[part], grid.velocities[part], grid.offsets[part], weight)
        return tuple(self._filled(one) for one in parts)

    def _told(self, rng: np.random.Generator, index: int, part: slice) -> tuple[Array, Array]:
        grid, count = self.grids[index], part.stop - part.start
        known = grid.style in self.styles and rng.random() < TOLD
        style = self.styles.index(grid.style) if known else None
        density = self.density[index][part] if rng.random() < TOLD else None
        return (
            features.place(count, grid.bar, part.start),
            features.told(count, style, len(self.styles), density, grid.tempo_bpm),
        )

    def _players(self, rng: np.random.Generator, index: int, part: slice) -> tuple[Array, Array]:
        """What the network thinks to have played, and what it hears of another player."""
        own = self.own[index][part]
        if rng.random() < ALONE:
            return own, np.zeros((len(own), features.HEARD), np.float32)
        follow = float(rng.choice([0.0, 1.0, rng.random()]))
        led = rng.random() < follow
        agreed = led and rng.random() < AGREED
        other, shift = self._another(rng, self.grids[index].bar, part)
        if led and not agreed:
            own = self._moved(self.own[other], shift, len(own))
        source, start = (index, part.start) if led else (other, shift)
        families = _played(rng, self.grids[source].families)
        heard = features.heard(families, follow, self.grids[source].bar)
        return own, self._moved(heard, start, len(own), follow)

    def _another(self, rng: np.random.Generator, bar: int, part: slice) -> tuple[int, int]:
        """Another take with the same bar, and a step of it at the same place of a bar."""
        for _ in range(8):
            other = int(rng.choice(len(self.grids), p=self.shares))
            grid = self.grids[other]
            if grid.bar == bar:
                bars = max(1, (grid.steps - self.steps) // bar)
                return other, part.start % bar + bar * int(rng.integers(bars))
        return other, part.start % bar

    def _moved(self, rows: Array, first: int, count: int, follow: float | None = None) -> Array:
        made = np.zeros((count, rows.shape[1]), np.float32)
        found = rows[first : first + count]
        made[: len(found)] = found
        if follow is not None:
            made[:, :2] = 1.0, follow
        return made

    def _filled(self, part: Array) -> Array:
        made = np.zeros((self.steps, *part.shape[1:]), np.float32)
        made[: len(part)] = part
        return made


def _played(rng: np.random.Generator, families: Array) -> Array:
    """Families of a take as another player's: some of them, with mistakes."""
    kept = np.asarray(rng.random(families.shape[1]) < KEPT)
    kept[rng.integers(len(kept))] = True
    missed = rng.random(families.shape) < MISSED
    wrong = rng.random(families.shape) < WRONG
    return np.asarray(np.where(missed, 0.0, np.maximum(families, wrong)) * kept, np.float32)


__all__ = ["Material", "Pieces"]
