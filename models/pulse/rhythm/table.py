"""The figures of a rhythm model beside those of its baselines, on two sets that it never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import models
from engine.bench import Report
from engine.rhythm import RhythmModel, open_rhythm
from models.pulse.errors import PulseError
from models.pulse.rhythm import judging
from models.pulse.rhythm.baselines import Contexts, Medians
from models.pulse.rhythm.generation import divergences, generate, is_empty, is_stuck
from models.pulse.rhythm.grid import Grid, grid_of
from models.pulse.rhythm.judging import Figures
from models.pulse.rhythm.knobs import densities, followed
from models.pulse.rhythm.reference import Knobs
from models.pulse.takes import Take, groove

METER = "4-4"
GENERATED_BARS = 32
BEGINNINGS = ("from silence", "going on from 2 bars")
TARGETS = {"bits": 2.2, "hit_f1": 0.74, "timing_ms": 21.0}
UNITS = {"bits": "bits a step", "hit_f1": "", "timing_ms": "ms", "velocity": "of 127"}
MOST_DEAD = 0.02
ASKED, FOLLOWED, OTHERS = (0.5, 1.0, 2.0), (0.0, 0.5, 1.0), 40
ALL_HITS = 80.0 / 127.0  # the velocity of what has none


@dataclass(frozen=True)
class Sets:
    """Takes on the grid. ``learnt`` are of the official training split, without the held-out
    drummers; ``official`` is the official test split, ``strangers`` all of those drummers;
    ``counted`` the whole official training split, for the baseline of the literature.
    """

    learnt: tuple[Grid, ...]
    counted: tuple[Grid, ...]
    development: tuple[Grid, ...]
    official: tuple[Grid, ...]
    strangers: tuple[Grid, ...]
    styles: tuple[str, ...]


@lru_cache(maxsize=2)
def sets(data: Path) -> Sets:
    """Read the takes in ``data``/gmd: grooves, no fills, tests in 4/4; PulseError."""
    takes = groove(data / "gmd" if (data / "gmd").is_dir() else data)
    beats = [take for take in takes if not take.fill]
    grids = {id(take): grid_of(take) for take in beats}

    def those(chosen: Sequence[Take]) -> tuple[Grid, ...]:
        return tuple(grids[id(take)] for take in chosen)

    tested = [take for take in beats if take.meter == METER]
    found = Sets(
        those([t for t in beats if t.split == "train" and not t.held_out]),
        those([t for t in tested if t.split == "train"]),
        those([t for t in beats if t.split == "validation" and not t.held_out]),
        those([t for t in tested if t.split == "test"]),
        those([t for t in tested if t.held_out]),
        tuple(sorted({take.style for take in takes})),
    )
    if not all((found.learnt, found.development, found.official, found.strangers)):
        raise PulseError(f"{data}: not the whole Groove MIDI Dataset")
    return found


def figures(data: Path, model: RhythmModel | None = None) -> list[dict[str, Any]]:
    """Foretold steps: a row for each method and test, as ``Figures.as_json`` plus names."""
    takes, model = sets(data), model or open_rhythm(zoo_model())
    made = []
    for test, grids in (("official test", takes.official), ("held-out drummers", takes.strangers)):
        counted = takes.counted if test == "official test" else takes.learnt
        expected = judging.of_contexts(Contexts(counted), Medians(counted), grids)
        plain = judging.quantised(expected, ALL_HITS)
        found = {
            "repeat last bar": judging.judge(grids, _repeated(grids, plain)),
            "contexts, quantised": judging.judge(grids, plain),
            "contexts, medians": judging.judge(grids, expected),
            model.name: judging.judge(grids, judging.of_model(model, grids)),
            f"{model.name}, told the style": judging.judge(
                grids, judging.of_model(model, grids, style=True)
            ),
        }
        made += [{"test": test, "method": name, **f.as_json()} for name, f in found.items()]
    return made


def generated(data: Path, model: RhythmModel | None = None) -> dict[str, Any]:
    """Free playing of 32 bars, once for each take of the held-out drummers, two ways to begin.

    Shares that are empty or stuck, divergences to these takes; beside them the same of the
    takes that were learnt from: how far drummers are from each other.
    """
    takes, model = sets(data), model or open_rhythm(zoo_model())
    real = [grid for grid in takes.strangers if grid.steps >= 4 * grid.bar]
    tempos = [grid.tempo_bpm for grid in real]
    knobs = [Knobs(style=model.styles.index(g.style)) if g.style in model.styles else Knobs()
             for g in real]  # fmt: skip
    alone = generate(model, tempos, GENERATED_BARS, knobs)
    primed = generate(model, tempos, GENERATED_BARS, knobs, seed=2, primes=real)
    learnt = [grid for grid in takes.learnt if grid.bar == 16 and grid.steps >= 4 * grid.bar]
    parts = {"from silence": alone, "going on from 2 bars": primed, "learnt takes": learnt,
             "held-out takes": real}  # fmt: skip
    return {name: _described(made, real) for name, made in parts.items()}


def rows(report: Report, data: Path | None = None, model: RhythmModel | None = None) -> None:
    """Add all figures to a report; ``data`` holds gmd/, ../shared/data/drums unless given."""
    data = data or Path(models.__file__).resolve().parents[2] / "shared" / "data" / "drums"
    model = model or open_rhythm(zoo_model())
    for row in figures(data, model):
        _foretold(report, row, row["method"] == model.name)
    for name, told in generated(data, model).items():
        _played(report, name, told, name in BEGINNINGS)
    _turned(report, model, [grid for grid in sets(data).strangers if grid.steps >= 4 * grid.bar])


def zoo_model() -> Path:
    """The folder of the rhythm model that comes with taraf."""
    return Path(__file__).parents[2] / "zoo" / "rhythm"


def _described(parts: Sequence[Grid], real: Sequence[Grid]) -> dict[str, Any]:
    return {
        "parts": len(parts),
        "empty": round(float(np.mean([is_empty(part) for part in parts])), 4),
        "stuck": round(float(np.mean([is_stuck(part) for part in parts])), 4),
        "hits_a_step": round(float(np.concatenate([p.hits for p in parts]).sum(1).mean()), 4),
        "divergence": divergences(parts, real).as_json(),
    }


def _foretold(report: Report, row: dict[str, Any], judged: bool) -> None:
    for key, unit in UNITS.items():
        target, holds = "", None
        if judged and key in TARGETS:
            most = key != "hit_f1"
            target = f"at {'most' if most else 'least'} {TARGETS[key]:g}"
            holds = row[key] <= TARGETS[key] if most else row[key] >= TARGETS[key]
        report.add(f"{row['test']}, {row['method']}: {key}", row[key], unit, target, holds)


def _played(report: Report, name: str, told: dict[str, Any], judged: bool) -> None:
    for key in ("empty", "stuck"):
        target, holds = ("under 0.02", told[key] < MOST_DEAD) if judged else ("", None)
        report.add(f"played, {name}: {key}", told[key], "of parts", target, holds)
    report.add(f"played, {name}: density", told["hits_a_step"], "hits a step")
    for key, value in told["divergence"].items():
        report.add(f"played, {name}: {key} divergence to held-out", value, "bits")


def _turned(report: Report, model: RhythmModel, others: Sequence[Grid]) -> None:
    for asked, found in densities(model, ASKED):
        report.add(f"density asked for: {asked:g}", found, "hits a step")
    for follow in FOLLOWED:
        alike, by_chance = followed(model, others[:OTHERS], follow)
        report.add(f"follow {follow:g}: families as the other player's, F1", alike, "")
    report.add("the same with somebody else's part, F1", by_chance, "")


def _repeated(grids: Sequence[Grid], plain: Sequence[judging.Expected]) -> list[judging.Expected]:
    """The bar before again; its chances are 0.97 and 0.03, about how often that is right."""
    made = []
    for grid, e in zip(grids, plain, strict=True):
        hits = np.zeros_like(grid.hits)
        hits[grid.bar :] = grid.hits[: -grid.bar]
        made.append(judging.Expected(0.03 + 0.94 * hits, hits, e.offsets, e.velocities))
    return made


__all__ = ["Figures", "Sets", "figures", "generated", "rows", "sets", "zoo_model"]
