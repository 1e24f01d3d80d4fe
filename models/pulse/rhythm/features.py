"""What the network sees at each step of a part: numbers in a fixed order, from the past alone.

The order is written in engine.rhythm.model: ``Layout`` says where each part lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.pulse.rhythm.grid import COUNT, MOST_STEPS, Grid

Array = npt.NDArray[np.float32]

LEAST_RATE = 0.3  # of a memory: a groove that changes is learnt within a few bars
OWN = 27 + 45 + 27 + 27
HEARD = 14
PLACE = 21
TEMPO = 3
FAMILIES = 4


def width(styles: int) -> int:
    """How many numbers there are, with so many styles."""
    return OWN + HEARD + PLACE + styles + TEMPO


def own(grid: Grid) -> Array:
    """Blocks 1 to 4: what was played before each step, (T, 126)."""
    hits, velocities, offsets = grid.hits, grid.velocities, grid.offsets
    last = [ago(part, 1) for part in (hits, velocities, offsets)]
    lags = [ago(hits, lag) for lag in (2, 4, 8, grid.bar, 2 * grid.bar)]
    alike = [ago(velocities, grid.bar), ago(offsets, grid.bar), ago(offsets, 4)]
    return np.concatenate([*last, *lags, *alike, *_memory(grid)], axis=1)


def heard(families: Array, follow: float, bar: int) -> Array:
    """Block 5: what another player's ``families`` (T, 4) were before each step, (T, 14)."""
    told = np.zeros((len(families), 2), np.float32)
    told[:] = 1.0, follow
    rate = _rates(families, bar)
    return np.concatenate([told, ago(families, 1), ago(families, bar), rate], axis=1)


def place(steps: int, bar: int, first: int = 0) -> Array:
    """Block 6: where each step is in its bar and phrase, (T, 21)."""
    step = np.arange(first, first + steps)
    made = np.zeros((steps, PLACE), np.float32)
    made[np.arange(steps), step % bar % 16] = 1.0
    made[:, 16] = bar / 16.0
    for column, bars in ((17, 4), (19, 2)):
        angle = 2.0 * np.pi * step / (bars * bar)
        made[:, column], made[:, column + 1] = np.sin(angle), np.cos(angle)
    return made


def told(steps: int, style: int | None, styles: int, density: Array | None, tempo: float) -> Array:
    """Blocks 7 and 8: style, density in hits a step (T,), tempo in bpm; None is "any"."""
    made = np.zeros((steps, styles + TEMPO), np.float32)
    if style is not None:
        made[:, style] = 1.0
    if density is not None:
        made[:, styles] = 1.0
        made[:, styles + 1] = density / 4.0
    made[:, styles + 2] = np.log2(tempo / 120.0)
    return made


def density(grid: Grid, window: int = 32) -> Array:
    """Hits a step over the ``window`` steps that begin at each step, (T,)."""
    total = np.concatenate([[0.0], np.cumsum(grid.hits.sum(axis=1))])
    ends = np.minimum(np.arange(grid.steps) + window, grid.steps)
    begins = np.minimum(np.arange(grid.steps), np.maximum(grid.steps - window, 0))
    found = (total[ends] - total[begins]) / np.maximum(ends - begins, 1)
    return np.asarray(found, np.float32)


def ago(part: Array, lag: int) -> Array:
    """A part as it was ``lag`` steps before each step; zeros before its start."""
    made = np.zeros_like(part)
    made[lag:] = part[: max(len(part) - lag, 0)]
    return made


@dataclass
class _Rows:
    """A part in rows of a bar, the last one filled up with what does not count."""

    bars: int
    bar: int
    steps: int

    def of(self, part: Array) -> Array:
        padded = np.zeros((self.bars * self.bar, part.shape[1]), np.float32)
        padded[: self.steps] = part
        return padded.reshape(self.bars, self.bar, part.shape[1])

    def back(self, rows: Array) -> Array:
        made: Array = rows.reshape(self.bars * self.bar, -1)[: self.steps]
        return made


def _rows(steps: int, bar: int) -> _Rows:
    return _Rows(-(-steps // bar), bar, steps)


def _rates(part: Array, bar: int) -> Array:
    """How often each drum was hit at this place of a bar so far, later bars counting more."""
    rows = _rows(len(part), bar)
    hits, made = rows.of(part), np.zeros((rows.bars, bar, part.shape[1]), np.float32)
    for n in range(1, rows.bars):
        rate = np.float32(max(1.0 / n, LEAST_RATE))
        made[n] = made[n - 1] + rate * (hits[n - 1] - made[n - 1])
    return rows.back(made)


def _memory(grid: Grid) -> tuple[Array, Array, Array]:
    """Rate, usual velocity and usual offset of each drum at this place of a bar, (T, 9) each."""
    assert grid.bar <= MOST_STEPS
    rows = _rows(grid.steps, grid.bar)
    hits = rows.of(grid.hits)
    made = []
    for part in (rows.of(grid.velocities), rows.of(grid.offsets)):
        count = np.zeros((grid.bar, COUNT), np.float32)
        held = np.zeros((rows.bars, grid.bar, COUNT), np.float32)
        for n in range(1, rows.bars):
            count = count + hits[n - 1]
            rate = np.maximum(1.0 / np.maximum(count, 1.0), LEAST_RATE).astype(np.float32)
            held[n] = held[n - 1] + hits[n - 1] * rate * (part[n - 1] - held[n - 1])
        made.append(rows.back(held))
    return _rates(grid.hits, grid.bar), made[0], made[1]


__all__ = ["HEARD", "OWN", "ago", "density", "heard", "own", "place", "told", "width"]
