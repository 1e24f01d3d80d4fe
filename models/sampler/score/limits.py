"""What is measured, in which unit, and from where on it is High, Medium or Low."""

from __future__ import annotations

from dataclasses import dataclass

HIGH, MEDIUM, LOW = "High", "Medium", "Low"
GRADES = (LOW, MEDIUM, HIGH)

CRITERIA = {
    "C1": "free of artefacts",
    "C2": "resembles the source",
    "C3": "is no literal copy",
    "C4": "is not stuck",
}
"""The first three are Pfalz's (2018, section 5.1), by ear; the fourth is ours."""


@dataclass(frozen=True)
class Limit:
    """One value: High up to ``high``, Medium up to ``medium``, Low beyond; both are inclusive.

    Where ``high`` is above ``medium`` more is better. Where both are equal there is no Medium.
    """

    name: str
    criterion: str
    high: float
    medium: float
    unit: str
    told: str

    @property
    def more_is_better(self) -> bool:
        return self.high > self.medium

    def bounds(self, more: str = ">=", less: str = "<=") -> tuple[str, str]:
        """From where on it is High and Medium, to be read; "" where there is no Medium."""
        sign = more if self.more_is_better else less
        medium = f"{sign} {self.medium:g}" if self.medium != self.high else ""
        return f"{sign} {self.high:g}", medium

    def grade(self, value: float) -> str:
        """High, Medium or Low; a value that is not a number is Low."""
        sign = -1.0 if self.more_is_better else 1.0
        if sign * value <= sign * self.high:
            return HIGH
        return MEDIUM if sign * value <= sign * self.medium else LOW

    def merit(self, value: float) -> float:
        """1 at best, 3/4 at the limit of High, 1/2 at that of Medium, towards 0 beyond."""
        if value != value:
            return 0.0
        if self.more_is_better:
            value, high, medium = 1 / max(value, 1e-9), 1 / self.high, 1 / self.medium
        else:
            value, high, medium = max(value, 0.0), self.high, self.medium
        if value <= high:
            return 1.0 - 0.25 * value / high
        if value <= medium:
            return 0.75 - 0.25 * (value - high) / (medium - high)
        return 0.5 * medium / value


LIMITS = {
    limit.name: limit
    for limit in (
        Limit("clicks", "C1", 0.5, 5.0, "/s", "clicks and cuts"),
        Limit("floor", "C1", 10.5, 18.0, "dB", "noise between the partials"),
        Limit("flat", "C1", 0.05, 0.15, "", "flatter spectrum"),
        Limit("seam", "C1", 2.0, 4.0, "x", "seams at a fixed period"),
        Limit("dc", "C1", 0.05, 0.2, "of RMS", "offset"),
        Limit("clip", "C1", 1e-4, 1e-2, "of time", "clipped"),
        Limit("fad", "C2", 2.0, 8.0, "", "timbre, Frechet distance"),
        Limit("pitch", "C2", 0.10, 0.30, "bit", "pitch classes"),
        Limit("ltas", "C2", 6.0, 10.0, "dB", "long-term spectrum"),
        Limit("near", "C2", 1.35, 2.6, "x", "to the nearest moment of it"),
        Limit("move", "C2", 0.42, 0.10, "x", "moves as much"),
        Limit("tone", "C2", 0.25, 0.25, "", "tones against noise"),
        Limit("copy", "C3", 0.9, 4.0, "s", "longest literal run"),
        Limit("cover", "C3", 0.35, 0.8, "of time", "literal in all"),
        Limit("wave", "C3", 1.0, 4.0, "s", "longest run of its waveform"),
        Limit("stuck", "C4", 0.25, 0.6, "of time", "repeats itself"),
    )
}
"""Names in the order of the tables. Limits from research calibrated on Pfalz's own examples."""


def worst(grades: list[str]) -> str:
    """The lowest of them."""
    return min(grades, key=GRADES.index)


__all__ = ["CRITERIA", "GRADES", "HIGH", "LIMITS", "LOW", "MEDIUM", "Limit", "worst"]
