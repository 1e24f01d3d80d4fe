"""Frames drawn to learn from: between two notes, through a random filter, a little out of tune.

Few instruments are known; those that are not sound between them, duller, brighter, nearer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.morph.grid import FLOOR_DB
from models.morph.live.material import KEPT_DB, STEP_DB, Frames

POINTS = 8
"""Cosines of a random filter, from one that tilts to one that waves 3.5 times."""


@dataclass(frozen=True)
class Chances:
    """How often each change is made, and how large it is."""

    mixed: float = 0.5
    tilted: float = 0.6
    detuned: float = 0.4
    tilt_db: float = 8.0  # standard deviation of the first cosine; the k-th has 1 / k of it
    softer_db: float = 6.0  # standard deviation, always down
    semitones: float = 1.25  # at most, up or down: pitches between those that are known, too


STILL = Chances(0.0, 0.0, 0.0)
"""Frames as they are."""


class Drawing:
    """Draws rows from frames: frames (rows, bins), 0 to 1, and their conditions."""

    def __init__(self, frames: Frames, kind: str, chances: Chances | None = None) -> None:
        self.chances, self.kind = chances or Chances(), kind
        self.levels = torch.from_numpy(frames.levels)
        self.owner = torch.from_numpy(frames.owner).long()
        self.conditions = torch.from_numpy(frames.conditions(kind))
        self.pitches = torch.from_numpy(frames.pitches).long()
        order = torch.argsort(self.pitches[self.owner], stable=True)
        counts = torch.bincount(self.pitches[self.owner], minlength=128)
        self.order, self.counts, self.first = order, counts, counts.cumsum(0) - counts
        cosines = torch.arange(1, POINTS + 1)[:, None] * torch.linspace(0.0, 1.0, frames.bins)
        shares = 1.0 / torch.arange(1, POINTS + 1)
        self.cosines = torch.cos(math.pi * cosines) * shares[:, None]

    def draw(self, rows: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """So many frames and conditions."""
        places = torch.randint(len(self.levels), (rows,), generator=chance)
        owners = self.owner[places]
        db, conditions = self._db(places), self.conditions[owners]
        if self._share(self.chances.mixed):
            db, conditions = self._mixed(db, conditions, owners, chance)
        if self._share(self.chances.detuned):
            db, conditions = self._detuned(db, conditions, owners, chance)
        if self._share(self.chances.tilted):
            db = self._tilted(db, chance)
        return unit(db), conditions

    def _db(self, places: Tensor) -> Tensor:
        return self.levels[places].float() * STEP_DB + KEPT_DB

    @staticmethod
    def _share(chance: float) -> bool:
        return chance > 0.0

    def _chosen(self, share: float, rows: int, chance: torch.Generator) -> Tensor:
        return torch.rand(rows, 1, generator=chance) < share

    def _mixed(
        self, db: Tensor, conditions: Tensor, owners: Tensor, chance: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Between two frames of one pitch: in dB (a morph) or, as often, their magnitudes."""
        rows = len(db)
        pitches = self.pitches[owners]
        inside = (torch.rand(rows, generator=chance) * self.counts[pitches]).long()
        others = self.order[self.first[pitches] + inside]
        other, alike = self._db(others), self.conditions[self.owner[others]]
        share = torch.rand(rows, 1, generator=chance)
        share = share * self._chosen(self.chances.mixed, rows, chance)
        both = torch.lerp(db, other, share)
        loud = 20.0 * torch.log10(torch.lerp(amplitude(db), amplitude(other), share))
        made = torch.where(self._chosen(0.5, rows, chance), both, loud)
        return made, torch.lerp(conditions, alike, share)

    def _detuned(
        self, db: Tensor, conditions: Tensor, owners: Tensor, chance: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Frequencies stretched; what a partial looks like hardly changes within a semitone."""
        rows, bins = db.shape
        most = self.chances.semitones
        semitones = (2.0 * torch.rand(rows, 1, generator=chance) - 1.0) * most
        semitones = semitones * self._chosen(self.chances.detuned, rows, chance)
        at = torch.arange(bins) * torch.exp2(-semitones / 12.0)
        below = at.floor().clamp(max=bins - 2.0)
        low = below.long()
        share = (at - below).clamp(0.0, 1.0)
        made = torch.lerp(db.gather(1, low), db.gather(1, low + 1), share)
        return made, bent(conditions, self.pitches[owners] + semitones[:, 0], self.kind)

    def _tilted(self, db: Tensor, chance: torch.Generator) -> Tensor:
        """Through a smooth filter, and softer; no louder than 0 dB."""
        rows = len(db)
        heights = torch.randn(rows, POINTS, generator=chance) * self.chances.tilt_db
        softer = torch.randn(rows, 1, generator=chance).abs() * self.chances.softer_db
        curve = heights @ self.cosines
        before = db.max(1, keepdim=True).values
        made = db + curve
        made = made + before - made.max(1, keepdim=True).values - softer
        return torch.where(self._chosen(self.chances.tilted, rows, chance), made, db)


def bent(conditions: Tensor, pitches: Tensor, kind: str) -> Tensor:
    """Conditions of other pitches (rows,): ``engine.morph.model.conditions_of`` for many."""
    p = pitches.clamp(0.0, 127.0)
    low = p.floor()
    share = p - low
    rows, made = torch.arange(len(p)), torch.zeros_like(conditions)
    made[:, -1] = conditions[:, -1]
    size = 128 if kind == "notes" else 12
    first, second = low.long() % size, (low.long() + 1) % size
    if kind == "notes":
        second = (low.long() + 1).clamp(max=127)
    made[rows, first] += 1.0 - share
    made[rows, second] += share
    if kind == "chroma":
        octaves = torch.lerp((low / 12).floor(), ((low + 1) / 12).floor(), share)
        made[:, 12], made[:, 13] = octaves / 10.0, p / 127.0
    return made


def amplitude(db: Tensor) -> Tensor:
    """Magnitudes of dB."""
    return torch.exp(db * (math.log(10.0) / 20.0))


def unit(db: Tensor) -> Tensor:
    """dB as networks see them: FLOOR_DB to 0 as 0 to 1, held to that."""
    return ((db - FLOOR_DB) / -FLOOR_DB).clamp(0.0, 1.0)


__all__ = ["STILL", "Chances", "Drawing", "amplitude", "bent", "unit"]
