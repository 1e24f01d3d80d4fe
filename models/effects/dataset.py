"""Pairs in memory, and segments of them: the same for a seed and a step."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.pairs import Pair, Pairs, PairsError

Audio = NDArray[np.float32]
Batch = tuple[Tensor, Tensor, Tensor | None]
"""Dry and wet (batch, frames), and controls (batch, K) or (batch, K, frames), or None."""

SILENT = 1e-3  # of the mean power; a segment below is drawn again
TRIES = 4
SOFT, MOST_DRIVE = 1e-4, 1e4
WINDOW = 1024  # frames whose levels are compared
SOME_ROWS = "some pairs have rows beside the sound, some not"


@dataclass(frozen=True, eq=False)
class Sound:
    """One pair, loaded: ``knobs`` (K,) at positions of 0 to 1, ``rows`` (n, frames) beside it."""

    name: str
    dry: Audio
    wet: Audio
    knobs: Audio
    rows: Audio


class Material:
    """The pairs of one split of a folder; PairsError where there are none."""

    def __init__(self, pairs: Pairs, split: str) -> None:
        self.knobs = tuple(knob for knob in pairs.knobs if knob.maximum > knob.minimum)
        self.sounds = [self._load(pair) for pair in pairs.split(split)]
        if not self.sounds:
            raise PairsError(f"{pairs.folder}: no pair is for {split}")
        self.rows = len(self.sounds[0].rows)
        if any(len(sound.rows) != self.rows for sound in self.sounds):
            raise PairsError(f"{pairs.folder}: {SOME_ROWS}")
        self.controls = len(self.knobs) + self.rows
        lengths = np.array([len(sound.dry) for sound in self.sounds], np.float64)
        self._chances = lengths / lengths.sum()
        self.dry_power, self.wet_power = (
            float(np.dot(self._chances, [np.mean(np.square(s, dtype=np.float64)) for s in sounds]))
            for sounds in zip(*((sound.dry, sound.wet) for sound in self.sounds), strict=True)
        )
        if self.wet_power < 1e-12:
            raise PairsError(f"{pairs.folder}: the wet sound for {split} is silent")

    @cached_property
    def fingerprint(self) -> str:
        """Eight digits that other sounds or other knobs do not have."""
        found = 0
        for sound in self.sounds:
            for part in (sound.dry, sound.wet, sound.knobs, sound.rows):
                found = zlib.crc32(part.tobytes(), found)
        return f"{found:08x}"

    def levels(self) -> tuple[float, float]:
        """Return the RMS at which dry sound begins to bend, or that it has, and that of wet sound.

        Where soft sound is raised by more than sound on average, the effect bends: then the
        first is half way, in decibels, down to where it would bend first. A fuzz of 45 dB is
        otherwise learnt by weights that have to grow for most of the training.
        """
        dry, wet = math.sqrt(self.dry_power), math.sqrt(self.wet_power)
        raised = np.concatenate([_gains(sound, SOFT * self.dry_power) for sound in self.sounds])
        drive = float(np.quantile(raised, 0.9)) * dry / wet if len(raised) and dry else 1.0
        return dry / math.sqrt(min(max(drive, 1.0), MOST_DRIVE)), wet

    def _load(self, pair: Pair) -> Sound:
        dry, wet = pair.load()
        positions = [knob.position(pair.knobs[knob.name]) for knob in self.knobs]
        return Sound(pair.name, dry, wet, np.asarray(positions, np.float32), pair.control)

    def draw(self, seed: int, step: int, count: int, frames: int) -> Batch:
        """Return ``count`` random segments, those of step ``step``; silence is drawn again."""
        rng = np.random.default_rng((seed, step))
        return self._stack([self._place(rng, frames) for _ in range(count)], frames)

    def spread(self, frames: int, past: int, most: int) -> Batch:
        """Return at most ``most`` segments spread evenly, each of ``past`` and ``frames``.

        The sounds are cut in pieces of ``frames``, none twice; what lies before a sound is
        silence.
        """
        places = [
            (sound, start - past)
            for sound in self.sounds
            for start in range(0, max(1, len(sound.dry) - frames + 1), frames)
        ]
        loud = [place for place in places if self._power(*place, past, frames) > 0.0]
        kept = loud or places
        chosen = np.unique(np.linspace(0, len(kept) - 1, min(most, len(kept))).round().astype(int))
        return self._stack([kept[index] for index in chosen], past + frames)

    def _power(self, sound: Sound, start: int, past: int, frames: int) -> float:
        part = sound.wet[max(0, start + past) : start + past + frames]
        return float(np.mean(np.square(part, dtype=np.float64))) if len(part) else 0.0

    def _place(self, rng: np.random.Generator, frames: int) -> tuple[Sound, int]:
        for _ in range(TRIES):
            sound = self.sounds[rng.choice(len(self.sounds), p=self._chances)]
            room = len(sound.wet) - frames
            start = int(rng.integers(room + 1)) if room > 0 else room  # short: silence in front
            if self._power(sound, start, frames // 2, frames // 2) > SILENT * self.wet_power:
                break
        return sound, start

    def _stack(self, places: Sequence[tuple[Sound, int]], frames: int) -> Batch:
        dry, wet = (
            torch.from_numpy(np.stack([_cut(getattr(s, part), at, frames) for s, at in places]))
            for part in ("dry", "wet")
        )
        if not self.controls:
            return dry, wet, None
        knobs = np.stack([sound.knobs for sound, _ in places])
        if not self.rows:
            return dry, wet, torch.from_numpy(knobs)
        rows = np.stack([_cut(sound.rows, at, frames) for sound, at in places])
        still = np.repeat(knobs[:, :, None], frames, 2)
        return dry, wet, torch.from_numpy(np.concatenate((still, rows), 1))


def _gains(sound: Sound, least: float) -> NDArray[np.float64]:
    """Return wet level over dry, window by window where the dry power is above ``least``."""
    whole = len(sound.dry) // WINDOW * WINDOW
    dry, wet = (
        np.mean(np.square(part[:whole].reshape(-1, WINDOW), dtype=np.float64), 1)
        for part in (sound.dry, sound.wet)
    )
    heard = dry > least
    return np.asarray(np.sqrt(wet[heard] / dry[heard]))


def _cut(sound: Audio, start: int, frames: int) -> Audio:
    """Return (..., frames) from ``start``, with silence where there is no sound."""
    end = start + frames
    part = sound[..., max(0, start) : max(0, end)]
    around = (max(0, -start), frames - max(0, -start) - part.shape[-1])
    return np.pad(part, [(0, 0)] * (sound.ndim - 1) + [around])
