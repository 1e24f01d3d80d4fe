"""Strokes by chance: which drums, then how hard and how early or late, from 27 uniform numbers."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.rhythm import RhythmModel
from plugins.rhythm.memory import DRUMS, HIT, OFFSET, VELOCITY
from plugins.rhythm.network import sigmoid

COOLEST = 1e-3
SETTLING = 0.5  # below this temperature times and levels lose their chance too, until 0 has none
SPREADS = (-5.0, 0.0)  # of an offset, in logarithms of steps
SOFTEST = 1.0 / 127.0

Out = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Out",
    "answer hit_row hit_bias hit_chain how_chain loud_row loud_bias late_row late_bias late_shared "
    "loud means draws drawn bias",
)


def drawers(model: RhythmModel) -> dict[str, Any]:
    """State of ``draw``: the model's output layers."""
    w = model.arrays
    return {
        "hit_row": w["w"], "hit_bias": w["b"], "hit_chain": w["C"], "how_chain": w["Qc"],
        "loud_row": w["V"], "loud_bias": w["vb"],
        "late_row": np.stack([w["O"], w["LS"]]), "late_bias": np.stack([w["ob"], w["lb"]]),
        "late_shared": w["D"],
        "loud": np.zeros(model.bins, np.float32),
        "means": np.zeros(DRUMS, np.float32),
        "draws": np.zeros(3 * DRUMS, np.float32),
        "drawn": np.zeros((3, DRUMS), np.float32),  # HIT, VELOCITY, OFFSET
        "bias": np.zeros(DRUMS, np.float32),  # of each drum's odds
    }  # fmt: skip


@kernel
def shake(seed: int, count: int, draws: Any) -> None:
    """Fill ``draws`` with numbers in [0, 1): the same for the same seed and count.

    SplitMix64: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014.
    """
    state = np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + np.uint64(count * 64)
    for k in range(draws.shape[0]):
        z = (state + np.uint64(k + 1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        draws[k] = np.float32(np.float64(z >> np.uint64(40)) * (1.0 / 16777216.0))


@kernel
def draw(out: Any, temperature: float) -> None:
    """Fill ``drawn`` from the network's ``answer`` and ``draws``; the answer is used up."""
    heat = np.float32(max(temperature, COOLEST))
    freedom = np.float32(min(temperature / SETTLING, 1.0))
    draw_hits(out, heat)
    for d in range(DRUMS):
        out.drawn[VELOCITY, d] = np.float32(0.0)
        if out.drawn[HIT, d] == np.float32(1.0):
            out.drawn[VELOCITY, d] = draw_velocity(out, d, heat, freedom)
    draw_offsets(out, freedom)


@kernel
def draw_hits(out: Any, heat: float) -> None:
    """A chain: whether a drum is hit depends on those before it. Leaves relu of the second half."""
    answer, zero = out.answer, np.float32(0.0)
    half = answer.shape[0] // 2
    for d in range(DRUMS):
        logit = dot(out.hit_row[d], answer[:half], out.hit_bias[d])
        hit = out.draws[d] < sigmoid((logit + out.bias[d]) / heat)
        out.drawn[HIT, d] = np.float32(1.0) if hit else zero
        if hit:
            for i in range(half):
                answer[i] += out.hit_chain[d, i]
                answer[half + i] += out.how_chain[d, i]
    for i in range(half, 2 * half):
        answer[i] = max(answer[i], zero)


@kernel
def dot(row: Any, values: Any, bias: float) -> float:
    """``row`` times the positive part of ``values``."""
    zero = np.float32(0.0)
    a, b, c, d = zero, zero, zero, zero  # four sums: one would wait for itself
    count = row.shape[0] // 4 * 4
    for i in range(0, count, 4):
        a += row[i] * max(values[i], zero)
        b += row[i + 1] * max(values[i + 1], zero)
        c += row[i + 2] * max(values[i + 2], zero)
        d += row[i + 3] * max(values[i + 3], zero)
    for i in range(count, row.shape[0]):
        a += row[i] * max(values[i], zero)
    return (a + b) + (c + d) + bias


@kernel
def draw_velocity(out: Any, d: int, heat: float, freedom: float) -> float:
    """Invert the cumulative distribution over bins, straight within a bin; the less ``freedom``,
    the nearer to its middle."""
    loud, half = out.loud, out.answer.shape[0] // 2
    bins = loud.shape[0]
    highest = np.float32(-1e30)
    for k in range(bins):
        loud[k] = dot(out.loud_row[d, k], out.answer[half:], out.loud_bias[d, k]) / heat
        highest = max(highest, loud[k])
    total = np.float32(0.0)
    for k in range(bins):
        loud[k] = np.float32(math.exp(loud[k] - highest))
        total += loud[k]
    chance, below, found = out.draws[DRUMS + d], np.float32(0.0), bins - 1
    for k in range(bins):
        loud[k] /= total
    for k in range(bins - 1):
        if below + loud[k] > chance:
            found = k
            break
        below += loud[k]
    inside = (chance - below) / max(loud[found], np.float32(1e-9))
    inside = min(max(inside, np.float32(0.0)), np.float32(1.0))
    inside = np.float32(0.5) + freedom * (inside - np.float32(0.5))
    value = (np.float32(found) + inside) / np.float32(bins)
    return min(max(value, np.float32(SOFTEST)), np.float32(1.0))


@kernel
def draw_offsets(out: Any, freedom: float) -> None:
    """A Laplace distribution around what is usual and what earlier drums of the step did;
    ``freedom`` is how much of its spread is left."""
    means, drawn, half = out.means, out.drawn, out.answer.shape[0] // 2
    for d in range(DRUMS):
        drawn[OFFSET, d] = np.float32(0.0)
        if drawn[HIT, d] == np.float32(0.0):
            continue
        u = out.answer[half:]
        means[d] = dot(out.late_row[0, d], u, out.late_bias[0, d])
        spread = float(dot(out.late_row[1, d], u, out.late_bias[1, d]))
        spread = freedom * math.exp(min(max(spread, SPREADS[0]), SPREADS[1]))
        away = float(out.draws[2 * DRUMS + d]) - 0.5
        side = -1.0 if away > 0.0 else 1.0
        value = means[d] + side * spread * math.log(max(1.0 - 2.0 * abs(away), 1e-6))
        for j in range(d):
            if drawn[HIT, j] == np.float32(1.0):
                value += out.late_shared[d, j] * (drawn[OFFSET, j] - means[j])
        drawn[OFFSET, d] = np.float32(min(max(value, -0.5), 0.5))


__all__ = ["draw", "drawers", "shake"]
