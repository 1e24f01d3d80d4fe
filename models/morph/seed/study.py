"""The thesis's five questions, asked of one set of notes; `report` writes the answers as a page.

The figures are in study.json, the sounds in sounds/, the trainings each in a folder of its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.morph.errors import MorphError
from engine.whole import write_whole
from models.morph.seed import checkpoint
from models.morph.seed.answers import PAIRS, activation, interpolation, phases, scales
from models.morph.seed.comparison import USUAL, Row, table
from models.morph.seed.material import NoteArrays, held_out
from models.morph.seed.reconstruction import Reconstructor
from models.morph.seed.settings import Settings, Stop, never

STUDY, SOUNDS = "study.json", "sounds"
EXAMPLES = 12
"""Notes of unheard instruments that phases and scales are tried on."""
PREFERRED = ("ours", "thesis", "pca")


@dataclass(frozen=True)
class Study:
    """What was found: the rows of the table, and the figures of questions 2 to 5."""

    rows: list[Row]
    answers: dict[str, Any]
    folder: Path

    def as_json(self) -> dict[str, Any]:
        """The figures for --json."""
        return {"rows": [row.as_json() for row in self.rows], **self.answers}


def study(
    notes: NoteArrays, settings: Settings, folder: Path, *, valid: NoteArrays | None = None,
    test: NoteArrays | None = None, other: NoteArrays | None = None,
    names: Sequence[str] = USUAL,
    told: Callable[[str, Any], None] | None = None, stop: Stop = never, polish: int = 0,
    most: int = PAIRS,
) -> Study:  # fmt: skip
    """Train what is compared, ask all five questions, write study.json and the sounds.

    ``most`` pairs of notes are interpolated; the rest is as `comparison.table` has it.
    """
    if (folder / STUDY).exists():
        raise MorphError(f"{folder}: holds a study; another name keeps both")
    if test is None:
        notes, test = held_out(notes, settings.held_out, settings.seed)
    given: dict[str, Any] = {"valid": valid, "test": test, "other": other}
    given |= {"names": names, "told": told}
    rows = table(notes, settings, folder, **given, stop=stop, polish=polish)
    done = [row.name for row in rows]
    best = next((name for name in PREFERRED if name in done), done[0])
    made = Reconstructor.opened(folder / best)
    some = test.at(np.linspace(0, len(test) - 1, min(EXAMPLES, len(test))).astype(int))
    place = folder / SOUNDS
    answers: dict[str, Any] = {"network": best, "notes": len(notes), "test": len(test)}
    answers["scales"] = scales(some, settings.transform, place)
    answers["phases"] = phases(made, some, place)
    answers["interpolation"] = interpolation(made, test, place, most)
    answers["activation"] = activation(made, notes, place)
    found = Study(rows, answers, folder)
    write_whole(folder / STUDY, (json.dumps(found.as_json(), indent=2) + "\n").encode())
    return found


def history(folder: Path, name: str) -> list[dict[str, Any]]:
    """The epochs of one training of a study; none where it left none."""
    path = folder / name / checkpoint.HISTORY
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read_study(folder: Path) -> dict[str, Any]:
    """The figures that `study` wrote; MorphError in one line."""
    path = folder / STUDY
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MorphError(f"{path}: {error.strerror or error}") from None
    except ValueError:
        raise MorphError(f"{path}: is not the figures of a study") from None
    if not isinstance(found, dict) or not {"rows", "interpolation", "phases"} <= set(found):
        raise MorphError(f"{path}: is not the figures of a study")
    return found


__all__ = ["EXAMPLES", "SOUNDS", "STUDY", "Study", "history", "read_study", "study"]
