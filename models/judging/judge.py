"""Plays a model on held-out pairs and measures it: what the command and the page tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.judging.aliasing import alias_level
from models.judging.errors import JudgeError
from models.judging.metrics import Figures, compare, together
from models.judging.player import Player, open_player
from models.pairs import Pair, Pairs, open_pairs

Array = NDArray[Any]

SPLITS = ("test", "validation", "all")
SHOWN = 3
"""Pairs that the page shows and plays, spread over all; all are measured."""


@dataclass(frozen=True)
class Heard:
    """One pair as the model played it. Sounds are (frames,) float32, () where they are not kept."""

    name: str
    knobs: dict[str, float]
    dry: Array
    wet: Array
    made: Array
    figures: Figures


@dataclass(frozen=True)
class Judgement:
    """All that was measured of a model on some pairs."""

    model: str
    architecture: str
    pairs: str
    split: str
    sample_rate: int
    heard: tuple[Heard, ...]
    total: Figures
    alias_db: float | None  # None: the model is silent where it is measured
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What ``taraf judge --json`` prints, but for the page."""
        return {
            "model": self.model,
            "architecture": self.architecture,
            "pairs": self.pairs,
            "split": self.split,
            "sample_rate": self.sample_rate,
            "total": self.total.as_json(),
            "alias_db": self.alias_db,
            "each": [
                {"name": one.name, "knobs": one.knobs, "frames": one.figures.frames}
                | {"figures": one.figures.as_json()}
                for one in self.heard
            ],
            "warnings": list(self.warnings),
        }


class Judging:
    """Opens a model and a folder of pairs at once, then measures pair by pair.

    judging = Judging("drive", "pairs/", None)
    for pair in judging: ...            # each is measured before it is yielded
    judgement = judging.judgement()
    """

    def __init__(self, model: str, folder: str | Path, split: str | None) -> None:
        if split not in (None, *SPLITS):
            raise JudgeError(f"--split {split!r} is not one of {', '.join(SPLITS)}")
        self.pairs: Pairs = open_pairs(folder)
        self.split, self.chosen = choose(self.pairs, split)
        self.player: Player = open_player(model)
        self._heard: list[Heard] = []
        self._warnings: list[str] = []

    def __len__(self) -> int:
        return len(self.chosen)

    def __iter__(self) -> Iterator[Pair]:
        shown = set(np.linspace(0, len(self.chosen) - 1, SHOWN).round().astype(int).tolist())
        for number, pair in enumerate(self.chosen):
            self._measure(pair, number in shown)
            yield pair

    def _measure(self, pair: Pair, keep: bool) -> None:
        dry, wet = pair.load()
        made = self.player.play_pair(pair)
        try:
            figures = compare(dry, wet, made, self.pairs.sample_rate)
        except JudgeError as error:
            self._warnings.append(f"{pair.name} is not measured: {error}")
            return
        heard = Heard(pair.name, dict(pair.knobs), dry, wet, made, figures)
        if not keep:
            empty = np.zeros(0, np.float32)
            heard = replace(heard, dry=empty, wet=empty, made=empty)
        self._heard.append(heard)

    def judgement(self) -> Judgement:
        """What was measured; JudgeError if no pair could be."""
        if not self._heard:
            why = f"; {self._warnings[0]}" if self._warnings else ""
            raise JudgeError(f"{self.pairs.folder}: no pair could be measured{why}")
        return Judgement(
            model=self.player.name,
            architecture=self.player.architecture,
            pairs=str(self.pairs.folder),
            split=self.split,
            sample_rate=self.pairs.sample_rate,
            heard=tuple(self._heard),
            total=together([one.figures for one in self._heard]),
            alias_db=self._aliasing(self._heard[0].knobs),
            warnings=(*self._warnings, *self.player.warnings),
        )

    def _aliasing(self, knobs: dict[str, float]) -> float | None:
        rate = self.player.sample_rate
        try:
            return alias_level(lambda sine: self.player.play(sine, rate, knobs), rate)
        except JudgeError:
            return None


def choose(pairs: Pairs, split: str | None) -> tuple[str, Sequence[Pair]]:
    """The pairs of a split; where none is asked for those to test on, or else to validate on."""
    if split == "all":
        return split, pairs.pairs
    for name in (split,) if split else SPLITS[:2]:
        if found := pairs.split(name):
            return name, found
    there = sorted({pair.split for pair in pairs.pairs})
    wanted = f"of the split {split!r}" if split else "held out"
    raise JudgeError(f"{pairs.folder}: no pair is {wanted}; there are {', '.join(there)}")


__all__ = ["SPLITS", "Heard", "Judgement", "Judging", "choose"]
