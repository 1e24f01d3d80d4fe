"""What ``taraf train rhythm`` does: learn from many drummers, or go on with one's own takes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.rhythm import CARD, RhythmModel, open_rhythm
from models.pulse.errors import PulseError
from models.pulse.rhythm import judging, table
from models.pulse.rhythm.grid import STEPS_A_BEAT, Grid
from models.pulse.rhythm.hearing import Listener
from models.pulse.rhythm.material import WARM_UP
from models.pulse.rhythm.settings import Settings, Trained
from models.pulse.rhythm.strokes import SOUND, parted, strokes_of
from models.pulse.rhythm.training import fine_tune, history_lines, train
from models.pulse.rhythm.writing import as_model

OWN_BATCH, OWN_RATE, OWN_VALIDATION = 16, 5e-4, 20


@dataclass(frozen=True)
class Wanted:
    """What the command was asked for; ``steps`` of None trains for ``minutes``."""

    steps: int | None
    minutes: float
    seed: int = 1
    threads: int = 1
    folder: Path | None = None
    resume: bool = False
    style: str = ""

    def settings(self, **more: Any) -> Settings:
        """The settings of a training."""
        given = (self.minutes, self.steps)
        rest = {"seed": self.seed, "threads": self.threads, "folder": self.folder, **more}
        return Settings(*given, **rest)


def from_drummers(data: Path, wanted: Wanted, shown: bool = True) -> tuple[Trained, dict[str, Any]]:
    """Learn from the official training split without the held-out drummers; what a card tells."""
    takes = table.sets(data)
    trained = train(
        takes.learnt, takes.development, takes.styles, wanted.settings(), wanted.resume, shown
    )
    if wanted.folder is not None:
        history_lines(wanted.folder, trained)
    model = as_model(trained.network, trained.styles)
    said: dict[str, Any] = {
        "data": f"Groove MIDI Dataset 1.0.0 (CC BY 4.0): {len(takes.learnt)} grooves of the "
        "training split, drummers 4, 5, 9 and 10 held out",
        "steps": trained.steps,
        "seconds": round(trained.seconds),
        "development_bits": round(trained.bits, 3),
    }
    for name, grids in (("test", takes.official), ("held_out", takes.strangers)):
        said |= _figures(name, model, grids)
    return trained, said


def from_files(
    files: Sequence[Path], data: Path | None, model: str | None, wanted: Wanted, shown: bool = True
) -> tuple[Trained, dict[str, Any]]:
    """Go on from a model with a performer's own recordings; what a card tells.

    The last bars of each recording are not learnt from: by these it is chosen and judged, given
    all before them, and where it foretells them no better than before, the model stays as it was.
    """
    start = found_model(model)
    if wanted.resume:
        raise PulseError("resume: a training on files is short and is not resumed; leave it out")
    _check_style(wanted.style, start)
    listener = Listener()
    whole = [strokes_of(file, wanted.style, listener) for file in files]
    firsts = [parted(grid)[0] for grid in whole]
    own = [first for first in firsts if first.steps > WARM_UP]
    since = [first.steps for first in firsts]
    settings = wanted.settings(  # it is not resumed: no checkpoint takes the place of another's
        batch=OWN_BATCH, learning_rate=OWN_RATE, validate_every_steps=OWN_VALIDATION, folder=None
    )
    others = table.sets(data).learnt if data is not None else ()
    trained = fine_tune(start, own, others, whole, settings, shown, since)
    bars = sum(grid.steps / grid.bar for grid in own)
    before = judging.judge(whole, judging.of_model(start, whole), since)
    told = replace(as_model(trained.network, trained.styles), name="own")
    said: dict[str, Any] = {
        "data": f"{len(files)} recordings, {bars:.0f} bars, on top of {start.name}",
        **_heard(files, whole),
        "steps": trained.steps,
        "seconds": round(trained.seconds),
        "judged_on": "the last bars of each, which chose the network too: no test",
        "bits_before": round(before.bits, 3),
        "timing_ms_before": round(before.timing_ms, 2),
    }
    return trained, said | _figures("last_bars", told, whole, since)


def _heard(files: Sequence[Path], grids: Sequence[Grid]) -> dict[str, Any]:
    """What was found in recordings of sound: a performer sees at once if it was another beat."""
    told = [
        f"{file.name}: {grid.tempo_bpm:.0f} bpm, {grid.bar // STEPS_A_BEAT} beats a bar, "
        f"{int(grid.hits.sum())} strokes"
        for file, grid in zip(files, grids, strict=True)
        if file.suffix.lower() in SOUND
    ]
    return {"heard": "; ".join(told)} if told else {}


def found_model(name: str | None) -> RhythmModel:
    """A rhythm model by its folder, or by its name among the user's and taraf's own; ArtefactError.

    None is the one that comes with taraf.
    """
    from engine.library import user_models

    if name is None:
        return open_rhythm(table.zoo_model())
    places = [user_models() / name, table.zoo_model().parent / name]
    known = (
        [place for place in places if (place / CARD).is_file()] if Path(name).name == name else []
    )
    return open_rhythm((known or [Path(os.path.expanduser(name))])[0])


def _figures(
    name: str, model: RhythmModel, grids: Sequence[Grid], since: Sequence[int] = ()
) -> dict[str, Any]:
    found = judging.judge(grids, judging.of_model(model, grids), since)
    return {
        f"{name}_bits": round(found.bits, 3),
        f"{name}_hit_f1": round(found.hit_f1, 3),
        f"{name}_timing_ms": round(found.timing_ms, 2),
        f"{name}_velocity": round(found.velocity, 1),
    }


def _check_style(style: str, model: RhythmModel) -> None:
    if style and style not in model.styles:
        raise PulseError(f"style = {style}: the model knows {', '.join(model.styles)}")


__all__ = ["Wanted", "found_model", "from_drummers", "from_files"]
