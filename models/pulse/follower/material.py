"""What is trained on, kept on disk: shards of scenes, made once and in any order.

A training reads them where they lie, so there may be more of them than memory holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.pulse.bands import HOPS_A_SECOND
from engine.whole import whole
from models.pulse.errors import PulseError
from models.pulse.follower.hearing import BEAT, STROKES, TEMPO, Heard, Kit, hear
from models.pulse.follower.patterns import Part
from models.pulse.takes import DEVELOPMENT, Take, Trio, groove, parted, trios

SHARD = 96  # scenes
VERSION = 2  # counted up when the same players and kits would make other scenes
SHORTEST_SECONDS = 10.0
PACE = 0.18  # natural logarithm of the fastest change of tempo
SWING = 0.12  # and of how far it swings

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Players:
    """Who may be heard: takes and trios, none of those held out, and grooves of a library."""

    takes: tuple[Take, ...]
    trios: tuple[Trio, ...]
    real: bool = False  # none is made up, nor are two mixed
    grooves: tuple[Part, ...] = ()


def players(data: Path, development: bool = False) -> Players:
    """Those to train on in ``data`` (it holds gmd and jtd), or those to choose a network by.

    Raises PulseError.
    """
    takes = [
        take
        for take in groove(data / "gmd")
        if not take.held_out and not take.fill and take.seconds > SHORTEST_SECONDS
        and take.meter.endswith("-4") and (take.drummer in DEVELOPMENT) == development
    ]  # fmt: skip
    people = parted(trios(data / "jtd"))
    chosen = people.development if development else people.learnt
    if not takes or not chosen:
        raise PulseError(f"{data}: no takes of drummers or trios that may be trained on")
    return Players(tuple(takes), chosen, development)


def key_of(of: Players, kits: Sequence[Kit]) -> str:
    """What tells scenes of these players and sounds from all others, in eight letters."""
    takes = [
        (take.drummer, take.file.name, take.tempo_bpm, take.meter, _size(take.file))
        for take in of.takes
    ]
    trios = [(trio.name, len(trio.beats), len(trio.drums), len(trio.bass), len(trio.piano))
             for trio in of.trios]  # fmt: skip
    sounds = [(kit.font.name, _size(kit.font), kit.channel) for kit in kits]
    made_of = repr((VERSION, of.real, takes, trios, sounds)).encode()
    for part in of.grooves:
        made_of += repr((part.tempo_bpm, part.beats_a_bar)).encode() + part.notes.tobytes()
    return hashlib.sha256(made_of).hexdigest()[:8]


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def shards(
    folder: Path, of: Players, scenes: int, seed: int, kits: Sequence[Kit],
    told: Callable[[int], None] = lambda done: None,
) -> list[Heard]:  # fmt: skip
    """``scenes`` scenes as shards in ``folder``; those of the same key are not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    key, found = key_of(of, kits), []
    for number in range(-(-scenes // SHARD)):
        count = min(SHARD, scenes - number * SHARD)
        path = folder / f"scenes-{seed}-{number}-{count}-{key}.npy"
        if not path.is_file():
            drawn = seed * 100_003 + number
            made = hear(
                of.takes, of.trios, count, drawn, kits, real=of.real, grooves=of.grooves
            )  # fmt: skip
            _write(path, made)
        found.append(_read(path))
        told(number * SHARD + count)
    return found


def read_shards(folder: Path) -> list[Heard]:
    """All shards that ``shards`` has made in a folder; none if there is no such folder."""
    return [_read(path) for path in sorted(folder.glob("scenes-*.npy"))]


def _write(path: Path, heard: Heard) -> None:
    parts = vars(heard)
    row = np.dtype([(name, part.dtype, part.shape[1:]) for name, part in parts.items()])
    rows = np.empty(len(heard.features), row)
    for name, part in parts.items():
        rows[name] = part
    with whole(path) as unfinished, unfinished.open("wb") as file:
        np.save(file, rows)


def _read(path: Path) -> Heard:
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
        return Heard(rows["features"], rows["targets"])
    except (OSError, ValueError, IndexError, EOFError) as error:
        raise PulseError(f"{path}: no shard of scenes: {error}; delete it") from None


def draw(material: Sequence[Heard], count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """``count`` scenes at random, each along a tempo of its own: features, ``placed`` targets."""
    rows = []
    for _ in range(count):
        shard = material[int(rng.integers(len(material)))]
        number = int(rng.integers(len(shard.features)))
        paces = pace(len(shard.features[number]), rng)
        rows.append(paced(shard.features[number], shard.targets[number], paces))
    return np.array([row[0] for row in rows]), placed(np.array([row[1] for row in rows]))


def pace(hops: int, rng: np.random.Generator) -> Floats:
    """How many times as fast a scene is played at each hop: faster or slower, and swinging."""
    seconds = np.arange(hops) / HOPS_A_SECOND
    swings = [
        depth * np.sin(2.0 * np.pi * seconds / period + phase)
        for depth, period, phase in zip(
            rng.uniform(0.0, SWING, 2),
            rng.uniform((10.0, 4.0), (30.0, 10.0)),
            rng.uniform(0.0, 2.0 * np.pi, 2),
            strict=True,
        )
    ]
    return np.asarray(np.exp(rng.uniform(-PACE, PACE) + sum(swings)), np.float32)


def paced(features: Halves, targets: Halves, paces: Floats) -> tuple[Floats, Floats]:
    """A scene (hops, ...) played ``paces`` times as fast; what lies beyond its end is silence."""
    hops = len(features)
    at = np.cumsum(paces) - paces[0]
    low = np.minimum(at.astype(int), hops - 2)
    part = (at - low).clip(0.0, 1.0)[:, None].astype(np.float32)
    heard = features[low] * (1.0 - part) + features[low + 1] * part
    told = np.zeros(targets.shape, np.float32)
    for row in range(TEMPO):
        marks = np.flatnonzero(targets[:, row] == 1.0)
        marks = np.round(np.interp(marks[marks < at[-1]], at, np.arange(hops))).astype(int)
        for step, value in ((-1, 0.5), (1, 0.5), (0, 1.0)):
            if value < 1.0 and row >= STROKES:
                continue
            near = marks + step
            near = near[(near >= 0) & (near < hops)]
            told[near, row] = np.maximum(told[near, row], value)
    told[:, TEMPO] = targets[low, TEMPO] * paces
    beyond = at >= hops
    heard[beyond], told[beyond] = 0.0, 0.0
    return heard, told


def placed(targets: npt.NDArray[Any]) -> Floats:
    """Targets (scenes, hops, TARGETS) and, after them, how much of the beat has passed, or -1."""
    place = np.full((*targets.shape[:2], 1), -1.0, np.float32)
    hops = np.arange(targets.shape[1])
    for row, scene in zip(place, targets, strict=True):
        beats = np.flatnonzero(scene[:, BEAT] == 1.0)
        if len(beats) > 1:
            inside = hops[beats[0] : beats[-1]]
            row[inside, 0] = np.interp(inside, beats, np.arange(len(beats))) % 1.0
    return np.concatenate([targets.astype(np.float32), place], axis=-1)


__all__ = ["Players", "draw", "key_of", "pace", "paced", "placed", "players", "shards"]
