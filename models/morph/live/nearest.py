"""Latents that decode nearest to frames: an encoder's, made better where there is time.

An encoder guesses in one pass; a note that is stored is encoded once, so it can afford to look.
Levenberg and Marquardt's method (Marquardt 1963, SIAM J. Appl. Math. 11) on a frame's few numbers:
the decoder's slopes in all of them are carried through its layers, and each frame goes its own way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from engine.morph.grid import FLOOR_DB, Array
from engine.morph.model import Dense
from models.morph.live.slopes import through, with_slopes

ROUNDS = 2
ROWS = 256  # frames at a time
LOUD = 60.0
"""What a frame's missed power, over its own, counts beside the mean of its squared dB."""
QUIET = 0.2  # a frame's norm, against its note's loudest bin, that is added below
HOLD = 1.0
"""What a latent counts that is moved: frames alike are led alike, and a path stays smooth."""
MOST = 1.2  # what a network makes above is held to it
PER_UNIT = -FLOOR_DB * math.log(10.0) / 20.0
DAMPING, EASIER, HARDER = 0.03, 0.3, 10.0
LEAST_DAMPING = 1e-4


def nearest(
    decoder: Sequence[Dense], frames: Array, conditions: Array, first: Array, rounds: int = ROUNDS
) -> Array:
    """Latents (n, L), 0 to 1, that decode as near to ``frames`` (n, bins), 0 to 1, as ``rounds``
    steps from ``first`` (n, L) lead; ``conditions`` (n, c). None is further away than it was."""
    made = first.copy()
    for at in range(0, len(frames), ROWS):
        rows = slice(at, at + ROWS)
        made[rows] = _improved(decoder, frames[rows], conditions[rows], first[rows], rounds)
    return made


def _improved(
    decoder: Sequence[Dense], frames: Array, conditions: Array, first: Array, rounds: int
) -> Array:
    best = start = np.clip(first, 0.0, 1.0)
    wanted = _Wanted(frames)
    damping = np.full(len(frames), DAMPING, np.float32)
    for _ in range(rounds):
        made, slopes = with_slopes(decoder, best, conditions)
        cost = wanted.cost(made) + HOLD * np.square(best - start).sum(1)
        tried = np.clip(best - _step(slopes, *wanted.pulls(made), damping, best, start), 0.0, 1.0)
        made = through(decoder, np.concatenate([tried, conditions], axis=1))
        won = wanted.cost(made) + HOLD * np.square(tried - start).sum(1) < cost
        best = np.where(won[:, None], tried, best)
        damping = np.where(won, np.maximum(damping * EASIER, LEAST_DAMPING), damping * HARDER)
    return best


class _Wanted:
    """Frames (n, bins), and how far others are from them."""

    def __init__(self, frames: Array) -> None:
        self.frames, self.silent = frames, frames <= 0.0
        self.sizes = _amplitude(frames)
        power = np.square(self.sizes).sum(1, keepdims=True) + QUIET * QUIET
        self.loud = np.asarray(LOUD * frames.shape[1] / FLOOR_DB**2 / power, np.float32)

    def cost(self, made: Array) -> Array:
        """Of made frames (n,): squared errors of all bins, and of what is loud once more."""
        level, size, _ = self._missed(made)
        return np.asarray((level * level + self.loud * size * size).sum(1), np.float32)

    def pulls(self, made: Array) -> tuple[Array, Array]:
        """Half the cost's first and, by Gauss and Newton, second derivative in each bin."""
        level, size, steep = self._missed(made)
        seen = (level != 0.0).astype(np.float32)
        return level + self.loud * steep * size, seen + self.loud * steep * steep

    def _missed(self, made: Array) -> tuple[Array, Array, Array]:
        """Errors of levels (below 0 is as good as 0), of magnitudes, and the latter's slope."""
        level = np.where(self.silent & (made < 0.0), np.float32(0.0), made - self.frames)
        held = np.clip(made, 0.0, MOST)
        sizes = _amplitude(held)
        steep = np.where(held == made, sizes * PER_UNIT, np.float32(0.0))
        return level, sizes - self.sizes, steep


def _amplitude(frames: Array) -> Array:
    return np.asarray(np.exp((frames - 1.0) * PER_UNIT), np.float32)


def _step(
    slopes: Array, first: Array, second: Array, damping: Array, at: Array, start: Array
) -> Array:
    """What is taken off the latents (n, L)."""
    pushed = np.matmul(slopes, first[:, :, None])[:, :, 0] + HOLD * (at - start)
    square = np.matmul(slopes * second[:, None, :], slopes.transpose(0, 2, 1))
    place = np.arange(square.shape[1])
    square[:, place, place] += HOLD
    own = square[:, place, place]
    square[:, place, place] += damping[:, None] * (own + own.mean(1, keepdims=True) + 1e-6)
    # a latent at its end that is pushed beyond it stays there, and the others know
    stuck = ((at <= 0.0) & (pushed > 0.0)) | ((at >= 1.0) & (pushed < 0.0))
    square[stuck] = 0.0
    square.transpose(0, 2, 1)[stuck] = 0.0
    square[:, place, place] += stuck
    pushed[stuck] = 0.0
    return np.asarray(np.linalg.solve(square, pushed[:, :, None])[:, :, 0], np.float32)


__all__ = ["ROUNDS", "nearest"]
