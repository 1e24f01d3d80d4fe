"""How late, and how unsteadily, a beat is announced: clicks at known times."""

from __future__ import annotations

from engine.bench import Report
from models.pulse.judging.announced import follower
from models.pulse.judging.clicks import TEMPOS, clicks, timing
from models.pulse.judging.excerpts import RATE

AHEAD_MS = 100.0
MOST_MS, MOST_SPREAD_MS = 5.0, 3.0


def run(report: Report, seconds: float) -> None:
    """Add rows for two tempos, announced at the beat and 100 ms before it."""
    for ahead_ms in (0.0, AHEAD_MS):
        track = follower(ahead_ms)
        when = f"announced {ahead_ms:g} ms ahead" if ahead_ms else "announced at the beat"
        for tempo in TEMPOS:
            sound, times = clicks(tempo)
            found = timing(times, track(sound, RATE), ahead_ms)
            name = f"click of {tempo:g} BPM, {when}"
            report.add(f"{name}: emission error, median", found.emitted, "ms",
                       f"at most {MOST_MS:g} ms", abs(found.emitted) <= MOST_MS)  # fmt: skip
            report.add(f"{name}: emission error, spread", found.emitted_spread, "ms",
                       f"at most {MOST_SPREAD_MS:g} ms",
                       found.emitted_spread <= MOST_SPREAD_MS)  # fmt: skip
            report.add(f"{name}: asserted time, median", found.asserted, "ms")
            report.add(f"{name}: asserted time, spread", found.asserted_spread, "ms")
            report.add(f"{name}: from announcement to beat", found.lead, "ms")
            report.add(f"{name}: F", found.f, "")


__all__ = ["run"]
