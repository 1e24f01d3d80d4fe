"""Notes of any dataset as the deployed model knows its own: encoded by the file that is played."""

from __future__ import annotations

import numpy as np

from engine.morph.decode import Coder, decoder_state, encoder_state
from engine.morph.errors import MorphError
from engine.morph.grid import FLOOR_DB, Array, from_db, magnitudes, to_db, to_unit
from engine.morph.model import MorphModel, Note, conditions_of
from models.morph.live.export import CORRECTED_DB
from models.morph.live.material import Readable
from models.morph.live.places import envelope_db, places_of


class Ear:
    """A model's networks, which hear notes and say them again."""

    def __init__(self, model: MorphModel) -> None:
        self.model = model
        self.encode, self.decode = Coder(encoder_state(model)), Coder(decoder_state(model))

    def conditions(self, pitch: float, velocity: float) -> Array:
        """As the model is told them."""
        return conditions_of(pitch, velocity, self.model.conditions)

    def decoded(self, latents: Array, conditions: Array) -> Array:
        """dB (frames, bins) of latents (frames, latents)."""
        told = np.broadcast_to(conditions, (len(latents), len(conditions)))
        return self.decode(np.concatenate([latents, told], axis=1))

    def note(self, given: Readable) -> Note:
        """A recording as a path of latents, as an export makes it; MorphError if it is silent."""
        found = magnitudes(given.sound(), self.model.grid)
        if not found.any():
            raise MorphError(f"{given.name}: is silent")
        levels, reference = to_db(found)
        told = self.conditions(given.pitch, given.velocity)
        rows = np.broadcast_to(told, (len(levels), len(told)))
        codes = np.rint(255.0 * self.encode(np.concatenate([to_unit(levels), rows], axis=1)))
        latents = (codes / 255.0).astype(np.float32)
        envelope = envelope_db(from_db(levels))
        missing = envelope - envelope_db(from_db(self.decoded(latents, told)))
        gain = np.clip(missing, -CORRECTED_DB, CORRECTED_DB) + reference
        gain[levels.max(1) <= FLOOR_DB] = FLOOR_DB + reference
        places = places_of(envelope, latents, self.model.grid)
        return Note(
            given.name, given.family, given.pitch, given.velocity,
            codes[: places.frames].astype(np.uint8), gain[: places.frames].astype(np.float16),
            places.attack, places.loop_start, places.loop_end, places.release,
        )  # fmt: skip


__all__ = ["Ear"]
