"""What a key plays while it is held, by the kernels that play it: so that ways are found in it."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from engine.kernel import kernel
from engine.morph.compiled import Arrays, bind, caller, table_of
from engine.morph.grid import Array
from engine.morph.model import MorphModel
from plugins.morph.blend import blend, choose, corners, step
from plugins.morph.material import material
from plugins.morph.state import (
    ALIGNED,
    ATTACKS,
    ENDS,
    FORCE,
    KEY,
    RELEASES,
    SOUNDING,
    STAGE,
    voice_state,
)

HELD_S = 3.0
"""So long: as long as keys of recordings of NSynth's kind."""
FORCE_TOLD = 80
"""Mezzo forte: a way is found for one velocity."""
TABLE = "held_table"
Walk = namedtuple(  # noqa: PYI024 - kernels infer its types
    "Walk",
    "voice clock strand share own_ends wanted turn blend corner paths note_places sound_notes "
    "second",
)
"""What of a plugin's state such kernels see: of a voice, and of the model."""
OWN, READ = Walk._fields[:9], Walk._fields[9:12]


class Held:
    """One voice that nobody hears. Not for two threads at once."""

    def __init__(self, model: MorphModel) -> None:
        second = model.grid.rate / model.grid.hop
        state = voice_state(1, model.grid, model.latents, model.grid.rate)
        known = material(model)
        self._made = np.zeros((2, round(HELD_S * second), model.latents + 1), np.float32)
        self._arrays: Arrays = {
            **{f"held_{name}": state[name] for name in OWN},
            **{f"held_{name}": known[name].array for name in READ},
            "held_made": self._made,
            "held_second": np.array([second]),
        }
        self._arrays[TABLE] = table_of("morph-held", walk, self._arrays)
        bind(self._arrays, TABLE, "held_")
        self._call = caller(int(self._arrays[TABLE][0]))

    def paths(self, one: int, other: int, pitch: int) -> Array:
        """Two sounds side by side (2, frames, latents + 1), gains in dB last, as a key that is told
        as ``pitch`` plays them in aligned time half way between them."""
        arrays = self._arrays
        arrays["held_turn"][ENDS:] = one, other, one, other
        arrays["held_clock"][0] = 0.0
        arrays["held_clock"][0, FORCE] = FORCE_TOLD
        arrays["held_voice"][0, KEY], arrays["held_voice"][0, STAGE] = pitch, SOUNDING
        for knob in (ALIGNED, ATTACKS, RELEASES):
            arrays["held_wanted"][knob] = 1.0
        self._call(int(arrays[TABLE].ctypes.data), 0, 0, 0)
        return self._made.copy()


@kernel
def walk(state: Any, unused: int, unused_too: int, unused_as_well: int) -> None:
    """All frames of ``held_made``: at either end, while clocks go as half way between."""
    own = Walk(
        state.held_voice, state.held_clock, state.held_strand, state.held_share,
        state.held_own_ends, state.held_wanted, state.held_turn, state.held_blend,
        state.held_corner, state.held_paths, state.held_note_places, state.held_sound_notes,
        state.held_second[0],
    )  # fmt: skip
    choose(own, 0)
    made = state.held_made
    for i in range(made.shape[1]):
        for end in range(2):
            corners(own, float(end), 0.0)
            blend(own, 0)
            for k in range(made.shape[2]):
                made[end, i, k] = own.blend[k]
        corners(own, 0.5, 0.0)
        step(own, 0)


__all__ = ["FORCE_TOLD", "Held"]
