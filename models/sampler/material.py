"""What a network learns from: rows that read the recording from places of their own.

Each row goes on where it was, so that what a layer remembers goes on too (truncated
back-propagation through time); at the end of the recording it begins again elsewhere.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from engine.sampler.frames import from_log, magnitudes, to_log
from engine.sampler.key import pitches_of
from models.sampler.job import Job
from models.sampler.sound import Sound

LEAST_SPREAD = 0.1
"""Share of the largest bin's that a scale is never below: what hardly changes is not blown up."""


@dataclass(frozen=True)
class Scale:
    """What is taken off and divided by, (1,) or (bins,) each."""

    mean: Tensor
    scale: Tensor

    def on(self, x: Tensor) -> Tensor:
        """``x``, standardised."""
        return (x - self.mean) / self.scale

    def off(self, x: Tensor) -> Tensor:
        """``x`` as it was."""
        return x * self.scale + self.mean


@dataclass(frozen=True)
class Piece:
    """Some steps of all rows: heard (rows, steps, width), wanted (rows, steps, made).

    Both are standardised. ``fresh`` (rows,) tells which have begun anew.
    """

    heard: Tensor
    wanted: Tensor
    fresh: Tensor


class Material:
    """A recording as steps. ``rows`` of them are read at once."""

    def __init__(self, sound: Sound, job: Job, rows: int, device: str = "cpu") -> None:
        self.job, self.rows, self.device = job, rows, device
        self.line, self.scale = _line(sound, job)
        self.line = self.line.to(device)
        # What a row needs beyond its first sample or frame to make a step, and to the next one.
        self.reach = 1 + 1 if job.approach == "spectrum" else job.seg_len + job.made
        self.hop = job.ext_cursor_inc
        # Rows of the dissertation lie int_cursor_inc apart and go ext_cursor_inc on: no cursor is
        # ever between multiples of what both are multiples of.
        self.grid = math.gcd(job.int_cursor_inc, job.ext_cursor_inc)
        self.steps = max(1, (len(self.line) - self.reach) // self.hop + 1)  # of one way through
        self.places = np.full(rows, -1, np.int64)  # -1: begins anew

    def apart(self, rows: int) -> Material:
        """The same recording, read by other rows from the beginning."""
        other = copy.copy(self)
        other.rows, other.places = rows, np.full(rows, -1, np.int64)
        return other

    def scaled(self, scale: Scale) -> Material:
        """The same material, standardised by another scale, its rows where they were."""
        if torch.equal(scale.mean, self.scale.mean) and torch.equal(scale.scale, self.scale.scale):
            return self
        other = copy.copy(self)
        other.line, other.scale = scale.on(self.scale.off(self.line)), scale
        return other

    def to(self, device: str) -> Material:
        """The same material on another device, its rows where they were."""
        other = copy.copy(self)
        other.device, other.line = device, self.line.to(device)
        other.scale = Scale(self.scale.mean.to(device), self.scale.scale.to(device))
        return other

    def begin(self, rng: np.random.Generator, steps: int) -> Tensor:
        """Send rows that cannot read ``steps`` more to new places; tells which."""
        last = len(self.line) - self.reach - (steps - 1) * self.hop
        fresh = (self.places < 0) | (self.places > last)
        places = self.grid * rng.integers(0, max(0, last) // self.grid + 1, self.rows)
        self.places = np.where(fresh, places, self.places)
        return torch.from_numpy(fresh).to(self.device)

    def read(
        self, rng: np.random.Generator, steps: int, forward: int | None = None, noise: float = 0.0
    ) -> Piece:
        """The next ``steps`` of all rows, which then go ``forward`` steps (all unless given).

        ``noise``, a share of the level, is added to what is heard, not to what is wanted.
        """
        steps = min(steps, self.steps)
        fresh = self.begin(rng, steps)
        starts = torch.from_numpy(self.places).to(self.device)
        self.places = self.places + (steps if forward is None else min(forward, steps)) * self.hop
        length = self.reach + (steps - 1) * self.hop
        clean = self.line[starts[:, None] + torch.arange(length, device=self.device)]
        given = clean + noise * torch.randn_like(clean) if noise > 0.0 else clean
        if self.job.approach == "spectrum":
            here = torch.arange(steps, device=self.device) * self.hop
            return Piece(given[:, here], clean[:, here + 1], fresh)
        n = self.job.seg_len
        heard = given.unfold(1, self.reach, self.hop)[..., :n]
        return Piece(heard, clean.unfold(1, self.reach, self.hop)[..., n:], fresh)

    @cached_property
    def pitches(self) -> list[float] | None:
        """The recording's pitch classes (12,); None where it is not read as spectra."""
        if self.job.approach != "spectrum":
            return None
        frames = self.scale.off(self.line).cpu().numpy()
        sizes = from_log(frames) if self.job.log else frames
        return [round(float(one), 4) for one in pitches_of(sizes, self.job.rate)]

    def state(self) -> list[int]:
        """Where the rows are, to go on from."""
        return [int(place) for place in self.places]

    def restore(self, places: list[int]) -> None:
        """Go on from where `state` was."""
        self.places = np.asarray(places, np.int64)


def _line(sound: Sound, job: Job) -> tuple[Tensor, Scale]:
    """What is read, standardised: samples (n,), or frames (n, bins)."""
    if job.approach != "spectrum":
        line = torch.from_numpy(np.ascontiguousarray(sound, np.float32))
        scale = Scale(torch.zeros(1), line.std().reshape(1).clamp(min=1e-8))
        return scale.on(line), scale
    frames = magnitudes(sound, job.window_size, job.hop_size, job.zero_padding)
    if not job.log:  # as in the dissertation, one level for all bins
        line = torch.from_numpy(frames)
        scale = Scale(torch.zeros(1), line.std().reshape(1).clamp(min=1e-8))
        return scale.on(line), scale
    line = torch.from_numpy(np.asarray(to_log(frames), np.float32))
    spread = line.std(0)
    least = max(1e-8, LEAST_SPREAD * float(spread.max()))
    scale = Scale(line.mean(0), spread.clamp(min=least))
    return scale.on(line), scale


__all__ = ["Material", "Piece", "Scale"]
