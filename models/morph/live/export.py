"""A trained network as a morph that plays, with the paths of the notes it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from engine.morph.errors import MorphError
from engine.morph.grid import FLOOR_DB, Array, from_db, from_unit, magnitudes, to_db, to_unit
from engine.morph.model import MorphModel, Note, conditions_of
from models.morph.live.material import Readable
from models.morph.live.network import MorphNetwork
from models.morph.live.places import envelope_db, places_of
from models.morph.live.settings import Job

CORRECTED_DB = 6.0
"""Decoded frames are made at most so much louder or softer, to be as loud as the note was."""


def exported(
    network: MorphNetwork, job: Job, notes: Sequence[Readable] = (),
    trained: dict[str, Any] | None = None,
    told: Callable[[int, int], None] = lambda done, all_: None,
) -> MorphModel:  # fmt: skip
    """The model; notes without sound are left out."""
    encoder, decoder = network.exported()
    paths = []
    for done, note in enumerate(notes):
        told(done, len(notes))
        sound = note.sound()
        if sound.any():
            paths.append(path_of(network, job, note, sound))
    kept = job.as_json() | (trained or {})
    model = MorphModel(
        job.frame_grid, job.latents, job.conditions, encoder, decoder, tuple(paths), job=kept
    )
    model.check()
    return model


@torch.no_grad()  # type: ignore[untyped-decorator]
def path_of(network: MorphNetwork, job: Job, note: Readable, sound: Array) -> Note:
    """A note as its latents, one byte each. MorphError where it is silent."""
    found = magnitudes(sound, job.frame_grid)
    if not found.any():
        raise MorphError(f"{note.name}: is silent; a note that sounds is wanted")
    levels, reference = to_db(found)
    device = next(network.parameters()).device
    given = torch.from_numpy(to_unit(levels)).to(device)
    conditions = torch.from_numpy(conditions_of(note.pitch, note.velocity, job.conditions))
    rows = conditions.to(device).expand(len(given), -1)
    latents = torch.round(network.encode(given, rows) * 255.0)
    made = from_unit(network.decode(latents / 255.0, rows).cpu().numpy())
    codes = latents.cpu().numpy().astype(np.uint8)
    envelope = envelope_db(from_db(levels))
    places = places_of(envelope, codes / np.float32(255.0), job.frame_grid)
    missing = envelope - envelope_db(from_db(made))
    gain = np.clip(missing, -CORRECTED_DB, CORRECTED_DB) + reference
    gain[levels.max(1) <= FLOOR_DB] = FLOOR_DB + reference
    kept = slice(0, places.frames)
    return Note(
        note.name, note.family, int(note.pitch), int(note.velocity), codes[kept],
        gain[kept].astype(np.float16), places.attack, places.loop_start, places.loop_end,
        places.release,
    )  # fmt: skip


def chosen(notes: Sequence[Readable], each: int, velocity: int = 100) -> list[Readable]:
    """Of every instrument at most ``each`` notes: pitches spread evenly, one velocity, the nearest
    to ``velocity``."""
    of: dict[str, list[Readable]] = {}
    for note in notes:
        of.setdefault(note.instrument, []).append(note)
    kept: list[Readable] = []
    for own in of.values():
        nearest = min((abs(note.velocity - velocity), note.velocity) for note in own)[1]
        row = sorted((n for n in own if n.velocity == nearest), key=lambda note: note.pitch)
        places = np.unique(np.linspace(0, len(row) - 1, min(each, len(row))).round().astype(int))
        kept += [row[place] for place in places]
    return kept


__all__ = ["chosen", "exported", "path_of"]
