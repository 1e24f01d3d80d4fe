"""What a tracker scores in a set."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from models.pulse.judging.announced import Announced, Times
from models.pulse.judging.excerpts import SECONDS, Excerpt
from models.pulse.judging.scores import (
    GOOD,
    Score,
    auroc,
    inside,
    locked_before,
    relock,
    score,
)

SOON_SECONDS = 4.0


@dataclass(frozen=True)
class Summary:
    """Means over a set's files but for ``lock``, seconds, medians; a lock that never came is 45.

    ``relock``, ``soon`` and ``gap`` are of sets in which something happens: the median and the
    share within 4 s of takes that were locked before, the share of all takes; and F in the
    silence, of those that were locked before.
    """

    files: int
    f: float
    f_emitted: float
    f_switched: float
    cmlt: float
    amlt: float
    good: float
    lock: float
    lock_switched: float
    auroc: float | None = None
    locked: float | None = None
    relock: float | None = None
    soon_of_locked: float | None = None
    soon_of_all: float | None = None
    gap: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """What there is to tell."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass
class Tally:
    """Collects the scores of one tracker in one set."""

    scores: list[Score] = field(default_factory=list)
    locked: list[bool] = field(default_factory=list)
    relocks: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)

    def add(self, excerpt: Excerpt, said: Announced) -> Score:
        """Measure what was said of ``excerpt``."""
        found = score(excerpt.beats, said)
        self.scores.append(found)
        if excerpt.span is not None:
            self.locked.append(locked_before(excerpt.beats, said.beats, excerpt.span[0]))
            if excerpt.set == "gap":
                self.gaps.append(inside(excerpt.beats, said.beats, excerpt.span))
            else:
                self.relocks.append(relock(excerpt.beats, said.beats, excerpt.span[0]))
        return found

    @classmethod
    def together(cls, tallies: Iterable[Tally]) -> Tally:
        """All files of some sets as if they were one."""
        made = cls()
        for tally in tallies:
            made.scores += tally.scores
            made.locked += tally.locked
            made.relocks += tally.relocks
            made.gaps += tally.gaps
        return made

    def summary(self) -> Summary:
        """All of it."""
        mean = self._mean
        sure = np.concatenate([one.sure for one in self.scores])
        confident = auroc(sure) if len(sure) else math.nan
        return Summary(
            files=len(self.scores),
            f=mean(lambda one: one.f),
            f_emitted=mean(lambda one: one.f_emitted),
            f_switched=mean(lambda one: one.f_switched),
            cmlt=mean(lambda one: one.cmlt),
            amlt=mean(lambda one: one.amlt),
            good=mean(lambda one: float(one.f >= GOOD)),
            lock=_median(one.lock for one in self.scores),
            lock_switched=_median(one.lock_switched for one in self.scores),
            auroc=None if math.isnan(confident) else confident,
            **self._happened(),
        )

    def _mean(self, of: Callable[[Score], float]) -> float:
        return float(np.mean([of(one) for one in self.scores]))

    def _happened(self) -> dict[str, Any]:
        if not self.locked:
            return {}
        before = np.array(self.locked)
        told: dict[str, Any] = {"locked": float(before.mean())}
        if self.gaps:
            kept = np.array(self.gaps)[before]
            return told | {"gap": float(kept.mean()) if len(kept) else 0.0}
        seconds = np.array(self.relocks)
        soon = seconds <= SOON_SECONDS
        return told | {
            "relock": _median(seconds[before]),
            "soon_of_locked": float(soon[before].mean()) if before.any() else 0.0,
            "soon_of_all": float((soon & before).mean()),
        }


def _median(seconds: Iterable[float]) -> float:
    """The middle one; what never came counts as a whole excerpt."""
    finite: Times = np.minimum(np.array(list(seconds), np.float64), SECONDS)
    return float(np.median(finite)) if len(finite) else SECONDS


__all__ = ["SOON_SECONDS", "Summary", "Tally"]
