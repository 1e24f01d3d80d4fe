"""What a score tells: values, grades, and one number to rank checkpoints by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from models.sampler.score.limits import CRITERIA, LIMITS, LOW, worst


@dataclass(frozen=True)
class Scored:
    """The values of one sound against its source, by the names of ``LIMITS``."""

    values: dict[str, float]
    seconds: float
    """How long the sound is."""
    rate: int
    """At which both were compared."""
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def grades(self) -> dict[str, str]:
        """Of each criterion, "C1" to "C4": the worst of its values."""
        return {
            criterion: worst([self.value_grades[n] for n in self.names(criterion)])
            for criterion in CRITERIA
        }

    @cached_property
    def value_grades(self) -> dict[str, str]:
        """Of each value."""
        return {name: LIMITS[name].grade(value) for name, value in self.values.items()}

    @property
    def grade(self) -> str:
        """The worst of the criteria."""
        return worst(list(self.grades.values()))

    @property
    def passed(self) -> bool:
        """Whether nothing is Low."""
        return self.grade != LOW

    @cached_property
    def merit(self) -> float:
        """0 to 1, for ranking: what passes is above 1/2, what does not is below.

        Of each criterion its worst value counts (``Limit.merit``); of the four, half their mean
        and half their worst. Whatever fails is halved, so that no mean outweighs a Low.
        """
        of_each = [min(LIMITS[n].merit(self.values[n]) for n in self.names(c)) for c in CRITERIA]
        merit = 0.5 * min(of_each) + 0.5 * sum(of_each) / len(of_each)
        return merit if self.passed else 0.5 * merit

    @property
    def verdict(self) -> str:
        """Whether it passes, in words."""
        return "passes: nothing is Low" if self.passed else "does not pass: something is Low"

    def names(self, criterion: str) -> list[str]:
        """Of the values that make a criterion."""
        return [name for name in self.values if LIMITS[name].criterion == criterion]

    def as_json(self) -> dict[str, Any]:
        """Values, limits and grades, ready for ``json.dumps``."""
        return {
            "grade": self.grade,
            "passed": self.passed,
            "merit": round(self.merit, 4),
            "seconds": round(self.seconds, 3),
            "rate": self.rate,
            "criteria": {
                criterion: {
                    "about": about,
                    "grade": self.grades[criterion],
                    "values": {n: self._one(n) for n in self.names(criterion)},
                }
                for criterion, about in CRITERIA.items()
            },
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Scored:
        """What `as_json` told; the grades are by the limits of today."""
        values = {
            name: float(one["value"])
            for criterion in told["criteria"].values()
            for name, one in criterion["values"].items()
        }
        return cls(values, float(told["seconds"]), int(told["rate"]), tuple(told["notes"]))

    def _one(self, name: str) -> dict[str, Any]:
        limit = LIMITS[name]
        return {
            "value": round(self.values[name], 6),
            "high": limit.high,
            "medium": limit.medium,
            "unit": limit.unit,
            "grade": self.value_grades[name],
        }


__all__ = ["Scored"]
