"""A model as two dreams that take turns: one sounds while the other listens.

Each dream is one block of memory, so that a plugin's state stays small and a dream is told by
one address; another model is put in its place by writing other addresses.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.sampler.compiled import TABLE, bind_dream
from engine.sampler.dream import Dreamer, dream
from engine.sampler.dreamer import CONSTANT, aligned_copy, dream_state
from engine.sampler.model import SamplerModel
from engine.shared import address, aligned

ADDRESSES = 3
"""Of a dream: of its table, its words and its numbers."""
OFFERS = 8
"""Rows that later models are told in, so that one that is being read is not written."""
OFFERED = 2 * ADDRESSES + 1
"""Of a row: the addresses of both dreams, and the level that the model learnt."""
LEVEL_UNITS = 1e9
"""Of that level, in a word: a whole number of billionths."""
LINE_BYTES = 64
LEVELS = 0.003, 0.5
"""RMS that a recording is believed to have."""
TRIALS, TRIAL_SECONDS, DREAM_SECONDS = 3, 0.02, 1.0
HEARD_SECONDS, MOST_STEPS = 0.25, 2000
"""Of noise before that dream; of a model whose hop is short both are shorter."""

Arrays = dict[str, npt.NDArray[Any]]


@dataclass
class Packed:
    """A dream's arrays laid out in one block of ``size`` float64, and those that never change."""

    arrays: Arrays
    constants: Arrays
    places: dict[str, int]
    size: int

    def lay(self, block: npt.NDArray[Any]) -> list[int]:
        """Put the dream into ``block`` (size,), where it is to stay; returns its addresses."""
        data = block.view(np.uint8)
        views: Arrays = dict(self.constants)
        for name, at in self.places.items():
            array = self.arrays[name]
            view = data[at : at + array.nbytes].view(array.dtype).reshape(array.shape)
            view[...] = array
            views[name] = view
        bind_dream(views)
        return [address(views[name]) for name in (TABLE, "dream_words", "dream_numbers")]


def pack(model: SamplerModel, seed_number: int, constants: Arrays | None = None) -> Packed:
    """One dream of ``model``; ``constants`` are those of another one of the same model.

    Raises SamplerError if it can not be played.
    """
    state = dream_state(model, seed_number=seed_number, sliced=True)
    fixed = constants or {
        name: aligned_copy(array) for name, array in state.items() if name.endswith(CONSTANT)
    }
    arrays = {name: array for name, array in state.items() if name not in fixed}
    places, size = {}, 0
    for name, array in arrays.items():
        places[name] = size
        size += -(-max(array.nbytes, 1) // LINE_BYTES) * LINE_BYTES
    return Packed(arrays, fixed, places, size // 8)


def pair(model: SamplerModel, seed_number: int) -> tuple[Packed, Packed]:
    """Two dreams that share what never changes."""
    first = pack(model, seed_number)
    return first, pack(model, seed_number + 1, first.constants)


def block_of(packed: Packed) -> npt.NDArray[np.float64]:
    """Memory for a dream outside a plugin's state."""
    return aligned(8 * packed.size).view(np.float64)


def level_of(model: SamplerModel) -> float:
    """RMS of the recording that ``model`` learnt: its scale tells, or else what it dreams of noise.

    Of magnitudes it tells nothing: how loud many bins are together depends on which are at once.
    """
    found = float(model.output_scale[0])
    if model.approach == "spectrum":
        most = MOST_STEPS * model.hop_size
        heard, made = (min(round(s * model.rate), most) for s in (HEARD_SECONDS, DREAM_SECONDS))
        noise = np.random.default_rng(0).standard_normal(heard)
        dreamt = dream(model, 0.05 * noise, made)
        found = float(np.sqrt(np.mean(np.square(dreamt))))
    return min(max(found, LEVELS[0]), LEVELS[1])


def share_of(model: SamplerModel) -> float:
    """Seconds that one dream takes for a second of sound here, when nothing disturbs it."""
    dreamer = Dreamer(model)
    samples = max(round(TRIAL_SECONDS * model.rate), model.hop_size)
    dreamer.make(model.hop_size)  # the first step touches all memory
    times = []
    for _ in range(TRIALS):
        began = time.perf_counter()
        dreamer.make(samples)
        times.append(time.perf_counter() - began)
    return min(times) * model.rate / samples


__all__ = [
    "ADDRESSES", "LEVEL_UNITS", "OFFERED", "OFFERS", "Packed", "block_of", "level_of", "pair",
    "share_of",
]  # fmt: skip
