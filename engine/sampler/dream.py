"""Dreams without an audio thread: what a model goes on with from a seed, by the same kernels.

One in a sound file of any length: ``dream``. Several, or one that is fed on: ``Dreamer``. What
comes out depends on model, seed, numbers and options, not on how it is cut into calls.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.sampler.compiled import TABLE, bind_dream
from engine.sampler.dreamer import aligned_copy, dream_state
from engine.sampler.errors import SamplerError
from engine.sampler.matvec import caller
from engine.sampler.model import Array, SamplerModel
from engine.sampler.state import HEARING, LISTENING, MAKING, RESTARTS, TEMPERATURE

WARM_SECONDS = 2.0
"""Of a seed's end the layers follow so much; what is before that only fills the window."""
PART = 1024


class Dreamer:
    """A model that hears, follows and goes on, for Python. Options are ``dream_state``'s."""

    def __init__(self, model: SamplerModel, **options: Any) -> None:
        self.model = model
        self.arrays = {name: aligned_copy(a) for name, a in dream_state(model, **options).items()}
        bind_dream(self.arrays)
        self._table = self.arrays[TABLE]
        self._call = caller(int(self._table[0]))

    @property
    def restarts(self) -> int:
        """How often it was stuck and started again."""
        return int(self.arrays["dream_words"][RESTARTS])

    @property
    def temperature(self) -> float:
        """Of the noise, of what is said (column, transpose) or of what the next step hears.

        1 is what was missed in training times the job's temperature; at 0 there are no kicks.
        """
        return float(self.arrays["dream_numbers"][TEMPERATURE])

    @temperature.setter
    def temperature(self, value: float) -> None:
        self.arrays["dream_numbers"][TEMPERATURE] = value

    def hear(self, sound: npt.ArrayLike) -> None:
        """Put ``sound`` (n,) into the window; no step is made."""
        self._run(HEARING, _sound(sound))

    def listen(self, sound: npt.ArrayLike) -> None:
        """Follow ``sound`` (n,): the layers' states know it afterwards."""
        self._run(LISTENING, _sound(sound))

    def make(self, samples: int) -> Array:
        """Go on alone for so many samples (samples,)."""
        out = np.zeros(samples, np.float32)
        self._run(MAKING, out)
        return out

    def _run(self, mode: int, sound: Array) -> None:
        """In parts, so that Ctrl-C comes through."""
        for first in range(0, len(sound), PART):
            count = min(PART, len(sound) - first)
            self._call(self._table.ctypes.data, sound.ctypes.data + 4 * first, mode, count)


def dream(
    model: SamplerModel, seed: npt.ArrayLike, samples: int, *, seed_number: int = 0,
    temperature: float = 1.0, dropout: bool = True, warm_seconds: float = WARM_SECONDS,
    **options: Any,
) -> Array:  # fmt: skip
    """What ``model`` goes on with after ``seed`` (n,), both at its rate: float32 (samples,).

    ``seed`` may be shorter than a window: silence is before it. ``seed_number`` decides what
    chance does, and nothing else does; ``temperature`` scales the noise, at 0 there are
    neither noise nor kicks, ``dropout`` keeps that of training on. A dream that is stuck starts
    again from the seed; ``Dreamer.restarts`` tells how often. Raises SamplerError if it can not
    be played.
    """
    if samples < 0:
        raise SamplerError(f"samples = {samples} is below 0")
    given = _sound(seed)
    dreamer = Dreamer(
        model, seed_number=seed_number, temperature=temperature, dropout=dropout, **options
    )
    begin_with(dreamer, given, warm_seconds)
    return dreamer.make(samples)


def begin_with(dreamer: Dreamer, seed: npt.ArrayLike, warm_seconds: float = WARM_SECONDS) -> None:
    """Give ``dreamer`` a seed (n,): its layers follow the last ``warm_seconds`` of it.

    A transpose model follows so much more as its taps reach back.
    """
    given = _sound(seed)
    model = dreamer.model
    warm = round(warm_seconds * model.rate)
    if model.approach == "transpose" and warm:
        warm += len(model.taps) * model.inputs
    before = max(0, len(given) - warm)
    dreamer.hear(given[:before])
    dreamer.listen(given[before:])


def _sound(given: npt.ArrayLike) -> Array:
    sound = np.ascontiguousarray(given, np.float32)
    if sound.ndim != 1:
        raise SamplerError(f"a sound of shape {sound.shape} is not mono (n,)")
    if not np.isfinite(sound).all():
        raise SamplerError("a sound holds values that are not finite")
    return sound


__all__ = ["WARM_SECONDS", "Dreamer", "begin_with", "dream"]
