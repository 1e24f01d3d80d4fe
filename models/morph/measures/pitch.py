"""How far a note is from the pitch it was asked for, by the frequencies of its partials."""

from __future__ import annotations

import numpy as np

from models.morph.measures.spectra import Array

A4, A4_HZ = 69, 440.0
SEGMENT_S = 1.0
PADDED = 4
PARTIALS = 8  # higher ones of stiff strings are sharp by more than a listener tunes by
REACH_CENTS = 60.0
WEAKEST_DB = -40.0  # below the loudest partial
LEAST_DB = -60.0  # below the loudest of the spectrum: side lobes of something else are no note
HIGHEST = 0.45  # of the sample rate


def hertz_of(pitch: float) -> float:
    """The frequency of a MIDI note, A4 = 69 = 440 Hz."""
    return float(A4_HZ * 2.0 ** ((pitch - A4) / 12.0))


def cents(sound: Array, pitch: float, rate: int) -> float:
    """How sharp ``sound`` (n,) is against a MIDI note; nan where no partial of it is there.

    In the loudest second, the peak nearest to each of the first 8 partials within 60 cents, by a
    parabola through the log magnitude; the median of what they say, weighted by their magnitude.
    No grid and no octave errors, unlike pYIN: 0.1 cents on a harmonic tone. Source: Smith,
    Spectral Audio Signal Processing, quadratic interpolation of spectral peaks.
    """
    segment = _loudest(np.asarray(sound, np.float64), round(SEGMENT_S * rate))
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(len(segment)) / len(segment))
    spectrum = np.abs(np.fft.rfft(segment * window, PADDED * len(segment)))
    bin_hz = rate / (PADDED * len(segment))
    base = hertz_of(pitch)
    wanted = [base * k for k in range(1, PARTIALS + 1) if base * k < HIGHEST * rate]
    peaks = [(hertz, *_peak(spectrum, hertz / bin_hz)) for hertz in wanted]
    loudest = max((level for _, _, level in peaks), default=0.0)
    least = max(_share(WEAKEST_DB) * loudest, _share(LEAST_DB) * float(spectrum.max()))
    there = [
        (1200.0 * np.log2(place * bin_hz / hertz), level)
        for hertz, place, level in peaks
        if level > 0.0 and level >= least
    ]
    return _weighted_median(there) if there else float("nan")


def _share(in_db: float) -> float:
    return float(10.0 ** (in_db / 20.0))


def _loudest(sound: Array, length: int) -> Array:
    """The ``length`` samples with the most energy, looked for at each tenth of them."""
    if len(sound) <= length:
        return np.pad(sound, (0, length - len(sound)))
    starts = range(0, len(sound) - length + 1, max(1, length // 10))
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound))])
    best = max(starts, key=lambda start: float(energy[start + length] - energy[start]))
    return sound[best : best + length]


def _peak(spectrum: Array, place: float) -> tuple[float, float]:
    """Bin and magnitude of the highest local maximum near ``place``; magnitude 0 if none is."""
    reach = 2.0 ** (REACH_CENTS / 1200.0)
    low, high = max(1, round(place / reach)), min(len(spectrum) - 2, round(place * reach))
    if high < low:
        return place, 0.0
    at = low + int(np.argmax(spectrum[low : high + 1]))
    before, here, after = spectrum[at - 1 : at + 2]
    if not (here > 0.0 and here >= before and here >= after and low < at < high):
        return place, 0.0  # a slope: the peak is further away
    a, b, c = np.log(np.maximum((before, here, after), 1e-300))
    curve = a - 2.0 * b + c
    return at + (0.5 * (a - c) / curve if curve < 0.0 else 0.0), float(here)


def _weighted_median(values: list[tuple[float, float]]) -> float:
    ranked = sorted(values)
    weights = np.cumsum([weight for _, weight in ranked])
    return float(ranked[int(np.searchsorted(weights, 0.5 * weights[-1]))][0])


__all__ = ["cents", "hertz_of"]
