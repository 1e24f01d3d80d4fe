"""Sound from exact magnitudes: Griffin-Lim, the fast one, descent on the samples."""

from __future__ import annotations

import torch

from engine.bench import Report
from models.bench.style.sources import RATE, excerpt
from models.bench.style.telling import say
from models.style.frames import Analysis
from models.style.phase import METHODS, ROUNDS, Row, table

MOST_DB, MOST_S = -30.0, 0.1
REPEATS = 3
SECONDS, COUNTS, PROMISED = 10.0, (10, 32, 100, 300), "fast Griffin-Lim"
SOUNDS = ("strings", "piano")


def run(report: Report) -> None:
    """Add rows of convergence, distance and cost; the promised method's at its own rounds."""
    analysis = Analysis.at(RATE)
    for name in SOUNDS:
        say(f"phase: {name}")
        sound = torch.from_numpy(excerpt(name, SECONDS).samples[0])
        for row in table(sound, analysis, COUNTS):
            _add(report, name, row)
        rows = [*table(sound, analysis, (ROUNDS,) * REPEATS, (PROMISED,))]
        row, cost = rows[0], min(row.seconds for row in rows) / SECONDS
        start = f"{name}: {row.method}, {row.rounds} rounds"
        report.add(f"{start}: convergence", row.convergence_db, "dB",
                   f"at most {MOST_DB:g}", row.convergence_db <= MOST_DB)  # fmt: skip
        report.add(f"{start}: cost", cost, "CPU s a second", f"at most {MOST_S:g}",
                   cost <= MOST_S)  # fmt: skip
    plain, _, paper, *_ = METHODS
    for name in SOUNDS:
        found = {(r.name, r.unit): r.value for r in report.rows if r.name.startswith(f"{name}: ")}
        for what in ("convergence", "log distance"):
            gain = found[f"{name}: {plain}, 100 rounds: {what}", "dB"]
            gain -= found[f"{name}: {paper}, 100 rounds: {what}", "dB"]
            report.add(f"{name}: the paper's claim, {what}: nearer than Griffin-Lim by", gain, "dB")


def _add(report: Report, name: str, row: Row) -> None:
    start = f"{name}: {row.method}, {row.rounds} rounds"
    report.add(f"{start}: convergence", row.convergence_db, "dB")
    report.add(f"{start}: log distance", row.distance_db, "dB")
    report.add(f"{start}: cost", row.seconds / SECONDS, "CPU s a second")


__all__ = ["run"]
