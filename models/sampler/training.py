"""Trains a sampler on one recording; dreams aloud while it does; keeps what scores best.

trained = train(job, Path("runs/clair"), told=print)
trained.model, trained.best.grades
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from engine.sampler.errors import SamplerError
from engine.sampler.file import read_sampler, write_sampler
from engine.sampler.model import SamplerModel
from models.sampler import checkpoint
from models.sampler import folder as files
from models.sampler.checkpoint import Stands
from models.sampler.export import exported, missed
from models.sampler.folder import check_folder
from models.sampler.holding import held
from models.sampler.job import Job, write_job
from models.sampler.losses import way_of
from models.sampler.material import Material, Scale
from models.sampler.network import SamplerNetwork, detached
from models.sampler.previews import Judge, dreamt, keep_few, seed_from, write_wav
from models.sampler.settings import Doing, Preview, Progress, Settings, Told, Trained, in_silence
from models.sampler.sound import Sound, source_of
from models.sampler.start import Gentle, start_components, start_linear

ROWS = {"vector": 16, "spectrum": 16, "column": 32, "transpose": 32}
STEPS = {"vector": 20, "spectrum": 80, "column": 256, "transpose": 256}
"""Of a piece: so many are gone back through."""
FREE = {"vector": 12, "spectrum": 16}
"""Steps that are dreamt where the loss is "heard"."""
RISE = 50  # updates in which the learning rate rises
LAST_RATE = 0.02  # of the learning rate, where there is a budget of minutes
LARGEST_GRADIENT = 1.0
MOST_BROKEN = 20
SAVE_SHARE = 20.0  # times as long is learnt as a checkpoint takes to write
TELL_EVERY_S = 0.5
Stop = Callable[[], bool]


class Training:
    """One training: network, optimiser, recording, and where it stands."""

    def __init__(
        self, job: Job, sound: Sound, folder: Path, settings: Settings, resume: bool, told: Told,
        doing: Doing = in_silence,
    ) -> None:  # fmt: skip
        self.job, self.sound, self.folder = job, sound, folder
        self.settings, self.told, self.doing = settings, told, doing
        self.device = settings.device
        self.steps = settings.steps or STEPS[job.approach]
        self.free = FREE.get(job.approach, 0) if job.loss == "heard" else 0
        rows = settings.rows or ROWS[job.approach] * (4 if self.device == "cuda" else 1)
        torch.manual_seed(job.seed)
        self.rng = np.random.default_rng((job.seed, 1))
        self.network = SamplerNetwork(job)
        doing(f"preparing {len(sound) / job.rate:.0f} s of sound")
        self.material = Material(sound, job, rows)
        rank = 0
        if job.start == "linear" and not resume:
            doing("finding first weights: the best linear prediction")
            rank = start_linear(self.network, self.material, job.seed)
        if job.components and not resume:
            doing("finding the components of its vectors")
            start_components(self.network, self.material, job.seed)
        self.network.to(self.device)
        self.optimiser = torch.optim.Adam(self.network.parameters(), job.lr)
        self.state = self.network.zero_state(rows)
        self.before = self.network.head.bias.new_zeros(
            rows, self.network.history, len(self.network.head.bias)
        )
        self.stands = Stands(rank=rank)
        self.way = way_of(job, self.free)
        if resume:
            self._resume()
        self.material = self.material.to(self.device)
        self.gentle = Gentle(self.network, self.stands.rank)
        self.judge = Judge(sound, job.rate, settings.scored)
        self.recent: list[tuple[float, float]] = []
        self.saved = self.said = self.stands.seconds
        self._save_pause = settings.save_every_s

    def run(self, stop: Stop) -> Trained:
        """Train until the budget is spent or ``stop`` says so; the best is kept in the folder."""
        began = time.monotonic() - self.stands.seconds
        stopped = "budget"
        self.doing("training")
        while not self._over():
            if stop():
                stopped = "interrupted"
                break
            self._update()
            self.stands.seconds = time.monotonic() - began
            self._tell()
            if self._is_due():
                self.preview()
                self.stands.seconds = time.monotonic() - began
                self.save()
            elif self.stands.seconds - self.saved >= self._save_pause:
                self.save()
        if not self.stands.previews or self.stands.previews[-1]["step"] != self.stands.step:
            self.preview()
        self._tell(last=True)
        self.save()
        return self._finish(stopped)

    @property
    def epoch(self) -> float:
        """How often the recording has been gone through."""
        return self.stands.read / self.material.steps

    @property
    def done(self) -> float:
        """The share of the budget that is spent, 0 to 1: whichever ends first."""
        return min(1.0, max(self.epoch / self.job.num_epochs, self.spent))

    @property
    def spent(self) -> float:
        """Of the minutes and the updates, whichever ends first; 0 where neither does."""
        shares = [0.0]
        if self.job.minutes > 0.0:
            shares.append(self.stands.seconds / (60.0 * self.job.minutes))
        if self.settings.updates:
            shares.append(self.stands.step / self.settings.updates)
        return max(shares)

    def rate(self) -> float:
        """The learning rate: as the job says; with a budget of minutes it falls along a cosine."""
        if self.job.minutes <= 0.0:
            return self.job.lr
        rise = min(1.0, (self.stands.step + 1) / RISE)
        fall = 0.5 * (1.0 + math.cos(math.pi * self.done))
        return self.job.lr * rise * (LAST_RATE + (1.0 - LAST_RATE) * fall)

    def _over(self) -> bool:
        return self.done >= 1.0

    def _update(self) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.network.train()
        told = self.steps
        piece = self.material.read(self.rng, told + self.free, told, self.job.noisify)
        self._forget(piece.fresh)
        loss, error, state, before = self.way(self.network, piece, self.state, self.before)
        self.state, self.before = detached(state), before.detach()
        if self.job.regularization:
            loss = loss + self.job.reg_amount * self.network.cost()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        if torch.isfinite(norm):
            with self.gentle.step():
                self.optimiser.step()
        self.stands.step += 1
        self.stands.read += piece.heard.shape[0] * min(told, piece.heard.shape[1])
        self._watch(float(loss.detach()), float(error.detach()))

    def _forget(self, fresh: torch.Tensor) -> None:
        """Rows that begin anew remember nothing."""
        if bool(fresh.any()):
            kept = (~fresh).to(self.before)
            self.state = [(h * kept[None, :, None], c * kept[None, :, None]) for h, c in self.state]
            self.before = self.before * kept[:, None, None]

    def _watch(self, loss: float, error: float) -> None:
        self.recent.append((loss, error))
        last = self.recent[-MOST_BROKEN:]
        if len(last) == MOST_BROKEN and not any(math.isfinite(one) for one, _ in last):
            told = f"the loss is not finite since {MOST_BROKEN} updates"
            raise SamplerError(f"{told}; a lower lr than {self.job.lr:g} may help")

    def _tell(self, last: bool = False) -> None:
        stands = self.stands
        if not self.recent or (not last and stands.seconds - self.said < TELL_EVERY_S):
            return
        self.said = stands.seconds
        loss, error = (float(value) for value in np.mean(self.recent, 0))
        self.recent = []
        row = Progress(stands.step, self.epoch, stands.seconds, self.done, loss, error)
        files.add_line(self.folder / files.HISTORY, row.as_json())
        self.told(row)

    def _is_due(self) -> bool:
        stands, since = self.stands, self.stands.seconds - self.stands.previewed
        return self.settings.preview_due(since, stands.preview_cost, not stands.previews)

    def model(self) -> SamplerModel:
        """The network as it is now, as a model that plays."""
        chance = torch.get_rng_state()
        noisy = self.job.temperature > 0.0 and self.job.loss != "spread"
        spread = missed(self.network, self.material, self.job.seed) if noisy else None
        torch.set_rng_state(chance)  # a preview does not change what is learnt after it
        given = self.network, self.job, self.material.scale
        return exported(*given, spread, self.material.pitches)

    def preview(self) -> Preview:
        """Dream, score, write; the model too if it is the best so far."""
        began = time.monotonic()
        stands, job, model = self.stands, self.job, self.model()
        self.doing("dreaming a preview")
        seed = seed_from(self.sound, job.rate, job.seed + stands.step)
        made = dreamt(model, seed, self.settings.preview_s, job.seed + stands.step)
        merit, score = self.judge.judge(made)
        place = self.folder / files.PREVIEW_FOLDER / f"step-{stands.step:08d}.wav"
        write_wav(place, made, job.rate)
        best = stands.best is None or merit >= stands.best_merit
        if best:
            write_sampler(self.folder / files.BEST, model, job.storage)
        told = Preview(place, stands.step, stands.seconds, merit, best, score)
        if best:
            stands.best, stands.best_merit = told.as_json(), merit
        stands.previews.append(told.as_json())
        files.add_line(self.folder / files.PREVIEWS, told.as_json())
        if self.settings.previews:
            most = self.settings.previews
            stands.previews = keep_few(self.folder, stands.previews, stands.best, most)
        stands.preview_cost = time.monotonic() - began
        stands.previewed = stands.seconds + stands.preview_cost
        self.told(told)
        return told

    def save(self) -> None:
        """Write the checkpoint; a large network's takes a while, so it is written less often."""
        began = time.monotonic()
        self.saved = self.stands.seconds
        rows = checkpoint.memory(self.material.state(), self.state, self.before, self.rng)
        rows |= {"scale": [self.material.scale.mean.cpu(), self.material.scale.scale.cpu()]}
        checkpoint.save(self.folder, self.job, self.stands, self.network, self.optimiser, rows)
        cost = time.monotonic() - began
        self._save_pause = max(self.settings.save_every_s, SAVE_SHARE * cost)

    def _resume(self) -> None:
        self.doing("going on from the checkpoint")
        given = (self.folder, self.job, self.network, self.optimiser)
        self.stands, rows = checkpoint.load(*given)
        if "scale" in rows:  # of the recording that the weights are used to
            self.material = self.material.scaled(Scale(*rows["scale"]))
        if len(rows["places"]) == self.material.rows:  # else on another machine: begin anew
            self.material.restore(rows["places"])
            halves = [tensor.to(self.device) for tensor in rows["state"]]
            self.state = list(zip(halves[::2], halves[1::2], strict=True))
            self.before = rows["before"].to(self.device)
        checkpoint.restore_chance(rows, self.rng)
        history = self.folder / files.HISTORY
        files.keep_lines(history, lambda row: row.get("step", 0) <= self.stands.step)
        self._keep_previews()

    def _keep_previews(self) -> None:
        """Only the previews that are kept are told of."""
        steps = {row["step"] for row in self.stands.previews}
        files.keep_lines(self.folder / files.PREVIEWS, lambda row: row.get("step") in steps)

    def _finish(self, stopped: str) -> Trained:
        stands, place = self.stands, self.folder / files.PREVIEW_FOLDER
        if self.settings.previews:
            self._keep_previews()
        previews = tuple(Preview.from_json(row, place) for row in stands.previews)
        assert stands.best is not None
        model = read_sampler(self.folder / files.BEST)
        given = (Preview.from_json(stands.best, place), previews, stands.seconds, stands.step)
        return Trained(self.job, model, self.folder, *given, stopped)


def train(
    job: Job, folder: Path, *, settings: Settings | None = None, resume: bool = False,
    told: Told = in_silence, stop: Stop = lambda: False, sound: Sound | None = None,
    doing: Doing = in_silence,
) -> Trained:  # fmt: skip
    """Learn the job's source in ``folder`` (models.sampler.folder); SamplerError in one line.

    ``told`` hears of each event, ``doing`` what is being done between them; ``stop`` is asked after
    each update. ``sound`` (samples,) at the job's rate is learnt instead of a file. A folder that
    holds a training is refused unless ``resume``; one that another process trains in, always.
    """
    settings = settings or Settings()
    check_folder(folder, resume)
    if sound is None:
        doing(f"reading {job.source}")
        sound = source_of(job)
    with held(folder):
        check_folder(folder, resume)
        torch.set_num_threads(settings.threads)
        training = Training(job, sound, folder, settings, resume, told, doing)
        write_job(folder / files.JOB, job)
        write_wav(folder / files.SOURCE, sound, job.rate)
        if not resume:
            training.save()
        return training.run(stop)


__all__ = ["FREE", "ROWS", "STEPS", "Training", "train"]
