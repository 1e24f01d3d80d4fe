"""One tempo for a whole recording: where the envelope resembles itself, weighted as people tap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.pulse.paper.envelope import FRAMES_A_SECOND, Array


@dataclass(frozen=True)
class TempoPrior:
    """Which tempi are looked for: a log-normal weight around ``likely_bpm``, cut at both ends."""

    likely_bpm: float = 120.0
    octaves: float = 0.9
    slowest_bpm: float = 40.0
    fastest_bpm: float = 320.0


def tempo(envelope: Array, prior: TempoPrior | None = None) -> float:
    """The tempo of ``envelope`` (frames,) in bpm; the likeliest where it shows none.

    The lag of the largest weighted autocorrelation, its place between frames by a parabola.
    Source: Ellis 2007, equations 5 to 7; the width of 0.9 octaves is that of his program.
    """
    prior = prior or TempoPrior()
    lags, strength = tempo_strength(envelope, prior)
    if len(lags) == 0 or strength.max() <= 0.0:
        return prior.likely_bpm
    best = int(np.argmax(strength))
    lag = lags[best] + peak_offset(strength, best)
    return float(np.clip(60.0 * FRAMES_A_SECOND / lag, prior.slowest_bpm, prior.fastest_bpm))


def tempo_strength(envelope: Array, prior: TempoPrior) -> tuple[Array, Array]:
    """Lags in frames that lie in the prior's range, and the weighted autocorrelation there."""
    correlation = autocorrelation(envelope)
    lags = np.arange(1.0, len(correlation))
    bpm = 60.0 * FRAMES_A_SECOND / lags
    kept = (bpm >= prior.slowest_bpm) & (bpm <= prior.fastest_bpm)
    weight = np.exp(-0.5 * (np.log2(bpm / prior.likely_bpm) / prior.octaves) ** 2)
    return lags[kept], (weight * correlation[1:])[kept]


def autocorrelation(values: Array) -> Array:
    """Autocorrelation of ``values`` at lags 0 to n - 1, without wrapping round."""
    count = len(values)
    spectrum = np.fft.rfft(values - values.mean(), 2 * count)
    return np.asarray(np.fft.irfft(np.square(np.abs(spectrum)))[:count])


def peak_offset(values: Array, at: int) -> float:
    """How far the top of the parabola through a peak and its neighbours is from it, -0.5 to 0.5."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, peak, after = values[at - 1 : at + 2]
    bend = before - 2.0 * peak + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0.0 else 0.0


__all__ = ["TempoPrior", "autocorrelation", "peak_offset", "tempo", "tempo_strength"]
