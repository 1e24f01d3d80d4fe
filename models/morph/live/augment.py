"""Frames drawn to learn from: between two notes, a little out of tune, each partial louder or
softer than it was, through a random filter.

Few instruments are known; those that are not sound between them, have other partials, are duller,
brighter, nearer.
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
TEETH = 8.0
"""The partial from which on gains of single partials shrink."""
MIDDLE = 0.02, 0.98  # of shares that are parted
EDGE = 0.3
"""Of the way between two partials, where the gain of the first one ends."""
LOWEST_HZ = 20.0


@dataclass(frozen=True)
class Chances:
    """How often each change is made, and how large it is."""

    mixed: float = 0.5
    tilted: float = 0.6
    detuned: float = 0.4
    tilt_db: float = 8.0  # standard deviation of the first cosine; the k-th has 1 / k of it
    softer_db: float = 6.0  # standard deviation, always down
    parted: float = 6.0  # as tilt_db, of how much more there is of the other at some frequencies
    toothed: float = 0.5
    tooth_db: float = 4.0  # standard deviation of a low partial's gain
    semitones: float = 1.25  # at most, up or down: pitches between those that are known, too


STILL = Chances(mixed=0.0, tilted=0.0, detuned=0.0, toothed=0.0)
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
        self.hertz = torch.from_numpy(frames.hertz)
        self.teeth = 1.0 / (1.0 + torch.arange(2 + int(frames.rate / 2 / LOWEST_HZ)) / TEETH).sqrt()

    def draw(self, rows: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        """So many frames and conditions."""
        places = torch.randint(len(self.levels), (rows,), generator=chance)
        owners = self.owner[places]
        db, conditions = self._db(places), self.conditions[owners]
        pitches = self.pitches[owners].float()
        if self.chances.mixed > 0.0:
            db, conditions = self._mixed(db, conditions, places, chance)
        if self.chances.detuned > 0.0:
            by = self._semitones(rows, chance)
            db, conditions, pitches = self._detuned(db, conditions, pitches, by)
        if self.chances.toothed > 0.0:
            db = self._toothed(db, pitches, chance)
        if self.chances.tilted > 0.0:
            db = self._tilted(db, chance)
        return unit(db), conditions

    def _db(self, places: Tensor) -> Tensor:
        return self.levels[places].float() * STEP_DB + KEPT_DB

    def _chosen(self, share: float, rows: int, chance: torch.Generator) -> Tensor:
        return torch.rand(rows, 1, generator=chance) < share

    def _other(self, places: Tensor, chance: torch.Generator) -> Tensor:
        """Frames of the same pitches (rows,)."""
        pitches = self.pitches[self.owner[places]]
        inside = (torch.rand(len(places), generator=chance) * self.counts[pitches]).long()
        return self.order[self.first[pitches] + inside]

    def _semitones(self, rows: int, chance: torch.Generator) -> Tensor:
        found = (2.0 * torch.rand(rows, 1, generator=chance) - 1.0) * self.chances.semitones
        return found * self._chosen(self.chances.detuned, rows, chance)

    def _mixed(
        self, db: Tensor, conditions: Tensor, places: Tensor, chance: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Between two frames of one pitch: in dB (a morph) or, as often, their magnitudes; half of
        them nearer to one here and to the other there."""
        rows, others = len(db), self._other(places, chance)
        other, alike = self._db(others), self.conditions[self.owner[others]]
        share = torch.rand(rows, 1, generator=chance)
        mixed = self._chosen(self.chances.mixed, rows, chance).float()
        parted = torch.randn(rows, POINTS, generator=chance) * self.chances.parted
        parted = (parted @ self.cosines) * self._chosen(0.5, rows, chance)
        shares = torch.sigmoid(torch.logit(share.clamp(*MIDDLE)) + parted) * mixed
        both = torch.lerp(db, other, shares)
        loud = 20.0 * torch.log10(torch.lerp(amplitude(db), amplitude(other), shares))
        made = torch.where(self._chosen(0.5, rows, chance), both, loud)
        return made, torch.lerp(conditions, alike, share * mixed)

    def _detuned(
        self, db: Tensor, conditions: Tensor, pitches: Tensor, semitones: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Frequencies stretched; what a partial looks like hardly changes within a semitone."""
        bins = db.shape[1]
        at = torch.arange(bins) * torch.exp2(-semitones / 12.0)
        below = at.floor().clamp(max=bins - 2.0)
        low = below.long()
        share = (at - below).clamp(0.0, 1.0)
        made = torch.lerp(db.gather(1, low), db.gather(1, low + 1), share)
        pitches = pitches + semitones[:, 0]
        return made, bent(conditions, pitches, self.kind), pitches

    def _toothed(self, db: Tensor, pitches: Tensor, chance: torch.Generator) -> Tensor:
        """Each partial of the pitch louder or softer by chance, the low ones more."""
        rows = len(db)
        root = (440.0 * torch.exp2((pitches - 69.0) / 12.0)).clamp(min=LOWEST_HZ)
        at = self.hertz / root[:, None]
        below = at.floor()
        share = ((at - below - EDGE) / (1.0 - 2.0 * EDGE)).clamp(0.0, 1.0)
        gains = torch.randn(rows, len(self.teeth), generator=chance)
        gains = gains * self.teeth * self.chances.tooth_db
        gains = gains * self._chosen(self.chances.toothed, rows, chance)
        low = below.long()
        made = db + torch.lerp(gains.gather(1, low), gains.gather(1, low + 1), share)
        return made + db.amax(1, keepdim=True) - made.amax(1, keepdim=True)

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
