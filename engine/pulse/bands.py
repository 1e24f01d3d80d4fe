"""What the follower hears: a hundred times a second, how loud each of 40 mel bands is.

The window is 40 ms at any sample rate and bands lie at the same frequencies, so that a network
trained at one rate hears the same at another. Levels are relative to the recent past.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.dsp.fft import real_tables, rfft
from engine.kernel import kernel

HOPS_A_SECOND = 100
WINDOW_SECONDS = 0.04
BANDS = 40
FEATURES = 2 * BANDS
LOWEST_HZ, HIGHEST_HZ = 30.0, 15_000.0
LOUD = 30.0  # how far the logarithm reaches below the level
FLOOR = 3e-5  # quieter than that is silence: -90 dB of full scale
LOUDEST = np.float32(16.0)  # a plugin gone mad must not deafen it
FORGET_SECONDS = 4.0
BACK = 2  # hops between the two looks a rise is the difference of
LEVEL, ENERGY = range(2)  # places in `ears`


def hearing(rate: float) -> dict[str, Any]:
    """State of ``hear`` at ``rate`` samples a second: tables, and room for what was heard."""
    window = min(round(WINDOW_SECONDS * rate), 8192)
    size = max(128, 1 << (window - 1).bit_length())
    shape = np.hanning(window + 2)[1:-1]
    first, count, weights = filters(rate, size)
    return {
        "rate": int(rate),
        "hop": np.zeros(2, np.int64),  # hops so far, frames so far
        "heard": np.zeros(1 << window.bit_length(), np.float32),
        "shape": (shape * (2.0 / shape.sum())).astype(np.float32),
        "windowed": np.zeros(size, np.float32),
        "spectrum": np.zeros((2, size // 2 + 1), np.float32),
        "used": int(np.count_nonzero(count)),
        "band_first": first,
        "band_count": count,
        "band_weights": weights,
        "past": np.zeros((BACK, BANDS), np.float32),
        "features": np.zeros(FEATURES, np.float32),
        "ears": np.array([FLOOR, 0.0]),
        **real_tables(size),
    }


def filters(
    rate: float, size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """First bin, bins and weights of each triangle; one above the highest frequency is empty."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    bins = np.arange(size // 2 + 1) * rate / size
    rows = np.zeros((BANDS, len(bins)))
    for k in range(BANDS):
        low, middle, high = edges[k : k + 3]
        rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
        rows[k] = np.clip(np.minimum(rising, falling), 0.0, None)
        if high > 0.5 * rate:
            rows[k] = 0.0
        elif rows[k].sum() == 0.0:
            rows[k, round(middle * size / rate)] = 1.0
    first = np.array([int(np.argmax(row > 0)) for row in rows], np.int64)
    count = np.array([int(np.count_nonzero(row)) for row in rows], np.int64)
    weights = np.zeros((BANDS, max(1, int(count.max()))), np.float32)
    for k, row in enumerate(rows):
        if count[k]:
            weights[k, : count[k]] = row[first[k] : first[k] + count[k]] / row.sum()
    return first, count, weights


def _mel(hz: float) -> float:
    return 2595.0 * math.log10(1.0 + hz / 700.0)


@kernel
def due(state: Any) -> int:
    """Frames until the next hop is complete; hops end at whole hundredths of a second."""
    return ((state.hop[0] + 1) * state.rate + 99) // 100 - state.hop[1]


@kernel
def hear(state: Any) -> None:
    """Fill ``state.features`` with what the last 40 ms of ``state.heard``, a ring, sound like."""
    hop, features, past, ears = state.hop, state.features, state.past, state.ears
    spectrum = state.spectrum
    cut(state.heard, hop[1], state.shape, state.windowed)
    rfft(state.windowed, spectrum, state.steps, state.twiddle, state.turn, state.work)
    mean = 0.0
    for k in range(BANDS):
        total = np.float32(0.0)
        first = state.band_first[k]
        for j in range(state.band_count[k]):
            re, im = spectrum[0, first + j], spectrum[1, first + j]
            total += state.band_weights[k, j] * np.float32(math.sqrt(re * re + im * im))
        features[k] = total
        mean += total
    mean /= state.used
    level = ears[LEVEL]
    if mean > level:
        level += 0.3 * (mean - level)
    else:
        level = max(FLOOR, level * math.exp(-1.0 / (FORGET_SECONDS * HOPS_A_SECOND)))
    ears[LEVEL], ears[ENERGY] = level, mean
    slot = hop[0] % BACK
    for k in range(BANDS):
        value = np.float32(math.log10(1.0 + LOUD * features[k] / level))
        features[k] = value
        features[BANDS + k] = max(np.float32(0.0), value - past[slot, k])
        past[slot, k] = value
    hop[0] += 1


@kernel
def cut(heard: Any, end: int, shape: Any, windowed: Any) -> None:
    """The window that ends at frame ``end`` of the ring, shaped and filled up with zeros."""
    window, mask = shape.shape[0], heard.shape[0] - 1
    for i in range(window):
        sound = min(max(heard[(end - window + i) & mask], -LOUDEST), LOUDEST)
        windowed[i] = sound * shape[i]
    for i in range(window, windowed.shape[0]):
        windowed[i] = np.float32(0.0)


__all__ = ["BANDS", "ENERGY", "FEATURES", "HOPS_A_SECOND", "LEVEL", "due", "hear", "hearing"]
