"""The sets of excerpts: drummers and trios that nothing was trained on, each set one difficulty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import models
from models.pulse.errors import PulseError
from models.pulse.judging import grooves, loops, trios
from models.pulse.judging.excerpts import Excerpt

DATA = Path(models.__file__).resolve().parents[2] / "shared" / "data"

SETS: dict[str, Callable[[Path], list[Excerpt]]] = {
    "gmd": grooves.clicked,
    "warped": grooves.warped,
    "rubato": grooves.rubato,
    "step": partial(grooves.stepped, name="step", ratio=1.2),
    "step-down": partial(grooves.stepped, name="step-down", ratio=0.8),
    "gap": grooves.gapped,
    "trio": trios.trio,
    "real": loops.real,
}
ABOUT = {
    "gmd": "drummers as recorded, to a click (a frozen clock follows them: only reported)",
    "warped": "the same takes with the tempo of a jazz trio's recording",
    "rubato": "the same takes, tempo swinging smoothly by 22 %",
    "step": "the same takes, a fifth faster at 20 s",
    "step-down": "the same takes, a fifth slower at 20 s",
    "gap": "the same takes, drums silent for 8 beats at 20 s",
    "trio": "jazz trios from their annotated onsets: ride, bass, piano",
    "real": "recorded drum loops at the speed of a jazz trio's recording",
}
FREE = ("warped", "rubato", "trio", "real")
"""Sets whose tempo is a human's or moves: those that a follower is judged by."""


def excerpts(
    names: Sequence[str], data: Path | None = None, limit: int | None = None
) -> list[Excerpt]:
    """All excerpts of the sets called ``names``, at most ``limit`` a set; raises PulseError.

    ``data`` is the folder that holds ``drums/gmd``, ``drums/jtd`` and ``music/sonic-pi``.
    """
    unknown = [name for name in names if name not in SETS]
    if unknown:
        known = ", ".join(SETS)
        raise PulseError(f"no set of excerpts is called {unknown[0]!r}; there are {known}")
    found: list[Excerpt] = []
    for name in names:
        found += SETS[name](data or DATA)[:limit]
    return found


__all__ = ["ABOUT", "DATA", "FREE", "SETS", "excerpts"]
