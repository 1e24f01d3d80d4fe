"""The key that a dream is heard in: what a player plays is moved into the key that was learnt,
and what is dreamt back into his.

Which pitch classes sound is told by the peaks of spectra between 200 and 2500 Hz, each class's
divided by the bins it has (after Fujishima, Realtime chord recognition of musical sound, ICMC
1999). The key is the shift, of twelve, in which those of the recording correlate best with those
of what was last heard.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.kernel import kernel
from engine.sampler.state import KEY, TUNED

LOWEST_HZ, HIGHEST_HZ = 200.0, 2500.0
MEMORY_S = 3.0
"""After so long what was heard weighs a third."""
CLASSES = 12

Array = npt.NDArray[np.float32]


def classes(points: int, rate: int) -> tuple[npt.NDArray[np.int64], Array]:
    """Pitch class of each bin (points / 2,), -1 where none is heard; each class's share (12,)."""
    hertz = np.arange(points // 2) * rate / points
    inside = (hertz > LOWEST_HZ) & (hertz < HIGHEST_HZ)
    found = np.full(points // 2, -1, np.int64)
    found[inside] = np.round(CLASSES * np.log2(hertz[inside] / 440.0)).astype(np.int64) % CLASSES
    counts = np.bincount(found[inside], minlength=CLASSES)
    return found, (1.0 / np.maximum(counts, 1)).astype(np.float32)


def pitches_of(frames: npt.ArrayLike, rate: int) -> npt.NDArray[np.float64]:
    """Mean pitch classes (12,), A first, of magnitudes (n, bins); together 1."""
    sizes = np.asarray(frames, np.float64)
    of, share = classes(2 * sizes.shape[1], rate)
    inner = sizes[:, 1:-1]
    peaks = np.where((inner > sizes[:, :-2]) & (inner > sizes[:, 2:]), inner, 0.0).mean(axis=0)
    total = np.zeros(CLASSES)
    for k in np.flatnonzero(of[1:-1] >= 0):
        total[of[k + 1]] += peaks[k] * share[of[k + 1]]
    return np.asarray(total / max(total.sum(), 1e-12))


def key_state(learnt: tuple[float, ...], points: int, rate: int, hop: int) -> dict[str, Any]:
    """State arrays; ``learnt`` (12,) are pitch classes of the recording, or none."""
    of, share = classes(points, rate)
    return {
        "voc_key_of": of,
        "voc_key_share": share,
        "voc_key_learnt": np.array(learnt, np.float32),
        "voc_key_heard": np.zeros(CLASSES, np.float32),
        "voc_key_forgets": np.full(1, math.exp(-hop / (MEMORY_S * rate)), np.float32),
        "voc_key_sizes": np.zeros(points // 2, np.float32),
    }


@kernel
def hear_pitches(state: Any, sizes: Any) -> None:
    """A frame (bins,) was heard: remember its pitch classes."""
    heard, of = state.voc_key_heard, state.voc_key_of
    for k in range(heard.shape[0]):
        heard[k] *= state.voc_key_forgets[0]
    for k in range(1, sizes.shape[0] - 1):
        if of[k] >= 0 and sizes[k] > sizes[k - 1] and sizes[k] > sizes[k + 1]:
            heard[of[k]] += sizes[k] * state.voc_key_share[of[k]]


@kernel
def choose_key(core: Any, state: Any) -> None:
    """Begin an answer in the key of what was heard, at most half an octave away."""
    core.dream_numbers[KEY] = 1.0
    learnt, heard = state.voc_key_learnt, state.voc_key_heard
    count = learnt.shape[0]
    if core.dream_words[TUNED] == 0 or count == 0:
        return
    mean, best, chosen = 0.0, 0.0, 0
    for k in range(count):
        mean += heard[k] / count
    for shift in range(-(count // 2), count // 2):
        like = 0.0
        for k in range(count):
            like += learnt[k] * (heard[(k + shift) % count] - mean)
        if like > best:
            best, chosen = like, shift
    core.dream_numbers[KEY] = 2.0 ** (chosen / count)


@kernel
def moved(sizes: Any, ratio: float, out: Any) -> None:
    """``out`` is the spectrum ``sizes`` with all of it at ``ratio`` times its frequency."""
    last = sizes.shape[0] - 1
    for k in range(out.shape[0]):
        place = k / ratio
        low = int(place)
        part = np.float32(place - low)
        if low < last:
            out[k] = sizes[low] + part * (sizes[low + 1] - sizes[low])
        else:
            out[k] = sizes[last] if place == last else np.float32(0.0)


__all__ = ["choose_key", "classes", "hear_pitches", "key_state", "moved", "pitches_of"]
