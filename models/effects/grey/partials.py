"""By how many cents the partials of one sound lie above those of another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.effects.grey.fitting import Heard

Array = NDArray[np.float64]

SIZE = 8192
STEP_CENTS = 10.0
LOW_HZ, HIGH_HZ = 60.0, 10_000.0
MOST_CENTS = 2400.0
SMOOTH = 41
"""Points over which a spectrum's envelope is taken off: about a third of an octave."""

FINE_SIZE = 32_768
MATCH_CENTS = 35.0
LOUD_DB = 45.0
"""Partials that far below a frame's loudest are not measured."""


def rough_cents(sounds: Sequence[Heard], rate: int) -> float | None:
    """The shift at which log-frequency spectra of dry and wet agree best, within some cents.

    None where there is too little sound.
    """
    rows = [_log_spectra(heard, rate) for heard in sounds if len(heard.dry) >= SIZE]
    if not rows:
        return None
    dry, wet = np.concatenate(rows, axis=1)
    most = int(MOST_CENTS / STEP_CENTS)
    lags = np.arange(-most, most + 1)
    agreement = np.array([_agreement(dry, wet, int(lag)) for lag in lags])
    best = int(np.argmax(agreement))
    if agreement[best] <= 0.0:
        return None
    return float(STEP_CENTS * (lags[best] + _vertex(agreement, best)))


def _log_spectra(heard: Heard, rate: int) -> Array:
    """Fine structure (2, rows, points) of dry and wet, on an axis of cents; loud rows only."""
    span = 1200.0 * np.log2(min(HIGH_HZ, 0.45 * rate) / LOW_HZ)
    hertz = LOW_HZ * 2.0 ** (np.arange(0.0, span, STEP_CENTS) / 1200.0)
    made = []
    for sound in (heard.dry, heard.wet):
        frames = sound[: len(sound) // SIZE * SIZE].reshape(-1, SIZE) * np.hanning(SIZE)
        made.append(np.abs(np.fft.rfft(frames, axis=1)))
    loud = np.min([m.max(axis=1) / max(m.max(), 1e-12) for m in made], axis=0) > 0.01
    at = hertz * SIZE / rate
    below, part = at.astype(int), at % 1.0
    out = []
    for magnitude in made:
        logs = np.log(magnitude[loud] + 1e-4 * magnitude[loud].max(axis=1, initial=0.0)[:, None])
        points = logs[:, below] * (1.0 - part) + logs[:, below + 1] * part
        kernel = np.ones(SMOOTH) / SMOOTH
        smooth = [np.convolve(np.pad(row, SMOOTH // 2, "edge"), kernel, "valid") for row in points]
        out.append(points - np.array(smooth).reshape(points.shape))
    return np.array(out)


def _agreement(dry: Array, wet: Array, lag: int) -> float:
    """Normalised correlation of ``wet`` and ``dry`` moved up by ``lag`` points."""
    a = dry[:, max(0, -lag) : dry.shape[1] - max(0, lag)]
    b = wet[:, max(0, lag) : wet.shape[1] - max(0, -lag)]
    scale = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.sum(a * b) / scale) if scale > 0.0 else 0.0


def _vertex(values: Array, at: int) -> float:
    """Where the parabola through three values around ``at`` has its vertex, -0.5 to 0.5."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, middle, right = values[at - 1 : at + 2]
    bend = left - 2.0 * middle + right
    return float(0.5 * (left - right) / bend) if bend < 0.0 else 0.0


def sharpened_cents(sounds: Sequence[Heard], rate: int, cents: float) -> float:
    """``cents`` made exact by pairs of partials: the weighted median of their intervals."""
    found: list[tuple[float, float]] = []
    for heard in sounds:
        for first in range(0, len(heard.dry) - FINE_SIZE + 1, FINE_SIZE // 2):
            part = slice(first, first + FINE_SIZE)
            found += _intervals(_peaks(heard.dry[part], rate), _peaks(heard.wet[part], rate), cents)
    if not found:
        return cents
    apart, weight = np.array(sorted(found)).T
    heavy = np.cumsum(weight)
    return cents + float(apart[np.searchsorted(heavy, 0.5 * heavy[-1])])


def _intervals(dry: Array, wet: Array, cents: float) -> list[tuple[float, float]]:
    """(cents above ``cents``, weight) of each dry partial and the wet one nearest to it."""
    found: list[tuple[float, float]] = []
    if not len(dry) or not len(wet):
        return found
    for pitch, level in dry:
        near = int(np.argmin(np.abs(wet[:, 0] - pitch - cents)))
        apart = float(wet[near, 0] - pitch - cents)
        if abs(apart) < MATCH_CENTS:
            found.append((apart, float(min(level, wet[near, 1]))))
    return found


def _peaks(frame: NDArray[np.float32], rate: int) -> Array:
    """Partials (n, 2): cents above 1 Hz, and weight, of the loudest peaks of a spectrum."""
    magnitude = np.abs(np.fft.rfft(frame * np.hanning(len(frame))))
    least = magnitude.max() * 10.0 ** (-LOUD_DB / 20.0)
    inside = magnitude[1:-1]
    top = (inside > magnitude[:-2]) & (inside >= magnitude[2:]) & (inside > max(least, 1e-9))
    bins = np.flatnonzero(top) + 1
    bins = bins[(bins > 60.0 * len(frame) / rate) & (bins < 8000.0 * len(frame) / rate)]
    logs = np.log(magnitude + 1e-12)
    exact = np.array([k + _vertex(logs, int(k)) for k in bins])
    pitch = 1200.0 * np.log2(np.maximum(exact, 1e-9) * rate / len(frame))
    return np.stack([pitch, np.sqrt(magnitude[bins])], axis=1) if len(bins) else np.zeros((0, 2))


__all__ = ["rough_cents", "sharpened_cents"]
