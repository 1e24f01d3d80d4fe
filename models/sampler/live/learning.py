"""A training whose recording grows while it learns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch

from models.sampler import folder as files
from models.sampler.holding import held
from models.sampler.job import Job, write_job
from models.sampler.live.collecting import Collected
from models.sampler.live.ears import Ears, Learnt
from models.sampler.live.listening import HEARS, NO_TAP, Listening
from models.sampler.live.scaling import change_scale
from models.sampler.material import Material, Scale
from models.sampler.previews import Judge, write_wav
from models.sampler.settings import Doing, Preview, Settings, Told
from models.sampler.sound import mono
from models.sampler.training import LAST_RATE, RISE, Stop, Training

TAKE_S = 2.0
"""Less than this of new sound is not taken in."""
GROWN = 1.5
"""So many times as long, a recording may have another scale."""
JUDGED = 1.2
"""So many times as long, it is another one to be like."""
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
        self.collected, self._count = collected, collected.count
        super().__init__(job, collected.sound(), folder, settings, resume, told, doing)
        self._scaled = self._judged = len(self.sound)

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
        write_wav(self.folder / files.SOURCE, self.sound, self.job.rate)
        self.material = self._material().to(self.device)  # its rows begin anew
        if len(self.sound) >= JUDGED * self._judged:
            self._judged = len(self.sound)
            self.judge = Judge(self.sound, self.job.rate, self.settings.scored)
            self._judge_best()

    def _material(self) -> Material:
        used = Scale(self.material.scale.mean.cpu(), self.material.scale.scale.cpu())
        fresh = Material(self.sound, self.job, self.material.rows)
        grown = len(self.sound) >= GROWN * self._scaled
        if grown and change_scale(self.network, used, fresh.scale):
            self._scaled = len(self.sound)
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
    collected = Collected(job.rate, ears.most_s, ears.threshold_db)
    why: list[str] = []
    with held(folder), Listening(collected, ears.tap, ears.pid) as listening:
        if (folder / files.SOURCE).is_file():
            collected.begin_with(mono(folder / files.SOURCE, job.rate))
        teller = _Teller(listening, folder, said)

        def over() -> bool:
            teller.look()
            if stop():
                why[:] = ["interrupted"]
            elif not ears.stay and listening.gone(LEAVE_S):
                why[:] = ["taraf stopped"]
            return bool(why)

        trained = None
        if _enough(collected, job, folder, ears, doing, over):
            torch.set_num_threads(settings.threads)
            resume = (folder / files.CHECKPOINT).is_file()
            training = LiveTraining(job, collected, folder, settings, resume, told, doing)
            write_job(folder / files.JOB, job)
            write_wav(folder / files.SOURCE, training.sound, job.rate)
            if not resume:
                training.save()
            trained = training.run(over)
    return Learnt(folder, collected.seconds, why[0] if why else "budget", trained)


def _enough(
    collected: Collected, job: Job, folder: Path, ears: Ears, doing: Doing, over: Stop
) -> bool:
    """Wait until there is enough to learn from, and keep it; False if it is over before."""
    wanted = max(ears.enough_s, 1.2 * job.needs / job.rate)
    kept, told = collected.seconds, -1
    try:
        while collected.seconds < wanted:
            if over():
                return False
            if int(collected.seconds) != told:
                told = int(collected.seconds)
                doing(f"{told} of {wanted:.0f} s heard")
            if collected.seconds - kept >= KEEP_S:
                kept = collected.seconds
                write_wav(folder / files.SOURCE, collected.sound(), job.rate)
            time.sleep(LOOK_S)
        return True
    finally:
        if collected.seconds > kept:
            write_wav(folder / files.SOURCE, collected.sound(), job.rate)


class _Teller:
    """Says what a performer should know of what is listened to, once each."""

    def __init__(self, listening: Listening, folder: Path, said: Callable[[str], None]) -> None:
        self._listening, self._folder, self._said = listening, folder, said
        self._last: tuple[str, str] = ("", "")
        self._looked = -math.inf

    def look(self) -> None:
        """Say what has changed."""
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        listening = self._listening
        listening.check()
        state = listening.state, listening.playing
        if not state[0] or state == self._last:
            return
        before, self._last = self._last, state
        if state[0] == HEARS:
            self._said(f"listening to {state[1]}{self._unheard()}")
        elif state[0] == NO_TAP:
            tap = f"tap called {listening.tap}" if listening.tap else "tap"
            self._said(f'{state[1]} has no {tap}: put `use = "tap"` where it is to listen')
        elif before[0]:
            self._said("taraf has stopped")
        else:
            self._said("no taraf plays yet: `taraf live learn` in another terminal")

    def _unheard(self) -> str:
        """A hint, where no sampler of the rack plays what is learnt."""
        known = self._listening.known
        if known is None or known[0].waits_for(self._folder, known[1].rack):
            return ""
        return f'; to hear what it learns its sampler needs model = "{self._folder.absolute()}"'


__all__ = ["CYCLES_MIN", "LiveTraining", "cycle", "learn"]
