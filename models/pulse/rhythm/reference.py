"""The rhythm model step by step in NumPy, as its equations are written: what kernels are tested by.

Many players at once, a row each (B). A step is decided when all before it are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.rhythm import RhythmModel
from models.pulse.rhythm.grid import COUNT, MOST_STEPS
from models.pulse.takes import FAMILIES

Array = npt.NDArray[np.float32]

RING = 2 * MOST_STEPS
LEAST_RATE = 0.3
DRAWS = 3 * COUNT
SPREADS = (-5.0, 0.0)  # of an offset, in logarithms of steps
SETTLING = 0.5  # below this temperature times and levels lose their chance too, until 0 has none


@dataclass
class Knobs:
    """What a performer turns. ``style`` and ``density`` (hits a step) of None are any."""

    style: int | None = None
    density: float | None = None
    temperature: float = 1.0
    bias: float = 0.0  # added to every logit: more hits or fewer
    feel: float = 1.0  # how far from the grid chance may move a hit
    follow: float = 0.0  # 0 leads, 1 plays what the other player plays
    present: bool = False  # whether there is another player, and he is to be heard


class Player:
    """Plays ``rows`` parts at once; ``step`` for each sixteenth, then it is ``heard``."""

    def __init__(
        self, model: RhythmModel, tempo_bpm: Sequence[float], bar: int = 16,
        knobs: Sequence[Knobs] | None = None,
    ) -> None:  # fmt: skip
        self.model, self.w, self.bar = model, model.arrays, bar
        self.tempo = np.asarray(tempo_bpm, np.float32)
        rows = self.rows = len(self.tempo)
        self.knobs = list(knobs or [Knobs()] * rows)
        self.now = 0
        self.state = np.zeros((rows, model.hidden), np.float32)
        self.played = np.zeros((RING, 3, rows, COUNT), np.float32)  # hits, velocities, offsets
        self.other = np.zeros((RING, rows, len(FAMILIES)), np.float32)
        self.memory = np.zeros((MOST_STEPS, 3, rows, COUNT), np.float32)
        self.other_memory = np.zeros((MOST_STEPS, rows, len(FAMILIES)), np.float32)
        self.visits = np.zeros(MOST_STEPS, np.float32)
        self.counts = np.zeros((MOST_STEPS, rows, COUNT), np.float32)

    def step(self, draws: Array) -> tuple[Array, Array, Array]:
        """Hits, velocities and offsets (B, 9) of this step, by 27 draws of 0 to 1 a row."""
        s, q = self._expect()
        hits, logits = self._hits(s, draws[:, :COUNT])
        u = np.maximum(q + hits @ self.w["Qc"], 0.0)
        self.logits, self.u = logits, u
        velocities = hits * self._velocities(u, draws[:, COUNT : 2 * COUNT])
        return hits, velocities, self._offsets(u, hits, draws[:, 2 * COUNT :])

    def follow_on(self) -> None:
        """Let the state see a step that others decide; ``heard`` comes next as ever."""
        self._expect()

    def heard(
        self, hits: Array, velocities: Array, offsets: Array, families: Array | None = None
    ) -> None:
        """Count a step as played (B, 9), and what the other player did in it, (B, 4)."""
        at, place = self.now % RING, self.now % self.bar
        self.played[at] = hits, velocities, offsets
        self.other[at] = 0.0 if families is None else families
        self.visits[place] += 1.0
        rate = np.float32(max(1.0 / self.visits[place], LEAST_RATE))
        self.memory[place, 0] += rate * (hits - self.memory[place, 0])
        self.other_memory[place] += rate * (self.other[at] - self.other_memory[place])
        self.counts[place] += hits
        each = np.maximum(1.0 / np.maximum(self.counts[place], 1.0), LEAST_RATE) * hits
        self.memory[place, 1] += each * (velocities - self.memory[place, 1])
        self.memory[place, 2] += each * (offsets - self.memory[place, 2])
        self.now += 1

    def seen(self) -> Array:
        """What the network sees at this step, (B, X)."""
        bar, place = self.bar, self.now % self.bar
        own = [*self._ago(1)]
        own += [self._ago(lag)[0] for lag in (2, 4, 8, bar, 2 * bar)]
        own += [self._ago(bar)[1], self._ago(bar)[2], self._ago(4)[2], *self.memory[place]]
        follow = np.array([[k.follow * k.present] for k in self.knobs], np.float32)
        present = np.array([[float(k.present)] for k in self.knobs], np.float32)
        other = [self.other[(self.now - lag) % RING] for lag in (1, bar)]
        other.append(self.other_memory[place])
        beside = [present, follow, *(present * part for part in other)]
        parts = [(1.0 - follow) * np.concatenate(own, 1), *beside, self._told()]
        return np.asarray(np.concatenate(parts, 1), np.float32)

    def _ago(self, lag: int) -> Array:
        rows: Array = self.played[(self.now - lag) % RING]
        return rows

    def _told(self) -> Array:
        styles = len(self.model.styles)
        made = np.zeros((self.rows, 21 + styles + 3), np.float32)
        made[:, self.now % self.bar % 16] = 1.0
        made[:, 16] = self.bar / 16.0
        for column, bars in ((17, 4), (19, 2)):
            angle = 2.0 * np.pi * self.now / (bars * self.bar)
            made[:, column], made[:, column + 1] = np.sin(angle), np.cos(angle)
        for row, knobs in zip(made, self.knobs, strict=True):
            if knobs.style is not None:
                row[21 + knobs.style] = 1.0
            if knobs.density is not None:
                row[21 + styles : 23 + styles] = 1.0, knobs.density / 4.0
        made[:, -1] = np.log2(self.tempo / 120.0)
        return made

    def _expect(self) -> tuple[Array, Array]:
        """Move the GRU on; return where the chain of hits and that of playing begin, (B, E)."""
        w, x, h = self.w, self.seen(), self.state
        into, back = x @ w["Wi"].T + w["bi"], h @ w["Wh"].T + w["bh"]
        size = self.model.hidden
        reset = _sigmoid(into[:, :size] + back[:, :size])
        update = _sigmoid(into[:, size : 2 * size] + back[:, size : 2 * size])
        new = np.tanh(into[:, 2 * size :] + reset * back[:, 2 * size :])
        h = self.state = (1.0 - update) * new + update * h
        return (
            h @ w["Ah"].T + x @ w["Ax"].T + w["a"],
            h @ w["Qh"].T + x @ w["Qx"].T + w["qa"],
        )

    def _hits(self, s: Array, draws: Array) -> tuple[Array, Array]:
        bias = np.array([k.bias for k in self.knobs], np.float32)
        heat = self._heat()[:, 0]
        hits, logits = np.zeros((2, self.rows, COUNT), np.float32)
        for d in range(COUNT):
            logits[:, d] = np.maximum(s, 0.0) @ self.w["w"][d] + self.w["b"][d]
            hits[:, d] = draws[:, d] < _sigmoid((logits[:, d] + bias) / heat)
            s = s + hits[:, d : d + 1] * self.w["C"][d]
        return hits, logits

    def _velocities(self, u: Array, draws: Array) -> Array:
        """Invert the cumulative distribution over bins, straight within a bin."""
        bins = self.model.bins
        found = np.einsum("be,dke->bdk", u, self.w["V"]) + self.w["vb"]
        found = found / self._heat()[..., None]
        weight = np.exp(found - found.max(-1, keepdims=True))
        share = weight / weight.sum(-1, keepdims=True)
        total = np.cumsum(share, -1)
        k = np.minimum((total <= draws[..., None]).sum(-1), bins - 1)[..., None]
        own = np.take_along_axis(share, k, -1)[..., 0]
        below = np.take_along_axis(total, k, -1)[..., 0] - own
        inside = np.clip((draws - below) / np.maximum(own, 1e-9), 0.0, 1.0)
        inside = 0.5 + self._freedom() * (inside - 0.5)
        made: Array = np.clip((k[..., 0] + inside) / bins, 1.0 / 127.0, 1.0).astype(np.float32)
        return made

    def _offsets(self, u: Array, hits: Array, draws: Array) -> Array:
        """A Laplace distribution around what is usual and what earlier drums of the step did."""
        w = self.w
        means = u @ w["O"].T + w["ob"]
        spreads = np.exp(np.clip(u @ w["LS"].T + w["lb"], *SPREADS))
        away = draws - 0.5
        feel = np.array([[k.feel] for k in self.knobs], np.float32)
        spreads = spreads * self._freedom()
        noise = -feel * spreads * np.sign(away) * np.log(np.maximum(1.0 - 2.0 * np.abs(away), 1e-6))
        made = np.zeros((self.rows, COUNT), np.float32)
        for d in range(COUNT):
            shared = ((made - means) * hits)[:, :d] @ w["D"][d, :d]
            made[:, d] = hits[:, d] * np.clip(means[:, d] + shared + noise[:, d], -0.5, 0.5)
        return made

    def _heat(self) -> Array:
        return np.array([[max(k.temperature, 1e-3)] for k in self.knobs], np.float32)

    def _freedom(self) -> Array:
        return np.array([[min(k.temperature / SETTLING, 1.0)] for k in self.knobs], np.float32)


def _sigmoid(x: Array) -> Array:
    made: Array = (0.5 + 0.5 * np.tanh(0.5 * x)).astype(np.float32)
    return made


__all__ = ["DRAWS", "SPREADS", "Knobs", "Player"]
