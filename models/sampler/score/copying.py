"""C3, is no literal copy: runs of the sound that are runs of the source.

A fingerprint is a frame's mel bands in dB, each band less its mean over the two seconds around
(which takes off any filter and whatever merely lasts), floored 45 dB under the loudest band
(which takes off noise). Fingerprints of sound and source over half a second are correlated at
every offset, that is along every diagonal; over ``ALIKE`` is literal.

copy    s: the longest run on one diagonal.
cover   share of the sound that lies in such runs, or in a second and more of the waveform's.
wave    s: the longest run whose waveform, too, is the source's: normalised cross-correlation of
        quarter seconds over 0.9, at one lag. A filter hides a copy from it, not from the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.sampler.score.features import HOP_S, Heard

Array = NDArray[Any]

SPAN_S = 0.5
AROUND_S = 2.0
FLOOR_DB = 45.0
HIGHEST_HZ = 5000.0
ALIKE = 0.8
"""Measured over half a second: a source with EQ or noise 0.85 to 1, a mosaic of 250 ms and what
is not copied 0.3 to 0.75. A loop of drums is as like itself as a copy, which it is."""
WAVE_S, WAVE_ALIKE, SAME_LAG = 0.25, 0.9, 4
RUN_S = 1.0


@dataclass(frozen=True)
class Copies:
    """Runs of a sound that are literal: seconds, share, seconds; and where the longest is."""

    copy: float
    cover: float
    wave: float
    at_s: float
    of_s: float


def fingerprints(heard: Heard) -> Array:
    """(T, bands) float32."""
    from scipy.ndimage import uniform_filter1d

    bands = max(8, int(np.searchsorted(_centres(heard), HIGHEST_HZ)))
    mel = heard.mel_db[:, :bands]
    mel = np.maximum(mel, np.percentile(mel.max(1), 98) - FLOOR_DB)
    mel = mel - uniform_filter1d(mel, round(AROUND_S / HOP_S), axis=0, mode="nearest")
    return np.ascontiguousarray(mel, np.float32)


def copies(heard: Heard, prints: Array, source: Heard, source_prints: Array) -> Copies:
    """What of ``heard`` is in ``source``."""
    span = min(round(SPAN_S / HOP_S), len(prints), len(source_prints))
    longest, at, offset, covered, best, _ = _diagonals(prints, source_prints, span, ALIKE, 0)
    copy = min((longest + 0.4 * span) * HOP_S, len(heard.sound) / heard.rate) if longest else 0.0
    runs = list(_wave_runs(heard, source, best, span))
    for first, last in runs:
        if last - first >= RUN_S * heard.rate:
            covered[first // heard.hop : last // heard.hop] = 1.0
    wave = max((last - first for first, last in runs), default=0) / heard.rate
    return Copies(copy, float(covered.mean()), wave, at * HOP_S, (at + offset) * HOP_S)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _diagonals(a: Array, b: Array, span: int, alike: float, apart: int) -> Any:
    """The longest run of alike spans, its start and offset; (n,) what is covered, best offsets
    and likenesses. Offsets of less than ``apart`` are passed over.
    """
    n, m, bands = a.shape[0], b.shape[0], a.shape[1]
    energy_a, energy_b = np.zeros(n + 1), np.zeros(m + 1)
    for i in range(n):
        energy_a[i + 1] = energy_a[i] + np.sum(a[i] * a[i])
    for j in range(m):
        energy_b[j + 1] = energy_b[j] + np.sum(b[j] * b[j])
    covered, best, best_alike = np.zeros(n), np.zeros(n, np.int64), np.full(n, -2.0)
    longest, longest_at, longest_offset = 0, 0, 0
    products = np.zeros(n + 1)
    for offset in range(span - n, m - span + 1):
        if abs(offset) < apart:
            continue
        first, last = max(0, -offset), min(n, m - offset)
        products[first] = 0.0
        for i in range(first, last):
            total = np.float32(0.0)
            for k in range(bands):
                total += a[i, k] * b[i + offset, k]
            products[i + 1] = products[i] + total
        run = 0
        for i in range(first, last - span + 1):
            j = i + offset
            both = (energy_a[i + span] - energy_a[i]) * (energy_b[j + span] - energy_b[j])
            value = (products[i + span] - products[i]) / np.sqrt(both + 1e-6)
            if value > best_alike[i]:
                best_alike[i], best[i] = value, offset
            run = run + 1 if value > alike else 0
            if run:
                covered[i : i + span] = 1.0
            if run > longest:
                longest, longest_at, longest_offset = run, i - run + 1, offset
    return longest, longest_at, longest_offset, covered, best, best_alike


def _wave_runs(heard: Heard, source: Heard, best: Array, span: int) -> Iterator[tuple[int, int]]:
    """From and to which sample the waveform is the source's, at one lag."""
    size = round(WAVE_S * heard.rate)
    step = size // 2
    began, lag_before = 0, None
    for at in range(0, len(heard.sound) - size + 1, step):
        frame = min(max(at // heard.hop - span // 4, 0), len(best) - span)
        place = at + int(best[max(frame, 0)]) * heard.hop
        lag = _lag(heard.sound[at : at + size], source.sound, place, 2 * heard.hop)
        lag = None if lag is None else lag - at
        if lag_before is not None and (lag is None or abs(lag - lag_before) > SAME_LAG):
            yield began, at - step + size
            lag_before = None
        if lag is not None:
            began = at if lag_before is None else began
            lag_before = lag
    if lag_before is not None:
        yield began, at + size


def _lag(window: Array, source: Array, place: int, around: int) -> int | None:
    """Where in ``source``, near ``place``, the window's waveform is; None if it is not there."""
    from scipy.signal import correlate

    size = len(window)
    first = min(max(place - around, 0), max(len(source) - size, 0))
    piece = source[first : first + size + 2 * around]
    if len(piece) < size:
        return None
    total = np.concatenate([[0.0], np.cumsum(np.square(piece))])
    norm = np.sqrt((total[size:] - total[:-size]) * np.sum(np.square(window)) + 1e-9)
    alike = correlate(piece, window, "valid") / norm
    found = int(np.argmax(alike))
    return first + found if alike[found] >= WAVE_ALIKE else None


def _centres(heard: Heard) -> Array:
    import librosa

    from models.sampler.score.features import BANDS, LOWEST_HZ

    edges = librosa.mel_frequencies(BANDS + 2, fmin=LOWEST_HZ, fmax=0.475 * heard.rate)
    return np.asarray(edges[1:-1])


__all__ = ["Copies", "copies", "fingerprints"]
