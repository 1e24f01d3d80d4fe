"""How well steps are foretold: bits, hits, timing and velocity, each step given all before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from engine.rhythm import RhythmModel
from models.pulse.rhythm import features
from models.pulse.rhythm.baselines import Contexts, Medians
from models.pulse.rhythm.grid import COUNT, Grid

Array = npt.NDArray[np.float32]
ROWS = 16  # takes at once: few enough that they are of one length


@dataclass(frozen=True)
class Expected:
    """What is expected of a part, (T, 9) each.

    ``chances`` of each hit are given those of earlier drums in the step as they were;
    ``hits`` are told without these. Offsets in steps and velocities 0 to 1 are given the hits
    of the step, and nothing else of it.
    """

    chances: Array
    hits: Array
    offsets: Array
    velocities: Array


@dataclass(frozen=True)
class Figures:
    """Over all steps of all takes; ``timing_ms`` and ``velocity`` (1 to 127) are mean errors."""

    takes: int
    steps: int
    bits: float
    hit_f1: float
    timing_ms: float
    velocity: float

    def as_json(self) -> dict[str, float]:
        """The figures, rounded."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def judge(
    grids: Sequence[Grid], expected: Iterable[Expected], since: Sequence[int] = ()
) -> Figures:
    """Compare parts with what was expected of them; ``since`` is each one's first step that counts.

    What comes before it is known to whoever foretells, and is not counted.
    """
    firsts = since or [0] * len(grids)
    told = zip(grids, expected, firsts, strict=True)
    rows = np.array([_counts(g, e, first) for g, e, first in told]).sum(axis=0)
    steps, nats, right, told, played, late, loud = rows.tolist()
    bits = nats / math.log(2.0) / max(steps, 1)
    f1 = 2.0 * right / max(told + played, 1)
    played = max(played, 1)
    return Figures(len(grids), int(steps), bits, f1, late / played, 127.0 * loud / played)


def of_model(
    model: RhythmModel, grids: Sequence[Grid], style: bool = False, inputs: _Inputs | None = None
) -> list[Expected]:
    """What a model expects of parts; with ``style`` it is told each one's."""
    inputs = inputs or (lambda grid: usual_inputs(model, grid, style))
    order = np.argsort([grid.steps for grid in grids], kind="stable")
    found: list[Expected | None] = [None] * len(grids)
    for first in range(0, len(order), ROWS):
        chosen = order[first : first + ROWS]
        parts = [grids[i] for i in chosen]
        for i, made in zip(chosen, _expect(model, parts, list(map(inputs, parts))), strict=True):
            found[i] = made
    return [one for one in found if one is not None]


def of_contexts(contexts: Contexts, medians: Medians, grids: Sequence[Grid]) -> list[Expected]:
    """What counted contexts and medians expect of parts."""
    made = []
    for grid in grids:
        chances = contexts.chances(grid)
        made.append(Expected(chances, (chances > 0.5).astype(np.float32), *medians.of(grid)))
    return made


def quantised(expected: Sequence[Expected], velocity: float) -> list[Expected]:
    """The same, played on the grid and at one velocity."""
    return [
        Expected(e.chances, e.hits, 0.0 * e.offsets, 0.0 * e.velocities + np.float32(velocity))
        for e in expected
    ]


def usual_inputs(model: RhythmModel, grid: Grid, style: bool = False) -> Array:
    """What the network sees of a part that it plays alone, (T, X); density is any."""
    known = style and grid.style in model.styles
    index = model.styles.index(grid.style) if known else None
    parts = (
        features.own(grid),
        np.zeros((grid.steps, features.HEARD), np.float32),
        features.place(grid.steps, grid.bar),
        features.told(grid.steps, index, len(model.styles), None, grid.tempo_bpm),
    )
    return np.concatenate(parts, axis=1)


def _counts(grid: Grid, expected: Expected, first: int) -> tuple[float, ...]:
    part = slice(first, None)
    hits, told = grid.hits[part], expected.hits[part]
    chance = np.where(hits > 0, expected.chances[part], 1.0 - expected.chances[part])
    late = np.abs(grid.offsets - expected.offsets)[part] * hits
    loud = np.abs(grid.velocities - expected.velocities)[part] * hits
    return (
        len(hits),
        float(-np.log(np.maximum(chance, 1e-12)).sum(dtype=np.float64)),
        float((told * hits).sum()),
        float(told.sum()),
        float(hits.sum()),
        float(late.sum(dtype=np.float64)) * grid.step_ms,
        float(loud.sum(dtype=np.float64)),
    )


def _expect(model: RhythmModel, grids: list[Grid], xs: list[Array]) -> list[Expected]:
    longest = max(len(x) for x in xs)
    x = np.stack([np.pad(part, ((0, longest - len(part)), (0, 0))) for part in xs])
    hits = np.stack([np.pad(g.hits, ((0, longest - g.steps), (0, 0))) for g in grids])
    h, w = _run(model, x), model.arrays
    s = h @ w["Ah"].T + x @ w["Ax"].T + w["a"]
    u = np.maximum(h @ w["Qh"].T + x @ w["Qx"].T + w["qa"] + hits @ w["Qc"], 0.0)
    chances, _ = _chain(model, s, hits)
    _, greedy = _chain(model, s, None)
    offsets = u @ w["O"].T + w["ob"]
    parts = (chances, greedy, offsets, _medians(model, u))
    return [Expected(*(part[i, : g.steps] for part in parts)) for i, g in enumerate(grids)]


def _run(model: RhythmModel, x: Array) -> Array:
    """The states of the GRU over (B, T, X): (B, T, H)."""
    w, size = model.arrays, model.hidden
    into = x @ w["Wi"].T + w["bi"]
    made = np.zeros((*x.shape[:2], size), np.float32)
    h, recurrent = made[:, 0] * 0.0, np.ascontiguousarray(w["Wh"].T)
    for t in range(x.shape[1]):
        back = h @ recurrent + w["bh"]
        gates = _sigmoid(into[:, t, : 2 * size] + back[:, : 2 * size])
        reset, update = gates[:, :size], gates[:, size:]
        new = np.tanh(into[:, t, 2 * size :] + reset * back[:, 2 * size :])
        h = made[:, t] = (1.0 - update) * new + update * h
    return made


def _chain(model: RhythmModel, s: Array, hits: Array | None) -> tuple[Array, Array]:
    """The chances of hits, each drum told those before: as they were, or as it would play."""
    w, s = model.arrays, s.copy()
    chances, played = np.zeros((2, *s.shape[:2], COUNT), np.float32)
    for d in range(COUNT):
        chances[..., d] = _sigmoid(np.maximum(s, 0.0) @ w["w"][d] + w["b"][d])
        played[..., d] = chances[..., d] > 0.5 if hits is None else hits[..., d]
        s += played[..., d : d + 1] * w["C"][d]
    return chances, played


def _medians(model: RhythmModel, u: Array) -> Array:
    """The median of each velocity: half of all is below it, straight within a bin."""
    found = np.einsum("bte,dke->btdk", u, model.arrays["V"], optimize=True) + model.arrays["vb"]
    weight = np.exp(found - found.max(-1, keepdims=True))
    share = weight / weight.sum(-1, keepdims=True)
    total = np.cumsum(share, -1)
    k = (total < 0.5).sum(-1)[..., None].clip(max=model.bins - 1)
    own = np.take_along_axis(share, k, -1)
    inside = (0.5 - np.take_along_axis(total, k, -1) + own) / np.maximum(own, 1e-9)
    return np.asarray((k + inside.clip(0.0, 1.0))[..., 0] / model.bins, np.float32)


def _sigmoid(x: npt.NDArray[np.floating]) -> Array:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), np.float32)


_Inputs = Callable[[Grid], Array]

__all__ = ["Expected", "Figures", "judge", "of_contexts", "of_model", "quantised", "usual_inputs"]
