"""How late, and how unsteadily, a beat is announced: clicks at known times."""

from __future__ import annotations

from engine.bench import Report
from models.bench.pulse.ahead import AHEAD_MS, told_ahead
from models.pulse.judging.announced import follower
from models.pulse.judging.clicks import TEMPOS, Timing, clicks, timing
from models.pulse.judging.excerpts import RATE

MOST_MS, MOST_SPREAD_MS, LEAST_F = 5.0, 3.0, 0.95


def run(report: Report, seconds: float) -> None:
    """Add rows for two tempos, announced at the beat and as a live taraf tells it ahead."""
    at_once = follower()
    for tempo in TEMPOS:
        sound, times = clicks(tempo)
        found = timing(times, at_once(sound, RATE))
        _rows(report, f"click of {tempo:g} BPM, announced at the beat", found)
    for tempo in TEMPOS:
        sound, times = clicks(tempo)
        found = timing(times, told_ahead(sound, RATE), AHEAD_MS)
        _rows(report, f"click of {tempo:g} BPM, told {AHEAD_MS:g} ms ahead", found)


def _rows(report: Report, name: str, found: Timing) -> None:
    report.add(f"{name}: emission error, median", found.emitted, "ms", f"at most {MOST_MS:g} ms",
               abs(found.emitted) <= MOST_MS)  # fmt: skip
    report.add(f"{name}: emission error, spread", found.emitted_spread, "ms",
               f"at most {MOST_SPREAD_MS:g} ms",
               found.emitted_spread <= MOST_SPREAD_MS)  # fmt: skip
    report.add(f"{name}: asserted time, median", found.asserted, "ms", f"at most {MOST_MS:g} ms",
               abs(found.asserted) <= MOST_MS)  # fmt: skip
    report.add(f"{name}: asserted time, spread", found.asserted_spread, "ms")
    report.add(f"{name}: from announcement to beat", found.lead, "ms")
    report.add(f"{name}: F", found.f, "", f"at least {LEAST_F:g}", found.f >= LEAST_F)


__all__ = ["run"]
