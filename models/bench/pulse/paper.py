"""Next-frame prediction: what was published, beside what a glance at the last frame gives."""

from __future__ import annotations

from engine.bench import Report


def run(report: Report, seconds: float) -> None:
    """Add the rows of that study."""
    from models.pulse.judging.sets import DATA
    from models.pulse.paper.table import fill

    fill(report, DATA / "drums")


__all__ = ["run"]
