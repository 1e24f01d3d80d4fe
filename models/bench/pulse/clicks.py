"""How late, and how unsteadily, a beat is announced: clicks at known times."""

from __future__ import annotations

from engine.bench import Report
from engine.control.pulse import LOOK_SECONDS
from models.bench.pulse.ahead import AHEAD_MS, told_ahead
from models.pulse.judging.announced import follower
from models.pulse.judging.clicks import TEMPOS, Timing, clicks, timing
from models.pulse.judging.excerpts import RATE

MOST_MS, MOST_SPREAD_MS, LEAST_F = 5.0, 3.0, 0.95
LOOK_MS = 1000.0 * LOOK_SECONDS
"""What is told ahead is told so much late at most, since nobody looks more often."""


def run(report: Report, seconds: float) -> None:
    """Add rows for two tempos, announced at the beat and as a live taraf tells it ahead."""
    at_once = follower()
    for tempo in TEMPOS:
        sound, times = clicks(tempo)
        found = timing(times, at_once(sound, RATE))
        _rows(report, f"click of {tempo:g} BPM, announced at the beat", found, 0.0)
    for tempo in TEMPOS:
        sound, times = clicks(tempo)
        found = timing(times, told_ahead(sound, RATE), AHEAD_MS)
        _rows(report, f"click of {tempo:g} BPM, told {AHEAD_MS:g} ms ahead", found, LOOK_MS)


def _rows(report: Report, name: str, found: Timing, look_ms: float) -> None:
    most, spread = MOST_MS + look_ms, MOST_SPREAD_MS + look_ms / 2.0
    report.add(f"{name}: emission error, median", found.emitted, "ms", f"at most {most:g} ms",
               abs(found.emitted) <= most)  # fmt: skip
    report.add(f"{name}: emission error, spread", found.emitted_spread, "ms",
               f"at most {spread:g} ms", found.emitted_spread <= spread)  # fmt: skip
    report.add(f"{name}: asserted time, median", found.asserted, "ms", f"at most {MOST_MS:g} ms",
               abs(found.asserted) <= MOST_MS)  # fmt: skip
    report.add(f"{name}: asserted time, spread", found.asserted_spread, "ms")
    report.add(f"{name}: from announcement to beat", found.lead, "ms")
    report.add(f"{name}: F", found.f, "", f"at least {LEAST_F:g}", found.f >= LEAST_F)


__all__ = ["run"]
