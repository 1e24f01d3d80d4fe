"""The contract of a grey box: its numbers, its memory, its kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from engine.kernel import Kernel

Array = npt.NDArray[np.float32]
State = dict[str, Any]
"""Numbers, constant for the kernel, and arrays, its memory, by name; as a plugin's."""


class BoxError(ValueError):
    """A box that cannot be: which number, what was given, what is allowed."""


@dataclass(frozen=True, eq=False)
class Box:
    """One effect with all its numbers. Derive a frozen dataclass of numbers, arrays and texts.

    ``process(audio, state)`` is a kernel: ``audio`` is (1, 1 to 64 frames), changed in place.
    Where ``controls`` is above 0, ``state.heard`` (controls, 64) holds other signals of the
    network in step with the sound: a knob, a measured LFO. Block sizes must not change the sound.
    """

    kind: ClassVar[str]
    process: ClassVar[Kernel]
    clocks: ClassVar[tuple[str, ...]] = ()
    """Arrays of the state that run on by themselves: settling on silence must not move them."""

    @property
    def controls(self) -> int:
        """How many signals it hears beside the sound."""
        return 0

    @property
    def latency_samples(self) -> int:
        """How late the sound itself comes out."""
        return 0

    def settle_frames(self, sample_rate: int) -> int:
        """Frames of silence after which it is at rest."""
        return 0

    def state(self, sample_rate: int) -> State:
        """The memory at reset; BoxError where it cannot run at this rate."""
        raise NotImplementedError

    def numbers(self) -> dict[str, float | int | str | Array]:
        """What was learnt, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def need(self, name: str, low: float, high: float) -> None:
        """Raise BoxError unless the number called ``name`` lies within ``low`` to ``high``."""
        value = getattr(self, name)
        if not isinstance(value, (int, float)) or not low <= value <= high or math.isnan(value):
            raise BoxError(f"{self.kind}: {name} = {value!r} is outside {low:g} to {high:g}")

    def need_array(self, name: str, most: int, least: int = 1) -> None:
        """Raise BoxError unless ``name`` is a list of ``least`` to ``most`` finite numbers."""
        value = getattr(self, name)
        if not isinstance(value, np.ndarray) or value.ndim != 1:
            raise BoxError(f"{self.kind}: {name} is not a list of numbers")
        if not least <= len(value) <= most:
            raise BoxError(
                f"{self.kind}: {name} has {len(value)} numbers, may have {least} to {most}"
            )
        if not np.isfinite(value).all():
            raise BoxError(f"{self.kind}: {name} has a number that is not finite")
