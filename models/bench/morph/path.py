"""From one instrument to another at one pitch: evenly, straight, in tune, and not by fading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from engine.bench import Report
from engine.morph.errors import MorphError
from models.bench.morph.instrument import HELD_S, played
from models.bench.morph.sources import Deployed, all_deployed, rendered
from models.bench.morph.telling import say
from models.bench.morph.unheard import Ear
from models.bench.morph.ways import METHODS, Pair
from models.morph.live.material import decibels_of, frames_of
from models.morph.measures.baselines import Pca
from models.morph.measures.path import STEPS, PathFigures, judge_path, together
from models.morph.measures.pitch import cents
from models.morph.notes import Note, Notes

PAIRS, PLAYED = 16, 12
"""Of instruments that are held out; of these by the instrument."""
PITCHES = (48, 60, 72, 54)
VELOCITY = 75
SEED = 8
LEARNT = 6
EACH = 24
MOST = {"step_cv": 0.15, "cents_median": 3.0, "cents_worst": 10.0}
LEAST_MONOTONE = 0.98
LEAST_PAIRS = 12
"""Of instruments that are held out."""
ROWS = {
    "step_cv": ("spread of MFCC steps", ""),
    "monotone": ("centroid monotone", "of steps"),
    "line_error": ("centroid off a straight line", "of its way"),
    "residual": ("middle that no mix of both ends explains", "of its norm"),
    "endpoint": ("ends, MFCC distance from the recordings", ""),
    "cents_median": ("off the pitch asked for, median", "cents"),
    "cents_worst": ("off the pitch asked for, worst of all", "cents"),
}


def run(report: Report, seconds: float) -> None:
    """Add rows of all methods between held-out instruments."""
    notes = rendered()
    for found in all_deployed():
        ear = Ear(found.model)
        linear = _components(notes, found)
        say(f"path: {found.name}, {PAIRS} pairs that are held out")
        pairs = list(unheard(ear, notes, PAIRS, linear))
        figures = measured(pairs, METHODS)
        rows(report, f"{found.name}, held out", figures, LEAST_PAIRS)
        _tuning(report, f"{found.name}, held out", pairs)
        say(f"path: {found.name}, {PLAYED} of these by the instrument")
        by_instrument(report, found.name, pairs[:PLAYED])


def measured(
    pairs: Sequence[Pair], methods: Sequence[str]
) -> dict[str, tuple[list[PathFigures], PathFigures]]:
    """Figures of each pair by each method, and all together."""
    made = {}
    for method in methods:
        each = [judged(pair, method) for pair in pairs]
        made[method] = each, together(each)
    return made


def judged(pair: Pair, method: str) -> PathFigures:
    """The figures of one pair; its sounds are cut to the shortest."""
    sounds = pair.path(method)
    count = min(len(pair.recorded[0]), *map(len, sounds))
    ends = (pair.recorded[0][:count], pair.recorded[1][:count])
    rate = pair.ear.model.grid.rate
    return judge_path([sound[:count] for sound in sounds], ends, rate, pair.pitch)


def by_instrument(report: Report, name: str, pairs: Sequence[Pair]) -> None:
    """Rows of what the plugin plays while keys are held; releases are as long as each sound's."""
    each = []
    for pair in pairs:
        rate, knobs = pair.ear.model.grid.rate, np.linspace(0.0, 1.0, STEPS)
        with TemporaryDirectory() as folder:
            sounds = played(pair.ear.model, pair.notes, list(knobs), Path(folder))
        count = min(round(HELD_S * rate), len(pair.recorded[0]), *map(len, sounds))
        ends = (pair.recorded[0][:count], pair.recorded[1][:count])
        each.append(judge_path([sound[:count] for sound in sounds], ends, rate, pair.pitch))
    whole = together(each)
    start = f"{name}, held out, played by the instrument"
    for field in ("step_cv", "monotone", "line_error", "residual", "cents_median", "cents_worst"):
        told, unit = ROWS[field]
        report.add(f"{start}: {told}", getattr(whole, field), unit,
                   *promised(field, getattr(whole, field)))  # fmt: skip
    report.add(f"{start}: pairs", len(each), "")


def rows(
    report: Report, start: str, figures: dict[str, tuple[list[PathFigures], PathFigures]],
    least: int = 0,
) -> None:  # fmt: skip
    """Rows of every figure: the morph with what was promised, others beside it.

    ``least`` pairs were promised; of 0 nothing was.
    """
    for method, (each, whole) in figures.items():
        for field, (told, unit) in ROWS.items():
            value = float(getattr(whole, field))
            target, holds = promised(field, value) if method == "morph" else ("", None)
            report.add(f"{start}, {method}: {told}", value, unit, target, holds)
        worst = max(one.step_cv for one in each)
        report.add(f"{start}, {method}: spread of MFCC steps, worst pair", worst, "")
        if method == "morph":
            report.add(f"{start}: pairs", len(each), "", f"at least {least}" if least else "",
                       len(each) >= least if least else None)  # fmt: skip
    if {"morph", "cross-fade"} <= set(figures):
        ours, fade = (figures[name][1].residual for name in ("morph", "cross-fade"))
        report.add(f"{start}: that residual, of the cross-fade's", ours / max(fade, 1e-6), "times",
                   "more than 1", ours > fade)  # fmt: skip


def promised(field: str, value: float) -> tuple[str, bool | None]:
    """What was promised of a figure, and whether it holds."""
    if field in MOST:
        return f"at most {MOST[field]:g}", value <= MOST[field]
    if field == "monotone":
        return f"at least {LEAST_MONOTONE:g}", value >= LEAST_MONOTONE
    return "", None


def unheard(
    ear: Ear, notes: Notes, count: int, linear: Pca | None = None
) -> Iterator[Pair]:  # fmt: skip
    """Pairs of instruments that are held out, of one pitch each."""
    held = [note for split in ("test", "valid") for note in notes.of(split)]  # type: ignore[arg-type]
    known = {(note.instrument, note.pitch): note for note in held if note.velocity == VELOCITY}
    names = sorted({instrument for instrument, _ in known})
    chosen = list(combinations(names, 2))
    np.random.default_rng(SEED).shuffle(chosen)
    for number, (one, other) in enumerate(chosen):
        if count <= 0:
            return
        ends = [known.get((name, PITCHES[number % len(PITCHES)])) for name in (one, other)]
        if ends[0] is None or ends[1] is None:
            continue
        count -= 1
        yield _pair(ear, ends[0], ends[1], linear)


def _pair(ear: Ear, one: Note, other: Note, linear: Pca | None) -> Pair:
    sounds = (one.sound(), other.sound())
    name = f"{one.instrument} to {other.instrument}"
    return Pair.of(ear, name, sounds, (ear.note(one), ear.note(other)), linear)


def _components(notes: Notes, found: Deployed) -> Pca:
    frames = frames_of(list(notes.of("train"))[::LEARNT], found.model.grid, EACH)
    return Pca.fit(np.maximum(decibels_of(frames.levels), -80.0), found.model.latents)


def _tuning(report: Report, start: str, pairs: Sequence[Pair]) -> None:
    """How far the recordings themselves are off: morphs are in tune with what was asked for."""
    rate = pairs[0].ear.model.grid.rate if pairs else 0
    if not pairs:
        raise MorphError("no two instruments that are held out have a pitch in common")
    off = np.abs([cents(end, pair.pitch, rate) for pair in pairs for end in pair.recorded])
    report.add(f"{start}, recordings: off their pitch, median", float(np.nanmedian(off)), "cents")
    report.add(f"{start}, recordings: off their pitch, worst", float(np.nanmax(off)), "cents")


__all__ = ["judged", "measured", "promised", "rows", "run", "unheard"]
