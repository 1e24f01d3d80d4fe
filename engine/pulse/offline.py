"""The same kernels as on the audio thread, over a whole sound in memory."""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.pulse.bands import FEATURES, due, hear, hearing


def features_of(sound: npt.ArrayLike, rate: float) -> npt.NDArray[np.float32]:
    """What the follower hears of ``sound`` (n,) at ``rate``: (hops, FEATURES)."""
    samples = np.ascontiguousarray(sound, np.float32)
    state = record(hearing(rate))
    made = np.zeros((int(len(samples) * 100 / rate) + 1, FEATURES), np.float32)
    count = _compiled(hear_all)(samples, made, state)
    return made[:count]


def record(state: dict[str, Any]) -> Any:
    """A state as kernels see it, outside of a node."""
    return namedtuple("State", state)(**state)  # type: ignore[misc]


@cache
def _compiled(wanted: Any) -> Any:
    from engine.compiler import callable_kernel

    return callable_kernel(wanted)


@kernel
def hear_all(sound: Any, made: Any, state: Any) -> int:
    """Hear all of ``sound``; returns how many rows of ``made`` were filled."""
    at, row, mask = 0, 0, state.heard.shape[0] - 1
    while True:
        count = due(state)
        if at + count > sound.shape[0]:
            return row
        for i in range(count):
            state.heard[(state.hop[1] + i) & mask] = sound[at + i]
        at += count
        state.hop[1] += count
        hear(state)
        for k in range(made.shape[1]):
            made[row, k] = state.features[k]
        row += 1


__all__ = ["features_of", "record"]
