"""The next-frame table of the bench: small trainings, about four minutes of one core."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.bench import Row
from models.pulse.takes import groove

if TYPE_CHECKING:
    from engine.bench import Report
    from models.pulse.paper.study import Findings

REFERENCE_TARGET = 1e-6
RENDERED_S = 1800.0
SEEDS = 100
EPOCHS = {"lstm": 5, "clockwork": 10, "lstm-stateful": 24, "clockwork-stateful": 50}
"""About as long each: 30 to 50 s of a core that has nothing else to do."""


def rows(
    data: Path, seconds: float = 600.0, representation: str = "peaks", style: str = "jazz"
) -> list[Row]:
    """The next-frame table on drummers that nothing was learnt from; raises PulseError.

    ``data`` holds gmd/. Epochs are fixed, so that the figures are the same on every machine that
    is done with them in ``seconds``; an idle core needs a third of that. Targets: networks
    within 1e-6 of the literal reference, the best below the best n-gram in bits, none dead.
    """
    return figures(findings(data, seconds, representation, style))


def fill(report: Report, data: Path, seconds: float = 600.0) -> None:
    """Add ``rows`` to a report of the bench, rounded as all of its rows are."""
    for row in rows(data, seconds):
        report.add(row.name, row.value, row.unit, row.target, row.holds)


def findings(data: Path, seconds: float, representation: str, style: str) -> Findings:
    """The study that the rows are drawn from; only takes of other drummers are learnt from."""
    from models.pulse.paper.material import from_takes
    from models.pulse.paper.study import Findings, Order, Study
    from models.pulse.paper.symbols import representation as known
    from models.pulse.paper.training import PLANS, Training

    takes = [take for take in groove(data / "gmd") if take.style == style and not take.fill]
    study = Study(from_takes(takes, RENDERED_S), Order(known(representation), seeds=SEEDS))
    made, part = study.baselines(), seconds / len(EPOCHS)
    for name, epochs in EPOCHS.items():
        row = study.trained(PLANS[name], Training(epochs=epochs, seconds=part, patience=epochs))
        made += [row] if row else []
    counted = {name: sum(map(len, parts)) for name, parts in study.parts.by_name.items()}
    return Findings(study.order.kind, counted, tuple(made), {}, False)


def figures(found: Findings) -> list[Row]:
    """The rows of the bench that a study gives."""
    by_name = {row.name: row for row in found.rows}
    majority = by_name["majority"].score.accuracy
    counted = min(by_name[name].score.bits for name in by_name if name.endswith("-gram"))
    made: list[Row] = []
    for row in found.rows:
        made.append(Row(f"next frame, {row.name}: accuracy", row.score.accuracy, "of 1"))
        made.append(Row(f"next frame, {row.name}: bits", row.score.bits, "bits a frame"))
        made.append(Row(f"next frame, {row.name}: onset F1", row.score.onset_f1_best, "of 1"))
        if row.reference is None or row.sampled is None or row.argmax is None:
            continue
        off = row.reference
        target = f"at most {REFERENCE_TARGET:g}"
        name = f"{row.name}: off the literal reference"
        made.append(Row(name, off, "probability", target, off <= REFERENCE_TARGET))
        gone = row.sampled.dead + row.sampled.stuck
        name = f"{row.name}: dead or stuck, sampled"
        made.append(Row(name, gone, "of 1", "under 0.02", gone < 0.02))
        lost = row.argmax.dead + row.argmax.stuck
        made.append(Row(f"{row.name}: dead or stuck, likeliest", lost, "of 1"))
        ratio = row.sampled.density / max(row.sampled.true_density, 1e-9)
        made.append(Row(f"{row.name}: onsets of output to drummers'", ratio, "ratio"))
    networks = [row.score for row in found.rows if row.reference is not None]
    if networks:
        best = min(networks, key=lambda one: one.bits)
        target = f"below the best n-gram's {counted:.3f}"
        name = "next frame, best network: bits"
        made.append(Row(name, best.bits, "bits a frame", target, best.bits < counted))
        over = 100.0 * (best.accuracy - majority)
        made.append(Row("next frame, best network: accuracy over majority", over, "points"))
    return made


__all__ = ["figures", "fill", "findings", "rows"]
