"""Through MIDI ports and JACK, in recorded sound: controllers, keys, sweeps."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import Report
from engine.bench.parts import StageError
from engine.morph.grid import Array
from models.bench.morph.hearing import (
    before_and_after,
    first_sound,
    half_way,
    largest_step,
    partials,
)
from models.bench.morph.sources import Deployed, all_deployed
from models.bench.morph.stage import BLOCK, KEY, RATE, contrast, needs, playing, rack
from models.bench.morph.telling import say
from models.morph.measures.pitch import hertz_of

STEPS, STRUCK, SWEEPS = 60, 40, 3
GAPS_S = (0.25, 0.35)
SETTLE_S = 1.2
KEYS = (60, 67, 72, 76)
HELD_S, APART_S = 0.3, (0.5, 0.6)
RESTS = (0, 32, 64, 96, 127)
REST_S, EVERY_S = 0.5, 0.005
BLOCK_MS = 1000.0 * BLOCK / RATE
MOST_HALF_MS, MOST_NOTE_MS = 10.0, 2.0
MOST_CLICK = 1.4
"""Times the static tone's: published frames with windows of four hops have 0.97 to 1.33."""
QUICK = "morph-live"
"""Of which steps are promised to be heard so soon."""


def run(report: Report, seconds: float) -> None:
    """Add rows for each deployed model: half an effect, first sounds, clicks."""
    needs()
    for found in all_deployed():
        ends = contrast(found)
        say(f"live: {found.name}, {ends[0]} and {ends[1]}")
        with tempfile.TemporaryDirectory() as name:
            steps_and_sweeps(report, found, ends, Path(name) / "held")
            notes(report, found, ends, Path(name) / "struck")


def steps_and_sweeps(
    report: Report, found: Deployed, ends: tuple[str, str], folder: Path
) -> None:  # fmt: skip
    """A key is held; a controller goes to and fro, then rests and sweeps."""
    with playing(rack(found, ends), folder) as session:
        jumps = session.play(do="steps", key=KEY, values=[0, 127], count=STEPS, gaps=GAPS_S,
                             settle=SETTLE_S, seed=1)  # fmt: skip
        swept = session.play(do="sweeps", key=KEY, values=RESTS, rest=REST_S, count=SWEEPS,
                             every=EVERY_S, settle=SETTLE_S)  # fmt: skip
        sound = session.sound()
    frames = [int(one["frame"]) for one in jumps]
    half_rows(report, found.name, sound, frames, len(jumps))
    click_rows(report, found.name, sound, frames, swept)


def half_rows(report: Report, name: str, sound: Array, frames: list[int], sent: int) -> None:
    """How late half of each step's effect is."""
    near = RATE // 4
    parts = [sound[max(0, begin - near) : begin + near] for begin in frames]
    places = [min(begin, near) for begin in frames]
    sizes = [partials(part, RATE, hertz_of(KEY)) for part in parts]
    ends = [before_and_after(one, at, RATE) for one, at in zip(sizes, places, strict=True)]
    # the controller goes to and fro: sounds that beat have two states all the same
    states = [
        np.mean([ends[n][(n + side + 1) % 2] for n in range(len(ends))], axis=0) for side in (0, 1)
    ]
    late = [
        1000.0 * half_way(one, at, RATE, states[1 - n % 2], states[n % 2])
        for n, (one, at) in enumerate(zip(sizes, places, strict=True))
    ]
    heard = np.array(late)[np.isfinite(late)]
    start = f"{name}: controller to half its effect"
    report.add(f"{start}, steps heard", len(heard), f"of {sent}", "all", len(heard) == sent)
    if not len(heard):
        raise StageError("no step of the controller is heard")
    most = MOST_HALF_MS + BLOCK_MS
    promised = name == QUICK
    for told, value in (
        ("median", np.median(heard)),
        ("p90", np.percentile(heard, 90)),
        ("worst", heard.max()),
    ):
        report.add(f"{start}, {told}", float(value), "ms",
                   "10 ms and a block" if promised else "",
                   float(value) <= most if promised else None)  # fmt: skip


def click_rows(
    report: Report, name: str, sound: Array, frames: list[int], swept: list[dict[str, Any]]
) -> None:
    """The largest step from sample to sample: at rest, in sweeps, where the controller jumps."""
    rests = [one["frame"] for one in swept if one["rests"]]
    turns = [one["frame"] for one in swept if not one["rests"]]
    static = max(largest_step(sound[at : at + round(0.8 * REST_S * RATE)]) for at in rests[:-1])
    if not static > 0.0:
        raise StageError("the held tone is silent")
    moved = {
        "sweeps": largest_step(sound[turns[0] : rests[-1]]),
        "jumps": max(largest_step(sound[at : at + RATE // 10]) for at in frames),
    }
    for told, value in moved.items():
        report.add(f"{name}: largest sample step in {told} of the controller", value / static,
                   "of the static tone's", f"at most {MOST_CLICK:g}",
                   value <= MOST_CLICK * static)  # fmt: skip


def notes(report: Report, found: Deployed, ends: tuple[str, str], folder: Path) -> None:
    """Keys are struck, each after silence."""
    with playing(rack(found, ends, release=0.1, x=0.5), folder) as session:
        struck = session.play(do="notes", keys=KEYS, count=STRUCK, held=HELD_S, gaps=APART_S,
                              seed=2)  # fmt: skip
        sound = session.sound()
    both = [first_sound(sound, int(one["frame"]), RATE, HELD_S) for one in struck]
    first, heard = (1000.0 * np.array(row) for row in zip(*both, strict=True))
    there = np.isfinite(first)
    start = f"{found.name}: key to first sound"
    report.add(f"{start}, notes heard", int(there.sum()), f"of {len(struck)}", "all",
               bool(there.all()))  # fmt: skip
    if not there.any():
        raise StageError("no note is heard")
    most = BLOCK_MS + MOST_NOTE_MS
    for told, value in (("median", np.median(first[there])), ("worst", first[there].max())):
        report.add(f"{start}, {told}", float(value), "ms", "a block and 2 ms",
                   float(value) <= most)  # fmt: skip
    report.add(f"{found.name}: key to -40 dB of the note's peak, median",
               float(np.nanmedian(heard)), "ms")  # fmt: skip


__all__ = ["click_rows", "half_rows", "notes", "run", "steps_and_sweeps"]
