"""Trains the network on pairs until time is up or it is asked to stop; the best is kept."""

from __future__ import annotations

import json
import math
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.checkpoint import save_checkpoint
from models.style.distil.beginning import begin
from models.style.distil.losses import Goal, Reached, spectral
from models.style.distil.network import Restyler
from models.style.distil.pairs import Pairs
from models.style.distil.settings import RATE, Job
from models.style.errors import StyleError
from models.style.folder import fingerprint, write
from models.style.sound import Recording

CHECKPOINT, PREVIEW = "checkpoint.pt", "preview.wav"
CHANGEABLE = ("minutes",)
STYLE = 5.0
"""What the share of the way that is left counts beside the spectral distance."""
RISE, LAST_RATE, LARGEST_GRADIENT = 20, 0.02, 1.0
LEVELS_DB = -15.0, 6.0
VALIDATIONS = 8
HEAR = 4096
"""Samples at a segment's begin that are not judged: what lies before them is not heard."""


@dataclass(frozen=True)
class Progress:
    """``done`` is 0 to 1; ``left`` what is left of the way to the style on what is learnt from."""

    step: int
    seconds: float
    done: float
    spectral: float
    left: float


Told = Callable[[Progress], None]
Stop = Callable[[], bool]


class Training:
    """One training: network, optimiser, pairs and where it stands."""

    def __init__(self, job: Job, goal: Goal, learnt: Pairs, held: Pairs, folder: Path) -> None:
        torch.manual_seed(job.seed)
        self.job, self.goal, self.folder = job, goal, folder
        self.dry, self.wet = torch.from_numpy(learnt.dry), torch.from_numpy(learnt.wet)
        self.held = Pairs(held.dry, held.wet)
        self.network = Restyler(job.bands, job.hidden, job.modes, rings(goal, job.modes))
        self.optimiser = torch.optim.AdamW(self.network.parameters(), job.rate, betas=(0.9, 0.98))
        self.step, self.seconds, self.best_left = 0, 0.0, math.inf
        self.best: dict[str, Tensor] = {}
        self.history: list[list[float]] = []

    @property
    def done(self) -> float:
        """The share of the time that is spent, 0 to 1."""
        return min(1.0, self.seconds / (60.0 * self.job.minutes))

    def begin(self) -> float:
        """Set what can be told from levels alone; see `beginning`."""
        pairs = Pairs(self.dry.numpy(), self.wet.numpy())
        return begin(self.network, pairs, self.job.seed, self.job.beginning)

    def run(self, told: Told, stop: Stop) -> bool:
        """Train; whether it was stopped before its time. The network is then the best one."""
        began, validated, stopped = (
            time.monotonic() - self.seconds,
            int(VALIDATIONS * self.done),
            False,
        )
        while self.done < 1.0:
            if stop():
                stopped = True
                break
            near, left = self._update()
            self.seconds = time.monotonic() - began
            told(Progress(self.step, self.seconds, self.done, near, left))
            if int(VALIDATIONS * self.done) > validated:
                validated = int(VALIDATIONS * self.done)
                self._validate()
        if not self.step:
            raise StyleError("stopped before it had learnt anything; nothing was written")
        if stopped:
            self._validate()
        self.network.load_state_dict(self.best)
        return stopped

    def _update(self) -> tuple[float, float]:
        job = self.job
        rise = min(1.0, (self.step + 1) / RISE)
        fall = LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * self.done))
        self.optimiser.param_groups[0]["lr"] = job.rate * rise * fall
        dry, wet, gain = self._draw()
        made = self.network(dry * gain) / gain
        made, dry, wet = (sound[:, HEAR:] for sound in (made, dry, wet))
        near, left = spectral(made, wet), self.goal.left(made, dry)
        self.optimiser.zero_grad()
        (near + STYLE * left).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        if bool(torch.isfinite(norm)):
            self.optimiser.step()
        self.step += 1
        return float(near.detach()), float(left.detach())

    def _draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Segments of pairs, and the gains at which the network hears them."""
        job = self.job
        chance = np.random.default_rng([job.seed, self.step])
        rows = chance.integers(len(self.dry), size=job.batch)
        firsts = chance.integers(self.dry.shape[1] - job.segment + 1, size=job.batch)
        dry, wet = (
            torch.stack([of[r, f : f + job.segment] for r, f in zip(rows, firsts, strict=True)])
            for of in (self.dry, self.wet)
        )
        gain = 10.0 ** (chance.uniform(*LEVELS_DB, (job.batch, 1)) / 20.0)
        return dry, wet, torch.tensor(gain, dtype=torch.float32)

    def _validate(self) -> None:
        figures = self.score()
        self.history.append([self.step, self.seconds, figures.style])
        if figures.style < self.best_left:
            self.best_left = figures.style
            self.best = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.preview()
        self.save()

    def played(self) -> Tensor:
        """The held-out contents through the network (pieces, samples)."""
        with torch.no_grad():
            return torch.stack([self.network(row[None])[0] for row in self.dry_held])

    @property
    def dry_held(self) -> Tensor:
        """The held-out contents."""
        return torch.from_numpy(self.held.dry)

    def score(self) -> Reached:
        """Figures of the network on the held-out contents."""
        return self.goal.reached(self.played(), self.dry_held)

    def preview(self) -> None:
        """Two held-out contents, each dry, through the network, as the transfer made it."""
        parts = []
        made = self.played()[:2].numpy()
        for dry, played, wet in zip(self.held.dry, made, self.held.wet, strict=False):
            parts += [dry[: 3 * RATE], played[: 3 * RATE], wet[: 3 * RATE]]
        sound = np.concatenate(parts)[None]
        sound = sound / max(1.0, float(np.abs(sound).max()))
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.folder / PREVIEW, Recording(sound.astype(np.float32), RATE))

    def save(self) -> None:
        """Write the checkpoint, whole or not at all; OSError."""
        kept = {
            "job": json.dumps(self.job.as_json()), "style": fingerprint(self.goal.recording),
            "network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(),
            "stands": [self.step, self.seconds, self.best_left], "best": self.best,
            "history": self.history,
        }  # fmt: skip
        save_checkpoint(self.folder / CHECKPOINT, kept)

    def resume(self) -> None:
        """Go on from the folder's checkpoint; StyleError if there is none that fits."""
        path = self.folder / CHECKPOINT
        try:
            kept = torch.load(path, weights_only=True)
            job, style = json.loads(kept["job"]), kept["style"]
        except FileNotFoundError:
            raise StyleError(f"{path}: there is no checkpoint to resume from") from None
        except (OSError, RuntimeError, KeyError, EOFError, ValueError, pickle.UnpicklingError):
            raise StyleError(f"{path}: is no checkpoint of a distillation") from None
        if style != fingerprint(self.goal.recording):
            raise StyleError(f"{path}: is of another style")
        for name, value in self.job.as_json().items():
            if name not in CHANGEABLE and job.get(name) != value:
                raise StyleError(f"{path}: there {name} was {job.get(name)}, now it is {value}")
        self.network.load_state_dict(kept["network"])
        self.optimiser.load_state_dict(kept["optimiser"])
        self.step, self.seconds, self.best_left = kept["stands"]
        self.best, self.history = kept["best"], kept["history"]


def rings(goal: Goal, modes: int) -> Tensor:
    """(modes, 2): where the style's mean spectrum is highest, in Hz, and 0.2 s of ringing."""
    mean = goal.views.magnitudes.mean(0).cpu()
    hertz = torch.arange(len(mean)) * goal.ear.analysis.rate / goal.ear.analysis.size
    relief = mean / torch.nn.functional.avg_pool1d(mean[None], 41, 1, 20)[0].clamp_min(1e-9)
    relief[(hertz < 80.0) | (hertz > 0.45 * RATE)] = 0.0
    found = []
    for _ in range(modes):
        top = int(relief.argmax())
        found.append([max(float(hertz[top]), 80.0), 0.2])
        relief[max(0, top - 2) : top + 3] = 0.0
    return torch.tensor(found)


__all__ = ["CHECKPOINT", "Progress", "Training", "rings"]
