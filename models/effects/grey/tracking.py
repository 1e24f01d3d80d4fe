"""Follows a delay that moves, from a pair of sounds alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

Vector = NDArray[np.float64]

ORDER = 32  # of the linear prediction that makes the dry sound white
SIZES = (1024, 512, 256)  # frames looked at together: a slow chorus moves ten frames in the most
HOP = 256
STILL_TAPS = 6  # taps of the dry sound that are taken out of the wet one first
REACH = 32  # lags that a delay may move in a hop
QUIET = 1e-5  # of the loudest frame's energy: too little to see anything


@dataclass(frozen=True)
class Correlogram:
    """How like the dry sound, ``lags`` frames before, the wet sound is: (times, lags), -1 to 1.

    ``loudness`` (times,) is the share of the wet sound's energy.
    """

    seconds: Vector
    lags: NDArray[np.int64]
    likeness: NDArray[np.float64]
    loudness: Vector


def correlogram(
    dry: NDArray[np.float32],
    wet: NDArray[np.float32],
    sample_rate: int,
    longest: int,
    size: int = SIZES[0],
    nearest: int = STILL_TAPS,
) -> Correlogram:
    """Short-time correlation of both sounds after the dry one's prediction filter.

    What of the dry sound comes through unmoved is taken out of the wet one first. Frames of
    tones, which are alike at many lags, count less: all is times the dry frame's flatness.
    """
    white, heard = whiten(dry, wet)
    heard = heard - _still(white, heard)
    padded = np.concatenate([np.zeros(longest), white])
    starts = np.arange(0, max(1, len(heard) - size), HOP)
    window = np.hanning(size)
    points = 1 << (2 * size + longest).bit_length()
    energy = np.concatenate([[0.0], np.cumsum(padded**2)])
    lags = np.arange(nearest, longest)
    likeness, loudness = np.zeros((len(starts), len(lags))), np.zeros(len(starts))
    for row, first in enumerate(starts):
        part = heard[first : first + size] * window[: len(heard) - first]
        past = padded[first : first + size + longest]
        spectrum = np.fft.rfft(past, points) * np.conj(np.fft.rfft(part, points))
        cross = np.fft.irfft(spectrum, points)[: longest + 1]  # at k: lag longest - k
        ends = first + longest - lags
        own = energy[np.minimum(ends + size, len(padded))] - energy[ends]
        loudness[row] = np.sum(part**2)
        likeness[row] = cross[longest - lags] / np.sqrt(0.375 * own * loudness[row] + 1e-20)
        likeness[row] *= _flatness(white[first : first + size] * window)
    loud = loudness > QUIET * loudness.max()
    likeness[~loud] = 0.0
    seconds = (starts + 0.5 * size) / sample_rate
    return Correlogram(seconds, lags, likeness, loudness / max(loudness.sum(), 1e-30))


def whiten(dry: NDArray[np.float32], wet: NDArray[np.float32]) -> tuple[Vector, Vector]:
    """Both sounds through the filter that predicts the dry one's next sample."""
    sound = dry.astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound, 2 * len(sound))) ** 2
    own = np.fft.irfft(spectrum)[: ORDER + 1]
    own[0] = own[0] * (1.0 + 1e-6) + 1e-12
    inverse = np.concatenate([[1.0], -solve_toeplitz(own[:ORDER], own[1:])])
    return lfilter(inverse, [1.0], sound), lfilter(inverse, [1.0], wet.astype(np.float64))


def _flatness(frame: Vector) -> float:
    """Geometric over arithmetic mean of the power spectrum; of noise it is 0.56, so times that."""
    power = np.abs(np.fft.rfft(frame)) ** 2 + 1e-20
    return min(1.0, float(np.exp(np.mean(np.log(power))) / np.mean(power)) / 0.56)


def _still(white: Vector, heard: Vector) -> Vector:
    columns = np.stack(
        [np.concatenate([np.zeros(k), white[: len(white) - k]]) for k in range(STILL_TAPS)], axis=1
    )
    gram = columns.T @ columns
    gram += np.eye(STILL_TAPS) * (1e-6 * np.trace(gram) + 1e-12)
    still: Vector = columns @ np.linalg.solve(gram, columns.T @ heard)
    return still


def follow(seen: Correlogram, stiffness: float = 0.005) -> tuple[Vector, Vector]:
    """The path through the lags that is most alike and bends least: (delays, likeness).

    Viterbi's search; a move of n lags in a hop costs ``stiffness`` * n.
    """
    height = np.abs(seen.likeness)
    height = height / max(float(np.quantile(height.max(axis=1), 0.9)), 1e-12)
    moves = np.arange(-REACH, REACH + 1)
    cost = stiffness * np.abs(moves)
    total, back = height[0].copy(), np.zeros(height.shape, np.int16)
    width = len(total)
    for row in range(1, len(height)):
        padded = np.pad(total, REACH, constant_values=-np.inf)
        choices = np.stack([padded[k : k + width] for k in range(2 * REACH + 1)]) - cost[:, None]
        back[row] = np.argmax(choices, axis=0)
        total = choices[back[row], np.arange(width)] + height[row]
    path = np.zeros(len(height), np.int64)
    path[-1] = int(np.argmax(total))
    for row in range(len(height) - 1, 0, -1):
        path[row - 1] = path[row] + moves[back[row, path[row]]]
    rows = np.arange(len(path))
    return seen.lags[path].astype(np.float64), np.abs(seen.likeness[rows, path])
