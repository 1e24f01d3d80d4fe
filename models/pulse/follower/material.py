"""What is trained on, kept on disk: shards of scenes, made once and in any order."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.pulse.errors import PulseError
from models.pulse.follower.hearing import Heard, Kit, hear
from models.pulse.takes import Take, Trio, groove, trios

SHARD = 96  # scenes
SHORTEST_SECONDS = 10.0
DEVELOPMENT = "validation"


@dataclass(frozen=True)
class Players:
    """Who may be heard: takes and trios, none of those held out."""

    takes: tuple[Take, ...]
    trios: tuple[Trio, ...]


def players(data: Path, development: bool = False) -> Players:
    """Those to train on in ``data`` (it holds gmd and jtd), or those to choose a network by.

    Raises PulseError.
    """
    takes = [
        take
        for take in groove(data / "gmd")
        if not take.held_out and not take.fill and take.seconds > SHORTEST_SECONDS
        and take.meter.endswith("-4") and (take.split == DEVELOPMENT) == development
    ]  # fmt: skip
    known = [trio for trio in trios(data / "jtd") if not trio.held_out]
    chosen = [trio for k, trio in enumerate(known) if (k % 5 == 0) == development]
    if not takes or not chosen:
        raise PulseError(f"{data}: no takes of drummers or trios that may be trained on")
    return Players(tuple(takes), tuple(chosen))


def shards(
    folder: Path, of: Players, scenes: int, seed: int, kits: Sequence[Kit],
    told: Callable[[int], None] = lambda done: None,
) -> list[Heard]:  # fmt: skip
    """``scenes`` scenes as shards in ``folder``; what is there already is not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number in range(-(-scenes // SHARD)):
        count = min(SHARD, scenes - number * SHARD)
        path = folder / f"scenes-{seed}-{number}-{count}.npz"
        if not path.is_file():
            made = hear(of.takes, of.trios, count, seed * 100_003 + number, kits)
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                np.savez(file, features=made.features, targets=made.targets)
            os.replace(part, path)
        found.append(_read(path))
        told(number * SHARD + count)
    return found


def _read(path: Path) -> Heard:
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Heard(kept["features"], kept["targets"])
    except (OSError, ValueError, KeyError) as error:
        raise PulseError(f"{path}: no shard of scenes: {error}; delete it") from None


def draw(
    material: Sequence[Heard], count: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """``count`` scenes at random: features and targets."""
    picked = [(int(rng.integers(len(material))), rng.random()) for _ in range(count)]
    rows = [(material[k], int(part * len(material[k].features))) for k, part in picked]
    features = np.array([shard.features[row] for shard, row in rows], np.float32)
    targets = np.array([shard.targets[row] for shard, row in rows], np.float32)
    return features, targets


__all__ = ["Players", "draw", "players", "shards"]
