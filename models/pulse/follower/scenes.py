"""Scenes to train on: drummers' takes and trios along every kind of tempo curve.

The Groove MIDI Dataset was played to a click; trained on it as it is, a follower learns that
tempo never moves. Here each take is bent along a human's tempo, rubato, a step or a drift, some
fall silent for a few beats, and some have a bass and a piano. A few drummers are not all drummers:
some parts nobody has played, and in some one drummer's cymbals go with another's kick and snare;
where there is a library of grooves, a third are out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.pulse import curves
from models.pulse.curves import Curve
from models.pulse.follower.grooves import varied
from models.pulse.follower.patterns import Part, part
from models.pulse.rendering import DRUM_CHANNEL, STROKE, Piece, drum_strokes
from models.pulse.takes import DRUM_OF, FAMILY_OF, Take, Trio

SECONDS = 45.0
BASS, PIANO = 0, 1
DRUM_KITS = (0, 0, 8, 16, 24, 25, 32, 40)
BASSES = (32, 32, 32, 33, 34, 38)
PIANOS = (0, 0, 1, 4, 16, 26)
RIDES = (51, 51, 53, 59)
KINDS = ("steady", "human", "swung", "drifting", "stepped", "trio")
SHARES = (0.10, 0.24, 0.22, 0.14, 0.12, 0.18)
SILENT, ACCOMPANIED = 0.15, 0.2  # shares of scenes
GROOVED, INVENTED, BLENDED = 0.36, 0.14, 0.35  # of those that are no trio
INVENTED_ALONE, BLENDED_ALONE = 0.35, 0.25  # where there are no grooves
LONGEST_SECONDS = 240.0  # of a take count when one is chosen


class Played(Protocol):
    """A drummer's take, or a part that might be one."""

    @property
    def notes(self) -> npt.NDArray[Any]:
        """Strokes (n,) of NOTE, by time."""

    @property
    def tempo_bpm(self) -> float:
        """Quarter notes a minute."""

    @property
    def beats_a_bar(self) -> int:
        """How many quarter notes a bar has."""


@dataclass(frozen=True)
class Scene:
    """What is played, and the truth: beats in seconds, which are a bar's first, drum strokes."""

    piece: Piece
    beats: npt.NDArray[np.float64]
    first: npt.NDArray[np.bool_]
    strokes: npt.NDArray[np.float64]  # seconds, family; of drums only


def scene(
    takes: Sequence[Take], trios: Sequence[Trio], rng: np.random.Generator, kind: str = "",
    real: bool = False, grooves: Sequence[Part] = (),
) -> Scene:  # fmt: skip
    """A scene of ``SECONDS``, of a kind of ``KINDS`` or of any; all as played where ``real``."""
    kind = kind or str(rng.choice(KINDS, p=SHARES))
    if kind == "trio":
        return trio_scene(trios[int(rng.integers(len(trios)))], rng)
    take = _drummer(takes, grooves, rng, real)
    tempo = float(np.clip(take.tempo_bpm * np.exp(rng.normal(0.0, 0.1)), 45.0, 300.0))
    return take_scene(take, curve(kind, tempo, trios, rng), rng)


def _drummer(
    takes: Sequence[Take], grooves: Sequence[Part], rng: np.random.Generator, real: bool
) -> Played:
    grooved = GROOVED if grooves else 0.0
    made_up = grooved + (INVENTED if grooves else INVENTED_ALONE)
    made, blended = rng.random(2)
    if not real and made < made_up:
        return varied(grooves, rng) if made < grooved else part(rng)
    lengths = np.minimum([take.seconds for take in takes], LONGEST_SECONDS)
    take, other = (takes[int(k)] for k in rng.choice(len(takes), 2, p=lengths / lengths.sum()))
    mixed = blended < (BLENDED if grooves else BLENDED_ALONE)
    if not real and mixed and take.beats_a_bar == other.beats_a_bar:
        return blend(take, other, int(rng.choice([0, 1, 2, 2, 2])))
    return take


def blend(take: Take, other: Take, family: int) -> Part:
    """A take whose drums of ``family`` (its place in FAMILIES) are those of ``other``."""
    own, theirs = take.notes, other.notes
    own = own[_family_of(own["pitch"]) != family]
    theirs = theirs[_family_of(theirs["pitch"]) == family]
    end = min(take.notes["beat"][-1], other.notes["beat"][-1])
    both = np.concatenate([own, theirs])
    both = np.sort(both[both["beat"] <= end], order="beat")
    enough = len(both) > 1 and both["beat"][-1] > take.beats_a_bar
    return Part(both if enough else take.notes, take.tempo_bpm, take.beats_a_bar)


def _family_of(pitches: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return np.array([FAMILY_OF[DRUM_OF[p]] if p in DRUM_OF else -1 for p in pitches], np.int64)


def curve(kind: str, tempo: float, trios: Sequence[Trio], rng: np.random.Generator) -> Curve:
    """A tempo curve of ``kind`` for a whole scene."""
    if kind == "human":
        trio = trios[int(rng.integers(len(trios)))]
        return curves.human(trio, tempo, SECONDS, int(rng.integers(len(trio.beats))))
    if kind == "swung":
        depths, periods = rng.uniform(0.03, 0.18, 2), rng.uniform((10.0, 4.0), (25.0, 8.0))
        phases = rng.uniform(0.0, 2 * np.pi, 2)
        return curves.swung(tempo, SECONDS, tuple(depths), tuple(periods), tuple(phases))
    if kind == "drifting":
        return curves.drifting(tempo, SECONDS, rng, float(rng.uniform(0.003, 0.02)))
    if kind == "stepped":
        ratio = float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.05, 0.3)))
        return curves.stepped(tempo, ratio, float(rng.uniform(8.0, 35.0)), SECONDS)
    return curves.steady(tempo)


def take_scene(take: Played, path: Curve, rng: np.random.Generator) -> Scene:
    """A part of a take along a tempo curve; it begins at a random bar, early in the sound."""
    notes, bar = take.notes, take.beats_a_bar
    beats = path.until(SECONDS)
    spare = notes["beat"][-1] - len(beats)
    start = bar * int(rng.integers(0, max(1, int(spare / bar) + 1)))
    end = min(len(beats), int(notes["beat"][-1] - start) + 1)
    notes = notes[(notes["beat"] >= start - 0.2) & (notes["beat"] < start + end)]
    seconds = path.at(np.maximum(notes["beat"] - start, 0.0))
    lead = float(rng.uniform(0.0, 1.5))
    keep = np.ones(len(notes), bool)
    if rng.random() < SILENT:
        first = float(rng.uniform(8.0, 34.0))
        last = first + float(rng.uniform(3.0, 12.0)) * (beats[1] - beats[0])
        keep = (seconds < first) | (seconds > last)
    strokes = drum_strokes(seconds + lead, notes["pitch"], _harder(notes["velocity"], rng))[keep]
    drums = strokes
    beats, programs = beats[:end] + lead, [(DRUM_CHANNEL, int(rng.choice(DRUM_KITS)))]
    if rng.random() < ACCOMPANIED:
        strokes = np.concatenate([strokes, _band(beats, bar, rng)])
        programs += _players(rng)
    first_of_bar = (np.arange(end) + start) % bar == 0
    return Scene(Piece(strokes, SECONDS, tuple(programs)), beats, first_of_bar, _families(drums))


def trio_scene(trio: Trio, rng: np.random.Generator) -> Scene:
    """A part of a trio's recording, played anew from its annotated onsets."""
    scale = float(np.exp(rng.normal(0.0, 0.06)))
    start = float(rng.uniform(trio.beats[0] - 1.0, max(trio.beats[0], trio.beats[-1] - 40.0)))

    def moved(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return (times - start) * scale

    beats = moved(trio.beats)
    inside = (beats >= 0.0) & (beats < SECONDS)
    hits = moved(trio.drums)
    drums = drum_strokes(hits, _trio_drums(hits, rng), rng.normal(85, 15, len(hits)))
    parts = [drums]
    if rng.random() < 0.9:
        parts.append(_notes(moved(trio.bass), BASS, (28, 52), 1, 0.35, rng))
    if rng.random() < 0.85:
        parts.append(_notes(moved(trio.piano), PIANO, (48, 84), 3, 0.25, rng))
    programs = [(DRUM_CHANNEL, int(rng.choice((0, 8, 32, 32, 40)))), *_players(rng)]
    end = min(SECONDS, float(beats[-1]))
    strokes = np.concatenate(parts)
    strokes = strokes[(strokes["seconds"] > 0) & (strokes["seconds"] < end)]
    return Scene(
        Piece(strokes, SECONDS, tuple(programs)), beats[inside], trio.places[inside] == 1,
        _families(strokes[strokes["channel"] == DRUM_CHANNEL]),
    )  # fmt: skip


def _trio_drums(hits: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A ride mostly; now and then a snare, a kick or a tom, or a hi-hat for the whole piece."""
    ride = int(rng.choice((*RIDES, 42)))
    other = rng.choice([38, 36, 40, 45, 48, 49], len(hits))
    return np.where(rng.random(len(hits)) < rng.uniform(0.0, 0.35), other, ride)


def _harder(velocities: npt.NDArray[np.int32], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    moved = velocities * rng.uniform(0.7, 1.25) + rng.normal(0.0, 4.0, len(velocities))
    return np.clip(moved, 5, 127).astype(np.int64)


def _players(rng: np.random.Generator) -> list[tuple[int, int]]:
    return [(BASS, int(rng.choice(BASSES))), (PIANO, int(rng.choice(PIANOS)))]


def _band(
    beats: npt.NDArray[np.float64], bar: int, rng: np.random.Generator
) -> npt.NDArray[np.void]:
    """A bass on beats, halves or bars and a piano off and on them."""
    grid = np.interp(np.arange(0, len(beats), 0.5), np.arange(len(beats)), beats)
    every = int(rng.choice([2, 2, 4, 2 * bar]))
    bass = grid[::every][rng.random(len(grid[::every])) < 0.95]
    comp = grid[rng.random(len(grid)) < rng.uniform(0.1, 0.5)]
    late = rng.normal(0.0, 0.012, len(bass)), rng.normal(0.0, 0.015, len(comp))
    return np.concatenate([
        _notes(np.maximum(bass + late[0], 0), BASS, (28, 50), 1, 0.3, rng),
        _notes(np.maximum(comp + late[1], 0), PIANO, (50, 80), 3, 0.2, rng),
    ])  # fmt: skip


def _notes(
    seconds: npt.NDArray[np.float64], channel: int, span: tuple[int, int], voices: int,
    length: float, rng: np.random.Generator,
) -> npt.NDArray[np.void]:  # fmt: skip
    counts = rng.integers(1, voices + 1, len(seconds))
    made = np.zeros(int(counts.sum()), STROKE)
    made["seconds"] = np.repeat(seconds, counts)
    steps = np.clip(np.cumsum(rng.integers(-3, 4, len(made))) + sum(span) // 2, *span)
    made["pitch"] = steps + rng.integers(0, voices, len(made)) * 4
    made["velocity"] = np.clip(rng.normal(75, 14, len(made)), 20, 120)
    made["channel"], made["length"] = channel, length
    return made


def _families(strokes: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    rows = [
        (float(stroke["seconds"]), FAMILY_OF[DRUM_OF[int(stroke["pitch"])]])
        for stroke in strokes
        if int(stroke["pitch"]) in DRUM_OF
    ]
    return np.array(rows, np.float64).reshape(-1, 2)


__all__ = ["SECONDS", "Played", "Scene", "blend", "curve", "scene", "take_scene", "trio_scene"]
