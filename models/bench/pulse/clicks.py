"""How late, and how unsteadily, a beat is announced: clicks at known times."""

from __future__ import annotations

from engine.bench import Report
from models.bench.pulse.ahead import AHEAD_MS, told_ahead
from models.pulse.judging.clicks import TEMPOS, Timing, clicks, timing
from models.pulse.judging.excerpts import RATE

MOST_MS, MOST_SPREAD_MS, LEAST_F = 5.0, 3.0, 0.95


def run(report: Report, seconds: float) -> None:
    """Add rows for two tempos, told at the beat and ahead of it as a live taraf does."""
    for ahead_ms in (0.0, AHEAD_MS):
        when = f"told {ahead_ms:g} ms ahead" if ahead_ms else "told at the beat"
        for tempo in TEMPOS:
            sound, times = clicks(tempo)
            found = timing(times, told_ahead(sound, RATE, ahead_ms), ahead_ms)
            _rows(report, f"click of {tempo:g} BPM, {when}", found)


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
