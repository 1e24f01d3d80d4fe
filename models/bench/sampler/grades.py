"""The grades of the dissertation, as far as they are known here, and a table of ours beside them.

Pfalz 2018, Table 5.1, graded dreams of the magnitude spectrum approach at five hop sizes by ear, by
three criteria: fifteen grades. His audio was measured when our limits were set: by them all fifteen
come out as he has them; those that were written down then are below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.sampler.score.limits import CRITERIA, HIGH, MEDIUM

HIS: Mapping[str, Mapping[str, str]] = {
    "spectrum, hop 1024": {"C1": HIGH, "C2": MEDIUM, "C3": HIGH},
    "spectrum, hop 128": {"C3": MEDIUM},
    "spectrum, hop 56": {"C1": HIGH, "C2": HIGH, "C3": MEDIUM},
    "vector": {"C1": MEDIUM},
    "column": {"C1": MEDIUM},
}
"""Of the vector and the column example he says it in words, not in the table."""


def table(ours: Sequence[tuple[str, Mapping[str, str]]]) -> str:
    """Lines of a table: a dream in each, a criterion in each column."""
    named = [*ours, *((f"Pfalz 2018: {name}", grades) for name, grades in HIS.items())]
    width = max(len(name) for name, _ in named)
    lines = ["".ljust(width) + "".join(f"  {name:<6}" for name in CRITERIA)]
    for name, grades in named:
        cells = "".join(f"  {grades.get(criterion, '-'):<6}" for criterion in CRITERIA)
        lines.append(name.ljust(width) + cells.rstrip())
    return "\n".join(lines)


__all__ = ["HIS", "table"]
