"""What the knobs do: density asked for and played, and how far the player follows another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.rhythm import RhythmModel
from models.pulse.rhythm.generation import generate
from models.pulse.rhythm.grid import COUNT, Grid
from models.pulse.rhythm.reference import DRAWS, Knobs, Player

Array = npt.NDArray[np.float32]

BARS = 16
SETTLED = 4  # bars that are not counted


def densities(
    model: RhythmModel, asked: Sequence[float], rows: int = 24, seed: int = 3
) -> list[tuple[float, float]]:
    """Hits a step asked for, and those played."""
    found = []
    for density in asked:
        knobs = [Knobs(density=density)] * rows
        parts = generate(model, np.linspace(80.0, 160.0, rows).tolist(), BARS, knobs, seed)
        played = [part.hits[SETTLED * part.bar :].sum(1).mean() for part in parts]
        found.append((density, float(np.mean(played))))
    return found


def followed(
    model: RhythmModel, others: Sequence[Grid], follow: float, seed: int = 4
) -> tuple[float, float]:
    """Play beside others' parts: how alike the families are, F1; and those of another's part.

    The second figure compares with the part of the next one: what is alike by chance. Who does
    not follow at all (0) is not told of the others.
    """
    knobs = Knobs(follow=follow, present=follow > 0.0)
    player = Player(model, [g.tempo_bpm for g in others], 16, [knobs] * len(others))
    rng, steps = np.random.default_rng(seed), BARS * 16
    heard = np.stack([_looped(grid, steps) for grid in others])
    made = np.zeros((len(others), steps, COUNT), np.float32)
    for t in range(steps):
        hits, velocities, offsets = player.step(rng.random((len(others), DRAWS), np.float32))
        player.heard(hits, velocities, offsets, heard[:, t])
        made[:, t] = hits
    played = np.stack([Grid(m, m, m, 16, 120.0).families for m in made])
    late = slice(SETTLED * 16, None)
    return _alike(played[:, late], heard[:, late]), _alike(
        played[:, late], np.roll(heard, 1, axis=0)[:, late]
    )


def _looped(grid: Grid, steps: int) -> Array:
    whole = grid.families[: grid.steps // grid.bar * grid.bar]
    return np.resize(whole, (steps, whole.shape[1]))


def _alike(a: Array, b: Array) -> float:
    return float(2.0 * (a * b).sum() / max(a.sum() + b.sum(), 1.0))


__all__ = ["densities", "followed"]
