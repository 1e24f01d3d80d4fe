"""Another sample rate for a finished sound: windowed sinc, offline only."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

PASS = 0.9
"""Share of the lower Nyquist frequency that passes; from 1 on all is at -100 dB."""
STOP_DB = 100.0


def resample(sound: npt.ArrayLike, from_rate: int, to_rate: int) -> npt.NDArray[np.float64]:
    """``sound`` (frames, channels) at ``to_rate``, its first frame still at time zero.

    Polyphase: every output frame is one of ``to_rate / gcd`` sets of weights on a run of input
    frames. Kaiser's window and his length for 100 dB (Kaiser 1974, after Oppenheim and Schafer,
    Discrete-Time Signal Processing, 7.5).
    """
    x = np.asarray(sound, np.float64)
    common = math.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    if up == down:
        return x.copy()
    lower = min(1.0, up / down)  # the lower Nyquist, in the input's
    middle, width = 0.5 * (1.0 + PASS) * lower, (1.0 - PASS) * lower
    half = math.ceil((STOP_DB - 7.95) / (2.285 * np.pi * width) / 2.0) + 1
    frames = -(-len(x) * up // down)
    padded = np.zeros((len(x) + 2 * half + 1, x.shape[1]))
    padded[half : half + len(x)] = x
    runs = np.lib.stride_tricks.sliding_window_view(padded, 2 * half, axis=0)
    out = np.empty((frames, x.shape[1]))
    for first in range(min(up, frames)):
        begin, phase = divmod(first * down, up)
        count = len(range(first, frames, up))
        # a run begins half - 1 frames before the one at or below the output's time
        part = runs[begin + 1 : begin + 1 + (count - 1) * down + 1 : down]
        out[first::up] = part @ _weights(phase / up, half, middle)
    return out


def _weights(phase: float, half: int, cutoff: float) -> npt.NDArray[np.float64]:
    """Weights of 2 ``half`` frames for a time ``phase`` after the one in the middle."""
    beta = 0.1102 * (STOP_DB - 8.7)
    t = np.arange(1 - half, half + 1) - phase
    window = np.i0(beta * np.sqrt(np.maximum(0.0, 1.0 - (t / half) ** 2))) / np.i0(beta)
    return np.asarray(cutoff * np.sinc(cutoff * t) * window)
