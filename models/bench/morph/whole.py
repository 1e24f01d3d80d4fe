"""Whole notes as 512 numbers, the thesis's way: learnt once and kept, beside PCA.

Learnt from 88 instruments at every key, of which none shares a recording with the test's; measured
on the standard set's test instruments.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from engine.bench import Report
from models.bench.morph.sources import kept, recorded, rendered
from models.bench.morph.telling import say
from models.morph.notes import Note, Notes

CODE = 512
MOST_DB = 4.5
NAMES = {"ours": "512 numbers a note", "pca": "PCA 512"}
THREADS = 1  # two wait for each other more than they work where others do
WIDE = {"instruments": "wide", "pitches": "34-86", "velocities": "25,127"}
SHARE = {"ours": 1, "pca": 3}
"""Of so many notes one is learnt: principal components of whole notes need every pair of them."""
HEARD_AGAIN = 9
"""Of so many learnt notes one tells how near they come back."""


def run(report: Report, seconds: float) -> None:
    """Add rows of RMSE on whole notes of unseen instruments, and seconds of training."""
    notes, wide, real = rendered(), rendered(**WIDE), recorded()
    for name, told in NAMES.items():
        given = {"name": name, "settings": _settings(name).as_json(), "code": _code()}
        given |= {"notes": [WIDE, SHARE[name]]}
        learnt = list(wide.of("train"))[:: SHARE[name]]
        found = kept(f"whole-{name}", given, partial(learn, name, learnt, notes, real))
        rows(report, name, told, found)


def rows(report: Report, name: str, told: str, found: dict[str, Any]) -> None:
    """Rows of one row of the comparison."""
    unseen, ours = found["unseen"], name == "ours"
    value = unseen["rmse_db"]
    target = f"at most {MOST_DB:g} dB" if ours else ""
    report.add(f"whole notes, unseen, {told}: RMSE", value, "dB", target,
               value <= MOST_DB if ours else None)  # fmt: skip
    report.add(f"whole notes, unseen, {told}: convergence", unseen["convergence_db"], "dB")
    report.add(f"whole notes, learnt, {told}: RMSE", found["learnt"]["rmse_db"], "dB")
    if found.get("other"):
        report.add(f"whole notes, recorded, {told}: RMSE", found["other"]["rmse_db"], "dB")
    report.add(f"whole notes, {told}: training took", found["seconds"], "s")


def learn(
    name: str, learnt: Sequence[Note], notes: Notes, real: Notes | None, place: Path
) -> dict[str, Any]:
    """Train a row of the comparison and measure it on the test instruments of ``notes``."""
    from models.morph.seed import comparison
    from models.morph.seed.material import arrays_of
    from models.morph.seed.training import train_seed

    say(f"whole: learning {name} from {len(learnt)} notes, in {place}")
    heard, valid, test = (arrays_of(part) for part in (learnt, notes.of("valid"), notes.of("test")))
    other = arrays_of(real) if real is not None else None
    began = time.monotonic()
    trained = train_seed(heard, _settings(name), None, valid=valid)
    taken = {"seconds": round(time.monotonic() - began, 1)}  # with what is fitted before it learns
    again = heard.at(range(0, len(heard), HEARD_AGAIN))
    return comparison.measured(name, trained, again, test, other).as_json() | taken


def _settings(name: str) -> Any:
    from models.morph.seed import comparison
    from models.morph.seed.settings import Settings

    return comparison.plain(Settings(code=CODE, threads=THREADS), name)


def _code() -> str:
    """The programs that decide what comes of a training."""
    import hashlib

    import models.morph.seed as seed

    key = hashlib.sha256()
    for path in sorted(Path(seed.__file__).parent.rglob("*.py")):
        if "report" not in path.parts:
            key.update(path.read_bytes())
    return key.hexdigest()[:16]


__all__ = ["learn", "rows", "run"]
