"""A trained network as a morph that plays, with the paths of the notes it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.morph.errors import MorphError
from engine.morph.grid import FLOOR_DB, Array, from_db, from_unit, magnitudes, to_db, to_unit
from engine.morph.model import MorphModel, Note, conditions_of
from models.morph.live.material import Readable
from models.morph.live.network import MorphNetwork
from models.morph.live.places import envelope_db, places_of
from models.morph.live.settings import Job

CORRECTED_DB = 6.0
"""Decoded frames are made at most so much louder or softer, to be as loud as the note was."""
GAINS = 4.0  # steps of a stored gain in a decibel
MOVES = 2
"""Of 255: what a stored latent may be off by."""


def exported(
    network: MorphNetwork, job: Job, notes: Sequence[Readable] = (),
    trained: dict[str, Any] | None = None,
    told: Callable[[int, int], None] = lambda done, all_: None,
) -> MorphModel:  # fmt: skip
    """The model; notes without sound are left out."""
    encoder, decoder = network.exported()
    paths, known = [], titles(notes)
    for done, note in enumerate(notes):
        told(done, len(notes))
        sound = note.sound()
        if sound.any():
            path = path_of(network, job, note, sound)
            paths.append(replace(path, name=f"{known[note.instrument]}{ending(note)}"))
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
    codes = steady(torch.round(network.encode(given, rows) * 255.0).cpu().numpy().astype(np.uint8))
    path = np.asarray(codes / np.float32(255.0), np.float32)
    made = from_unit(network.decode(torch.from_numpy(path).to(device), rows).cpu().numpy())
    envelope = envelope_db(from_db(levels))
    places = places_of(envelope, path, job.frame_grid)
    missing = envelope - envelope_db(from_db(made))
    gain = np.clip(missing, -CORRECTED_DB, CORRECTED_DB) + reference
    gain = np.round(gain * GAINS) / GAINS
    gain[levels.max(1) <= FLOOR_DB] = FLOOR_DB + reference
    kept = np.r_[0 : places.loop_end, places.release : places.frames]  # none is played between
    return Note(
        note.name, note.family, int(note.pitch), int(note.velocity), codes[kept],
        gain[kept].astype(np.float16), places.attack, places.loop_start, places.loop_end,
        places.loop_end,
    )  # fmt: skip


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


def steady(codes: NDArray[np.uint8], most: int = MOVES) -> NDArray[np.uint8]:
    """Latents (frames, latents) that stay where they are until they would be off by more than
    ``most``: a file of them packs far better."""
    made, at = codes.copy(), codes[0].astype(np.int16)
    for frame in range(1, len(codes)):
        now = codes[frame].astype(np.int16)
        at = np.where(np.abs(now - at) > most, now, at)
        made[frame] = at
    return made


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


__all__ = ["chosen", "exported", "path_of", "steady"]
