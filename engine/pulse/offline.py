"""The same kernels as on the audio thread, over a whole sound in memory."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.neural.network import Network
from engine.node import Node
from engine.plugin import Plugin, Setup, State
from engine.pulse.bands import FEATURES, HOPS_A_SECOND, due, hear, hearing
from engine.pulse.bars import BAR, SHIFT
from engine.pulse.follower import TEMPO, attend, follower, sureness
from engine.pulse.tracker import RATE
from engine.shared import address


def features_of(sound: npt.ArrayLike, rate: float) -> npt.NDArray[np.float32]:
    """What the follower hears of ``sound`` (n,) at ``rate``: (hops, FEATURES)."""
    samples = np.ascontiguousarray(sound, np.float32)
    made = np.zeros((int(len(samples) * HOPS_A_SECOND / rate) + 1, FEATURES), np.float32)
    state = {**hearing(rate), "made": made, "count": np.zeros(1, np.int64)}
    left = _run(WholeHearing, samples, rate, state)
    return left["made"][: int(left["count"][0])].copy()


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
    sound: npt.ArrayLike, rate: float, network: Network | None = None,
    look_ahead_ms: float = 0.0, lowest_bpm: float = 40.0, highest_bpm: float = 320.0,
) -> Followed:  # fmt: skip
    """Follow ``sound`` (n,) at ``rate`` as the plugin does, from cold."""
    samples = np.ascontiguousarray(sound, np.float32)
    hops = int(len(samples) * HOPS_A_SECOND / rate) + 1
    state = {
        **follower(rate, network),
        "ahead": look_ahead_ms * HOPS_A_SECOND / 1000.0,
        "lowest": lowest_bpm,
        "highest": highest_bpm,
        "rows": np.zeros((hops, 6)),
        "answers": np.zeros((hops, TEMPO)),
        "count": np.zeros(1, np.int64),
    }
    left = _run(WholeFollowing, samples, rate, state)
    told, answers = left["rows"][: int(left["count"][0])].copy(), left["answers"].copy()
    place, meter = told[:, 2].astype(np.int64), told[:, 5].astype(np.int64)
    return Followed(
        told[:, 0], told[:, 1], place == 1, told[:, 3], told[:, 4], answers, place, meter
    )


@kernel
def follow_all(x: Any, k: Any, state: Any) -> None:
    """Follow all of the sound ``x`` (1, n); ``state.count`` is how many beats were told."""
    at, row, count, mask = 0, 0, 0, state.heard.shape[0] - 1
    told = state.rows
    while row < told.shape[0]:
        wanted = due(state)
        if at + wanted > x.shape[1]:
            break
        for i in range(wanted):
            state.heard[(state.hop[1] + i) & mask] = x[0, at + i]
        at += wanted
        state.hop[1] += wanted
        announced = attend(state, state.lowest, state.highest, state.ahead, 0, 0)
        for j in range(TEMPO):
            state.answers[row, j] = state.answer[j]
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
    state.count[0] = count


@kernel
def hear_all(x: Any, k: Any, state: Any) -> None:
    """Hear all of the sound ``x`` (1, n) into ``state.count`` rows of ``made``."""
    at, row, mask = 0, 0, state.heard.shape[0] - 1
    while True:
        count = due(state)
        if at + count > x.shape[1] or row == state.made.shape[0]:
            break
        for i in range(count):
            state.heard[(state.hop[1] + i) & mask] = x[0, at + i]
        at += count
        state.hop[1] += count
        hear(state)
        for j in range(FEATURES):
            state.made[row, j] = state.features[j]
        row += 1
    state.count[0] = row


class Whole(Plugin):
    """A kernel over a whole sound at once: compiled, kept and laid out as a plugin's is."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state

    def prepare(self, setup: Setup) -> State:
        """The state it was given."""
        return self.state


class WholeHearing(Whole):
    process = hear_all


class WholeFollowing(Whole):
    process = follow_all


def _run(
    plugin: type[Whole], sound: npt.NDArray[np.float32], rate: float, state: dict[str, Any]
) -> dict[str, npt.NDArray[Any]]:
    """The state once the plugin has been through ``sound`` (n,)."""
    node = Node(plugin(state), Setup(int(rate), 1))
    entry = ctypes.CFUNCTYPE(None, *[ctypes.c_ssize_t] * 6)(node.address)
    entry(address(node.arena), address(node.knobs), address(sound), 1, len(sound), 0)
    return node.arrays


__all__ = ["Followed", "features_of", "follow"]
