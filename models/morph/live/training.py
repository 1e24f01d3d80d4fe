"""Trains the morph until time is up or it is asked to stop; what chooses are held-out instruments.

trained = train(job, learnt, valid, Path("runs/morph"))

What is judged and kept is a moving average of the weights. Chance depends on the seed and the step
alone, so that a training that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from engine.morph.errors import MorphError
from models.morph.live import checkpoint
from models.morph.live.augment import Chances, Drawing
from models.morph.live.checkpoint import Stands, weights
from models.morph.live.losses import PER_DB, losses
from models.morph.live.material import Frames
from models.morph.live.network import MorphNetwork
from models.morph.live.previews import Ends, write_previews
from models.morph.live.scoring import Score, network_coder, scored
from models.morph.live.settings import Job, Progress, Stop, Told, in_silence

RISE, LAST_RATE = 50, 0.005  # updates in which the rate rises; the share of it at the end
AVERAGE = 0.998  # of the average stays at each update
WEIGHT_DECAY, LARGEST_GRADIENT = 1e-3, 1.0
VALIDATIONS = 12  # spread over the budget, so that what is kept depends on updates alone
SAVE_S, TELL_S = 60.0, 0.5
MOST_BROKEN = 20


@dataclass(frozen=True)
class Trained:
    """The best network, its score on the instruments that chose it, and how it came about."""

    network: MorphNetwork
    score: Score
    stands: Stands
    interrupted: bool


class Training:
    """One training: network, optimiser, frames, and where it stands."""

    def __init__(
        self, job: Job, learnt: Frames, valid: Frames, folder: Path, *, device: str = "cpu",
        half: bool = False, chances: Chances | None = None, ends: Ends | None = None,
        told: Told = in_silence,
    ) -> None:  # fmt: skip
        torch.manual_seed(job.seed)
        self.job, self.valid, self.folder, self.told = job.check(), valid, folder, told
        self.device, self.half, self.ends = device, half, ends
        self.drawing = Drawing(learnt, job.conditions, chances)
        self.network = MorphNetwork(job).to(device)
        self.mean = AveragedModel(self.network, avg_fn=_averaged)
        parameters = self.network.parameters()
        self.optimiser = torch.optim.AdamW(
            parameters, job.lr, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True
        )
        self.stands, self.best = Stands(), None  # type: Stands, dict[str, Tensor] | None
        self.recent: list[tuple[float, float]] = []
        self.broken = 0

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"network": self.network, "mean": self.mean, "optimiser": self.optimiser}

    @property
    def done(self) -> float:
        """The share of the budget that is spent, 0 to 1."""
        if self.job.steps:
            return min(1.0, self.stands.step / self.job.steps)
        return min(1.0, self.stands.seconds / (60.0 * self.job.minutes))

    def resume(self) -> None:
        """Go on from the folder's checkpoint; MorphError if there is none that fits."""
        self.stands, self.best = checkpoint.load(self.folder, self.job, self.parts)

    def run(self, stop: Stop) -> Trained:
        """Train until the budget is spent or ``stop`` says so."""
        began = time.monotonic() - self.stands.seconds
        worked = time.process_time() - self.stands.core_seconds
        saved = said = self.stands.seconds
        validated = int(VALIDATIONS * self.done)
        stopped = False
        while self.done < 1.0:
            if stop():
                stopped = True
                break
            self._update()
            now = self.stands.seconds = time.monotonic() - began
            self.stands.core_seconds = time.process_time() - worked
            if now - said >= TELL_S:
                self._tell()
                said = now
            if self.done < 1.0 and int(VALIDATIONS * self.done) > validated:
                validated = int(VALIDATIONS * self.done)
                self._validate()
                self._preview()
                self.save()
                saved = now
            if now - saved >= SAVE_S:
                self.save()
                saved = now
        if not self.stands.step:
            raise MorphError("stopped before it had learnt anything; nothing was written")
        self._tell()
        if not self.stands.history or self.stands.history[-1]["step"] != self.stands.step:
            self._validate()
        self._preview()
        self.stands.core_seconds = time.process_time() - worked
        self.save()
        return self._finish(stopped)

    def save(self) -> None:
        """Write the checkpoint, and what validations found so far."""
        checkpoint.save(self.folder, self.job, self.stands, self.parts, self.best)

    def rate(self) -> float:
        """The learning rate: a short rise, then a cosine over the budget."""
        rise = min(1.0, (self.stands.step + 1) / RISE)
        fall = 0.5 * (1.0 + math.cos(math.pi * self.done))
        return self.job.lr * rise * (LAST_RATE + (1.0 - LAST_RATE) * fall)

    def _update(self) -> None:
        self.optimiser.param_groups[0]["lr"] = self.rate()
        chance = torch.Generator().manual_seed(self.job.seed * 1_000_003 + self.stands.step)
        drawn = self.drawing.draw(self.job.rows, chance)
        frames, conditions = (part.to(self.device) for part in drawn)
        self.network.train()
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            made: Tensor = self.network(frames, conditions)
        found = losses(made.float(), frames)
        total = found.total(self.job.linear)
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.stands.step += 1
        self._watch(bool(torch.isfinite(norm)))
        if not self.broken:
            self.optimiser.step()
            self.mean.update_parameters(self.network)
            self.recent.append((float(found.rmse_db.detach()), float(found.convergence.detach())))

    def _watch(self, sound: bool) -> None:
        self.broken = 0 if sound else self.broken + 1
        if self.broken >= MOST_BROKEN:
            told = f"the loss is not finite since {MOST_BROKEN} updates"
            raise MorphError(f"{told}; a lower lr than {self.job.lr:g} may help")

    def _tell(self) -> None:
        if not self.recent:
            return
        rmse, convergence = (sum(row) / len(self.recent) for row in zip(*self.recent, strict=True))
        self.recent = []
        stands = self.stands
        self.told(Progress(stands.step, stands.seconds, self.done, rmse, convergence))

    def _validate(self) -> Score:
        score = self._score(self.mean.module)
        merit = PER_DB * score.rmse_db + self.job.linear * 10.0 ** (score.convergence_db / 20.0)
        row = {"step": float(self.stands.step), "seconds": self.stands.seconds}
        row |= {"rmse_db": score.rmse_db, "convergence_db": score.convergence_db}
        self.stands.history.append(row)
        if merit < self.stands.best or self.best is None:
            self.stands.best, self.best = merit, weights(self.mean.module)
        return score

    def _preview(self) -> None:
        if self.ends is not None:
            write_previews(self.folder, self.mean.module, self.job, self.ends)

    def _score(self, network: MorphNetwork) -> Score:
        network.eval()
        coder = network_coder(network, self.valid, self.job.conditions)
        return scored("network", self.job.latents, coder, self.valid)

    def _finish(self, stopped: bool) -> Trained:
        assert self.best is not None
        self.network.load_state_dict(self.best)
        network = self.network.cpu().eval()
        return Trained(network, self._score(network), self.stands, stopped)


def train(
    job: Job, learnt: Frames, valid: Frames, folder: Path, *, resume: bool = False,
    device: str = "cpu", half: bool = False, chances: Chances | None = None,
    ends: Ends | None = None, told: Told = in_silence, stop: Stop = lambda: False,
) -> Trained:  # fmt: skip
    """Learn frames; ``folder`` keeps the checkpoint that ``resume`` goes on from.

    ``half`` multiplies in bfloat16: twice as fast where the processor can. With ``ends`` there are
    previews. A folder with a training is refused unless ``resume``. Raises MorphError in one line.
    """
    began(folder, resume)
    training = Training(
        job, learnt, valid, folder, device=device, half=half, chances=chances, ends=ends,
        told=told,
    )  # fmt: skip
    if resume:
        training.resume()
        if training.done >= 1.0:
            return training._finish(False)
    return training.run(stop)


def began(folder: Path, resume: bool) -> None:
    """Raise MorphError if a folder holds a training that shall not be resumed."""
    if not resume and (folder / checkpoint.CHECKPOINT).exists():
        raise MorphError(f"{folder}: holds a training; resume it, or name another folder")


def _averaged(mean: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
    """The moving average once ``now`` is in it; its first updates weigh less."""
    return torch.lerp(mean, now, max(1.0 - AVERAGE, 10.0 / (10.0 + int(count))))


__all__ = ["Trained", "Training", "began", "train"]
