"""A trained network as a morph that plays, with the paths of the notes it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.morph.model import MorphModel
from models.morph.live.material import Readable
from models.morph.live.nearest import ROUNDS
from models.morph.live.network import MorphNetwork
from models.morph.live.settings import Job
from models.morph.live.stored import stored


def exported(
    network: MorphNetwork, job: Job, notes: Sequence[Readable] = (),
    trained: dict[str, Any] | None = None,
    told: Callable[[int, int], None] = lambda done, all_: None, rounds: int = ROUNDS,
) -> MorphModel:  # fmt: skip
    """The model; notes without sound are left out. ``rounds`` as models.morph.live.nearest."""
    encoder, decoder = network.exported()
    kept = job.as_json() | (trained or {})
    model = MorphModel(job.frame_grid, job.latents, job.conditions, encoder, decoder, job=kept)
    paths, known = [], titles(notes)
    for done, note in enumerate(notes):
        told(done, len(notes))
        sound = note.sound()
        if sound.any():
            path = stored(model, note, sound, rounds)
            paths.append(replace(path, name=f"{known[note.instrument]}{ending(note)}"))
    model = replace(model, notes=tuple(paths))
    model.check()
    return model


def titles(notes: Sequence[Readable]) -> dict[str, str]:
    """What players are told for each instrument: its title, or its own name if two have one."""
    of: dict[str, set[str]] = {}
    for note in notes:
        of.setdefault(note.title, set()).add(note.instrument)
    return {
        note.instrument: note.title if note.title and len(of[note.title]) == 1 else note.instrument
        for note in notes
    }


def ending(note: Readable) -> str:
    """Pitch and velocity, as NSynth ends its notes' names."""
    return f"-{note.pitch:03}-{note.velocity:03}"


def chosen(notes: Sequence[Readable], each: int, velocity: int = 100) -> list[Readable]:
    """Of every instrument at most ``each`` notes: pitches in the middle of as many parts of its
    range, one velocity, the nearest to ``velocity``."""
    of: dict[str, list[Readable]] = {}
    for note in notes:
        of.setdefault(note.instrument, []).append(note)
    kept: list[Readable] = []
    for own in of.values():
        nearest = min((abs(note.velocity - velocity), note.velocity) for note in own)[1]
        row = sorted((n for n in own if n.velocity == nearest), key=lambda note: note.pitch)
        count = min(each, len(row))
        places = ((np.arange(count) + 0.5) * len(row) / count).astype(int)
        kept += [row[place] for place in places]
    return kept


__all__ = ["chosen", "exported"]
