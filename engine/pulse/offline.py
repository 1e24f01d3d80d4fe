"""The same kernels as on the audio thread, over a whole sound in memory."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.neural.compiled import Compiled
from engine.neural.tune import placed
from engine.pulse.bands import FEATURES, HOPS_A_SECOND, due, hear, hearing
from engine.pulse.bars import BAR, SHIFT
from engine.pulse.follower import TEMPO, attend, follower, sureness
from engine.pulse.tracker import RATE


def features_of(sound: npt.ArrayLike, rate: float) -> npt.NDArray[np.float32]:
    """What the follower hears of ``sound`` (n,) at ``rate``: (hops, FEATURES)."""
    samples = np.ascontiguousarray(sound, np.float32)
    state = record(hearing(rate))
    made = np.zeros((int(len(samples) * 100 / rate) + 1, FEATURES), np.float32)
    count = _compiled(hear_all)(samples, made, state)
    return made[:count]


@dataclass(frozen=True)
class Followed:
    """What the follower made of a sound; all times in seconds.

    ``beats`` is where beats were said to fall, ``emitted`` when that was said, ``first`` whether
    one begins a bar, ``confidence`` 0 to 1, ``tempo`` in bpm then. ``answers`` (hops, 6) are the
    probabilities of a beat, a bar's first and a stroke of each family at every hop. ``place`` is
    a beat's number in its bar, from 1, and ``meter`` how many a bar was then said to have.
    """

    beats: npt.NDArray[np.float64]
    emitted: npt.NDArray[np.float64]
    first: npt.NDArray[np.bool_]
    confidence: npt.NDArray[np.float64]
    tempo: npt.NDArray[np.float64]
    answers: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    meter: npt.NDArray[np.int64]


def follow(
    sound: npt.ArrayLike, rate: float, network: Compiled | None = None,
    look_ahead_ms: float = 0.0, lowest_bpm: float = 40.0, highest_bpm: float = 320.0,
) -> Followed:  # fmt: skip
    """Follow ``sound`` (n,) at ``rate`` as the plugin does, from cold."""
    samples = np.ascontiguousarray(sound, np.float32)
    made = follower(rate, network)
    made["net"] = placed(made["net"])
    state = record(made)
    hops = int(len(samples) * HOPS_A_SECOND / rate) + 1
    told, answers = np.zeros((hops, 6)), np.zeros((hops, TEMPO))
    ahead = look_ahead_ms * HOPS_A_SECOND / 1000.0
    count = _compiled(follow_all)(samples, told, answers, state, ahead, lowest_bpm, highest_bpm)
    told = told[:count]
    place, meter = told[:, 2].astype(np.int64), told[:, 5].astype(np.int64)
    return Followed(
        told[:, 0], told[:, 1], place == 1, told[:, 3], told[:, 4], answers, place, meter
    )


@kernel
def follow_all(
    sound: Any, told: Any, answers: Any, state: Any, ahead: float, lowest: float, highest: float
) -> int:
    """Follow all of ``sound``; returns how many beats were told."""
    at, row, count, mask = 0, 0, 0, state.heard.shape[0] - 1
    while row < told.shape[0]:
        wanted = due(state)
        if at + wanted > sound.shape[0]:
            break
        for i in range(wanted):
            state.heard[(state.hop[1] + i) & mask] = sound[at + i]
        at += wanted
        state.hop[1] += wanted
        announced = attend(state, lowest, highest, ahead, 0, 0)
        for k in range(answers.shape[1]):
            answers[row, k] = state.answer[k]
        row += 1
        if announced == 1:
            told[count, 0] = (row + state.told[1]) / HOPS_A_SECOND
            told[count, 1] = row / HOPS_A_SECOND
            meter = state.bar[BAR]
            told[count, 2] = (state.told[0] + state.bar[SHIFT]) % meter + 1.0
            told[count, 3] = sureness(state)
            told[count, 4] = 60.0 * HOPS_A_SECOND * state.pulse[RATE]
            told[count, 5] = meter
            count += 1
    return count


def record(state: dict[str, Any]) -> Any:
    """A state as kernels see it, outside of a node."""
    return namedtuple("State", state)(**state)  # type: ignore[misc]  # noqa: PYI024


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


__all__ = ["Followed", "features_of", "follow", "record"]
