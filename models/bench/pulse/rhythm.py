"""Generated rhythm against what held-out drummers play."""

from __future__ import annotations

from engine.bench import Report


def run(report: Report, seconds: float) -> None:
    """Add the rows of that study."""
    from models.pulse.rhythm.table import rows

    rows(report)


__all__ = ["run"]
