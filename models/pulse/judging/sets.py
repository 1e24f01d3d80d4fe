"""The sets of excerpts, each one difficulty: to judge a follower by, and to work on one with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import models
from models.pulse.errors import PulseError
from models.pulse.judging import grooves, loops, trios
from models.pulse.judging.cast import Cast, development, unheard
from models.pulse.judging.excerpts import Excerpt

DATA = Path(models.__file__).resolve().parents[2] / "shared" / "data"

GROOVES: dict[str, Callable[[Cast], list[Excerpt]]] = {
    "gmd": grooves.clicked,
    "warped": grooves.warped,
    "rubato": grooves.rubato,
    "step": partial(grooves.stepped, name="step", ratio=1.2),
    "step-down": partial(grooves.stepped, name="step-down", ratio=0.8),
    "gap": grooves.gapped,
    "trio": trios.trio,
}
SETS = (*GROOVES, "real")
"""All that there are; no recorded loops are set apart to work with, so ``real`` is judged only."""
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
DEVELOPED = ("warped", "rubato", "trio")
"""Those of them that there are to work with."""


def excerpts(
    names: Sequence[str], data: Path | None = None, limit: int | None = None
) -> list[Excerpt]:
    """All excerpts of the sets called ``names``, at most ``limit`` a set; raises PulseError.

    ``data`` is the folder that holds ``drums/gmd``, ``drums/jtd`` and ``music/sonic-pi``.
    """
    _check(names, SETS)
    data = data or DATA
    cast = unheard(data)
    found: list[Excerpt] = []
    for name in names:
        found += (loops.real(cast, data) if name == "real" else GROOVES[name](cast))[:limit]
    return found


def development_excerpts(
    names: Sequence[str], data: Path | None = None, limit: int | None = None
) -> list[Excerpt]:
    """The same of those that networks are chosen by: to work on a follower with."""
    _check(names, GROOVES)
    cast = development(data or DATA)
    return [one for name in names for one in GROOVES[name](cast)[:limit]]


def _check(names: Sequence[str], known: Collection[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        told = ", ".join(known)
        raise PulseError(f"no set of excerpts is called {unknown[0]!r}; there are {told}")


__all__ = ["ABOUT", "DATA", "DEVELOPED", "FREE", "GROOVES", "SETS", "development_excerpts",
           "excerpts"]  # fmt: skip
