"""A training whose recording grows while it learns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch

from engine.sampler.errors import SamplerError
from models.sampler import folder as files
from models.sampler.holding import held
from models.sampler.job import Job, write_job
from models.sampler.live.collecting import Collected
from models.sampler.live.ears import Ears, Learnt
from models.sampler.live.listening import Listening
from models.sampler.live.scaling import change_scale
from models.sampler.live.telling import Teller
from models.sampler.material import Material, Scale
from models.sampler.previews import Judge, write_wav
from models.sampler.settings import Doing, Preview, Settings, Told
from models.sampler.sound import mono
from models.sampler.training import LAST_RATE, RISE, Stop, Training

TAKE_S = 2.0
"""Less than this of new sound is not taken in."""
SCALED = 1.0 / 3.0
"""With so much of it new, a recording may have another scale."""
JUDGED = 0.2
"""With so much of it new, it is another one to be like."""
WRITTEN = 0.1
"""With so much of it new, it is written."""
CYCLES_MIN = 2.0, 4.0, 8.0
"""Minutes in which the learning rate falls and rises again (Loshchilov and Hutter 2017); later ones
are as the last. There is no end that it could fall to: each fall is one."""
LEAVE_S = 5.0
"""A taraf that crashed is back after a second."""
LOOK_S, KEEP_S = 0.1, 5.0


class LiveTraining(Training):
    """Learns what is ``collected`` so far; before each preview what is new is taken in."""

    def __init__(
        self, job: Job, collected: Collected, folder: Path, settings: Settings, resume: bool,
        told: Told, doing: Doing,
    ) -> None:  # fmt: skip
        self.collected, self._written = collected, 0
        self._count = self._judged = collected.count
        super().__init__(job, collected.sound(), folder, settings, resume, told, doing)
        self._scaled = 0 if resume else self._count
        if resume:
            self._judge_best()

    @property
    def done(self) -> float:
        """Only what its performer has asked for ends it."""
        return min(1.0, self.spent)

    def rate(self) -> float:
        """The learning rate falls along a cosine, in cycles."""
        rise = min(1.0, (self.stands.step + 1) / RISE)
        fall = 0.5 * (1.0 + math.cos(math.pi * cycle(self.stands.seconds)))
        return self.job.lr * rise * (LAST_RATE + (1.0 - LAST_RATE) * fall)

    def preview(self) -> Preview:
        """As of any training, after what is new was taken in."""
        self.take_in()
        return super().preview()

    def take_in(self) -> None:
        """Learn from now on also what was played meanwhile."""
        if self.collected.count - self._count < TAKE_S * self.job.rate:
            return
        self._count, self.sound = self.collected.count, self.collected.sound()
        self.doing(f"taking in: {len(self.sound) / self.job.rate:.0f} s heard")
        self.material = self._material().to(self.device)  # its rows begin anew
        if self._is_new(JUDGED, self._judged):
            self._judged = self._count
            self.judge = Judge(self.sound, self.job.rate, self.settings.scored)
            self._judge_best()

    def save(self) -> None:
        """The checkpoint, and what is learnt from where enough of it is new."""
        if self._is_new(WRITTEN, self._written):
            self.keep()
        super().save()

    def keep(self) -> None:
        """Write all that was heard."""
        if self.collected.count > self._written:
            self._written, sound = self.collected.count, self.collected.sound()
            write_wav(self.folder / files.SOURCE, sound, self.job.rate)

    def _is_new(self, share: float, since: int) -> bool:
        """Whether so much of what is learnt from was heard since; what slides out counts, too."""
        return self._count - since >= share * len(self.sound)

    def _material(self) -> Material:
        used = Scale(self.material.scale.mean.cpu(), self.material.scale.scale.cpu())
        fresh = Material(self.sound, self.job, self.material.rows)
        another = self._is_new(SCALED, self._scaled)
        if another and change_scale(self.network, used, fresh.scale):
            self._scaled = self._count
            return fresh
        return fresh.scaled(used)

    def _judge_best(self) -> None:
        """What was best is measured against what has been played since, as later ones will be."""
        stands = self.stands
        if stands.best is None:
            return
        place = self.folder / files.PREVIEW_FOLDER / str(stands.best["file"])
        if not place.is_file():
            stands.best_merit = 0.0
            return
        stands.best_merit, score = self.judge.judge(mono(place, self.job.rate))
        best = {**stands.best, "merit": stands.best_merit, "score": score}
        stands.best = Preview.from_json(best, place.parent).as_json()


def cycle(seconds: float) -> float:
    """How far the learning rate's present cycle is after so long, 0 to 1."""
    for minutes in CYCLES_MIN:
        if seconds < 60.0 * minutes:
            return seconds / (60.0 * minutes)
        seconds -= 60.0 * minutes
    return math.fmod(seconds, 60.0 * CYCLES_MIN[-1]) / (60.0 * CYCLES_MIN[-1])


def learn(
    job: Job, folder: Path, ears: Ears, settings: Settings, *, told: Told, doing: Doing,
    said: Callable[[str], None], stop: Stop,
) -> Learnt:  # fmt: skip
    """Learn in ``folder`` what is played, until ``stop``, the job's minutes, or taraf's end.

    SamplerError in one line. A folder with a training goes on, with the sound that it has. ``told``
    and ``doing`` are as of `training.train`; ``said`` hears what a performer should know.
    """
    wanted = ears.begins_with(job)
    collected = Collected(job.rate, ears.most_s, ears.threshold_db)
    why: list[str] = []
    deaf: list[SamplerError] = []
    with ExitStack() as stack:
        stack.enter_context(held(folder))
        if (folder / files.SOURCE).is_file():
            collected.begin_with(mono(folder / files.SOURCE, job.rate))
        listening = stack.enter_context(Listening(collected, ears.tap, ears.pid))
        teller = Teller(listening, folder, said)

        def over() -> bool:
            try:
                teller.look()
            except SamplerError as error:  # what is learnt is kept first
                deaf.append(error)
            if deaf:
                why[:] = ["deaf"]
            elif stop():
                why[:] = ["interrupted"]
            elif not ears.stay and listening.gone(LEAVE_S):
                why[:] = ["taraf stopped"]
            return bool(why)

        trained = None
        if _enough(collected, wanted, folder, doing, over):
            torch.set_num_threads(settings.threads)
            resume = (folder / files.CHECKPOINT).is_file()
            training = LiveTraining(job, collected, folder, settings, resume, told, doing)
            write_job(folder / files.JOB, job)
            stack.callback(training.keep)
            if not resume:
                training.save()
            trained = training.run(over)
    if deaf:
        raise deaf[0]
    return Learnt(folder, collected.seconds, why[0] if why else "budget", trained)


def _enough(collected: Collected, wanted: float, folder: Path, doing: Doing, over: Stop) -> bool:
    """Wait until there is enough to learn from, and keep it; False if it is over before."""
    kept, told = collected.seconds, -1
    try:
        while collected.seconds + 1.0 / collected.rate < wanted:  # it keeps whole samples
            if over():
                return False
            if int(collected.seconds) != told:
                told = int(collected.seconds)
                doing(f"{told} of {wanted:.0f} s heard")
            if collected.seconds - kept >= KEEP_S:
                kept = collected.seconds
                write_wav(folder / files.SOURCE, collected.sound(), collected.rate)
            time.sleep(LOOK_S)
        return True
    finally:
        if collected.seconds > kept:
            write_wav(folder / files.SOURCE, collected.sound(), collected.rate)


__all__ = ["CYCLES_MIN", "LiveTraining", "cycle", "learn"]
