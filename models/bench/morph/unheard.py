"""Notes of any dataset as the deployed model knows its own: heard by the file that is played."""

from __future__ import annotations

import numpy as np

from engine.morph.decode import Coder, decoder_state
from engine.morph.grid import Array
from engine.morph.model import MorphModel, Note, conditions_of
from models.morph.live.material import Readable
from models.morph.live.stored import stored


class Ear:
    """A model's networks, which hear notes and say them again."""

    def __init__(self, model: MorphModel) -> None:
        self.model = model
        self.decode = Coder(decoder_state(model))

    def conditions(self, pitch: float, velocity: float) -> Array:
        """As the model is told them."""
        return conditions_of(pitch, velocity, self.model.conditions)

    def decoded(self, latents: Array, conditions: Array) -> Array:
        """dB (frames, bins) of latents (frames, latents)."""
        told = np.broadcast_to(conditions, (len(latents), len(conditions)))
        return self.decode(np.concatenate([latents, told], axis=1))

    def note(self, given: Readable) -> Note:
        """A recording as a path of latents, as an export makes it; MorphError if it is silent."""
        return stored(self.model, given, given.sound())


__all__ = ["Ear"]
