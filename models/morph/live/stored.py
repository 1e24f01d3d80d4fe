"""A recording as a model keeps it: a path of latents, one byte each, and how loud it was.

An export makes the notes of a file so, and the bench those of instruments that no file holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.morph.errors import MorphError
from engine.morph.grid import FLOOR_DB, Array, from_db, from_unit, magnitudes, to_db, to_unit
from engine.morph.model import MorphModel, Note, conditions_of
from models.morph.live.material import Readable
from models.morph.live.nearest import ROUNDS, nearest
from models.morph.live.places import envelope_db, places_of
from models.morph.live.slopes import through

CORRECTED_DB = 6.0
"""Decoded frames are made at most so much louder or softer, to be as loud as the note was."""
GAINS = 4.0  # steps of a stored gain in a decibel
MOVES = 2
"""Of 255: what a stored latent may be off by."""


def stored(model: MorphModel, note: Readable, sound: Array, rounds: int = ROUNDS) -> Note:
    """A note by the model's own networks: its encoder's latents, then ``rounds`` nearer.

    What lies between the end of the loop and the release is left out: it is never played.
    MorphError where it is silent.
    """
    found = magnitudes(sound, model.grid)
    if not found.any():
        raise MorphError(f"{note.name}: is silent; a note that sounds is wanted")
    levels, reference = to_db(found)
    envelope = envelope_db(from_db(levels))
    told = conditions_of(note.pitch, note.velocity, model.conditions)
    frames, rows = to_unit(levels), np.tile(told, (len(levels), 1))
    heard = through(model.encoder, np.concatenate([frames, rows], axis=1))
    places = places_of(envelope, heard, model.grid)
    kept = np.r_[0 : places.loop_end, places.release : places.frames]
    path = nearest(model.decoder, frames[kept], rows[kept], heard[kept], rounds)
    codes = steady(np.rint(path * 255.0).astype(np.uint8))
    given = np.concatenate([codes / np.float32(255.0), rows[kept]], axis=1)
    made = from_unit(through(model.decoder, given))
    missing = envelope[kept] - envelope_db(from_db(made))
    gain = np.clip(missing, -CORRECTED_DB, CORRECTED_DB) + reference
    gain = np.round(gain * GAINS) / GAINS
    gain[levels[kept].max(1) <= FLOOR_DB] = FLOOR_DB + reference
    return Note(
        note.name, note.family, int(note.pitch), int(note.velocity), codes,
        gain.astype(np.float16), places.attack, places.loop_start, places.loop_end,
        places.loop_end,
    )  # fmt: skip


def steady(codes: NDArray[np.uint8], most: int = MOVES) -> NDArray[np.uint8]:
    """Latents (frames, latents) that stay where they are until they would be off by more than
    ``most``: a file of them packs far better."""
    made, at = codes.copy(), codes[0].astype(np.int16)
    for frame in range(1, len(codes)):
        now = codes[frame].astype(np.int16)
        at = np.where(np.abs(now - at) > most, now, at)
        made[frame] = at
    return made


__all__ = ["CORRECTED_DB", "MOVES", "steady", "stored"]
