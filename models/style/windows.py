"""Long recordings in overlapping windows: two at a time, memory bounded, no seam.

Every other window is optimised first, each on its own. Then those between them, with what their
neighbours have made of the overlaps held fixed and faded into: the loss hears the very sound that
comes out, so nothing cancels where windows meet. Each window is brought to one loudness and back,
so that what is soft in the content is soft in the result.
"""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from models.style.errors import StyleError
from models.style.material import Material, ramps
from models.style.sound import LEVEL, Recording, loudness
from models.style.transfer import (
    DONE,
    STOPPED,
    Progress,
    Result,
    Stop,
    Told,
    Transfer,
    mean_parts,
    never,
)

MOST_GAIN = 10.0  # a window is made louder by at most 20 dB, and softer
REST = 1e-3  # of the content's level: a window that is silent stays as it is
POLL_S = 0.1


@dataclass(frozen=True)
class Window:
    """Samples first to last of the whole; how many of them it shares with each neighbour."""

    first: int
    last: int
    before: int
    after: int

    def free(self) -> Tensor:
        """(1, n): 0 where it is its neighbours', 1 where it is free, raised cosines between."""
        return ramps(self.last - self.first, self.before, self.after)


def windows_of(samples: int, size: int, overlap: int) -> list[Window]:
    """Windows of one size that overlap by at least so much and cover it all."""
    if samples <= size:
        return [Window(0, samples, 0, 0)]
    count = math.ceil((samples - overlap) / (size - overlap))
    firsts = [round(i * (samples - size) / (count - 1)) for i in range(count)]
    made = []
    for at, first in enumerate(firsts):
        before = firsts[at - 1] + size - first if at else 0
        after = first + size - firsts[at + 1] if at + 1 < count else 0
        made.append(Window(first, first + size, before, after))
    return made


@dataclass(frozen=True)
class Part:
    """What is kept of a window's transfer."""

    loss: float
    parts: dict[str, float]
    history: list[float]
    iterations: int
    evaluations: int

    @classmethod
    def of(cls, result: Result) -> Part:
        """Without the sound, which has its place."""
        return cls(result.loss, result.parts, result.history, result.iterations, result.evaluations)


class Windows:
    """The transfer of a long content."""

    def __init__(self, material: Material) -> None:
        self.material = material
        asked, rate = material.settings, material.rate
        size, overlap = round(asked.window_s * rate), round(asked.overlap_s * rate)
        self.windows = windows_of(material.content.shape[1], size, overlap)
        self.sound = material.start.clone()
        self.parts: dict[int, Part] = {}
        """Windows that are over."""
        self._made: dict[int, Part] = {}  # also what was stopped halfway
        self._now: dict[int, Progress] = {}
        self._asked = threading.Event()
        self._prepare()

    def _prepare(self) -> None:
        """Distances to the styles are made once, before threads share them."""
        material = self.material
        first = self.windows[0]
        material.terms(material.ear.hear(material.content[:, first.first : first.last]))
        material.style.forget_views()

    def run(self, told: Told | None = None, stop: Stop = never) -> Result:
        """All windows; Ctrl-C or ``stop`` ends it with what has been made, the rest as it began."""
        began, spent = time.monotonic(), time.process_time()
        ended = DONE
        threads = torch.get_num_threads()
        workers = 1 if self.material.ear.device.type != "cpu" else self.material.settings.workers
        torch.set_num_threads(1)
        with ThreadPoolExecutor(workers, initializer=_alone) as pool:
            try:
                for turn in (0, 1):
                    jobs = [
                        pool.submit(self._transfer, at)
                        for at in range(turn, len(self.windows), 2)
                        if at not in self.parts
                    ]
                    self._watch(jobs, began, told, stop)
            except KeyboardInterrupt:
                self._asked.set()
            except Exception:
                self._asked.set()  # the others end after their iteration
                raise
            finally:
                pool.shutdown(cancel_futures=True)
                torch.set_num_threads(threads)
        if self._asked.is_set():
            ended = STOPPED
        seconds = time.monotonic() - began
        return self._result(ended, seconds, time.process_time() - spent)

    def _watch(self, jobs: list[Future[None]], began: float, told: Told | None, stop: Stop) -> None:
        waiting = set(jobs)
        while waiting:
            done, waiting = wait(waiting, timeout=POLL_S)
            if stop():
                self._asked.set()
            if self._asked.is_set():
                for job in waiting:
                    job.cancel()
            if told and self._now:
                told(self._progress(time.monotonic() - began))
            for job in done:
                if not job.cancelled():
                    job.result()

    def _transfer(self, at: int) -> None:
        """One window, into its place."""
        if self._asked.is_set():
            return
        window, material = self.windows[at], self.material
        place = (slice(None), slice(window.first, window.last))
        content = material.content[place]
        level = loudness(content.numpy(), material.rate)
        if level < REST * LEVEL:
            return
        gain = min(max(level / LEVEL, 1.0 / MOST_GAIN), MOST_GAIN)
        held = self._held(at, window, gain)
        start = material.start[place] / gain
        transfer = Transfer(material, content / gain, start, *held)

        def tell(progress: Progress) -> None:
            # its own preview would keep the window's buffers for ever: 1.5 GB of four minutes
            self._now[at] = replace(progress, preview=self.preview)

        result = transfer.run(told=tell, stop=self._asked.is_set)
        if not held:
            self.sound[place] = self._faded(window, transfer.best.cpu() * gain, place)
        else:
            self.sound[place] = transfer.best.cpu() * gain
        self._made[at] = Part.of(result)
        if result.ended != STOPPED:
            self.parts[at] = self._made[at]

    def _held(self, at: int, window: Window, gain: float) -> tuple[Tensor, ...]:
        """What the neighbours have made, and where this window is free; for the second turn."""
        if at % 2 == 0:
            return ()
        return self.sound[:, window.first : window.last] / gain, window.free()

    def _faded(self, window: Window, made: Tensor, place: tuple[slice, slice]) -> Tensor:
        """Whole, but for its edges: a neighbour that is never transferred joins without a click."""
        edge = self.material.ear.analysis.hop
        free = ramps(made.shape[1], min(edge, window.before), min(edge, window.after))
        return self.sound[place] * (1.0 - free) + made * free

    def _progress(self, seconds: float) -> Progress:
        each = self.material.settings.iterations
        now = list(self._now.values())
        kept = sum(part.iterations for at, part in dict(self.parts).items() if at not in self._now)
        over = kept + sum(progress.iteration for progress in now)
        loss = math.fsum(progress.loss for progress in now) / len(now)
        best = math.fsum(progress.best_loss for progress in now) / len(now)
        parts = mean_parts([progress.parts for progress in now])
        return Progress(over, each * len(self.windows), loss, best, parts, seconds, self.preview)

    def preview(self) -> Recording:
        """What has been made so far, the rest as it began."""
        return self.material.finished(self.sound)

    def _result(self, ended: str, seconds: float, cpu: float) -> Result:
        found = [self._made[at] for at in sorted(self._made)]
        count = max(len(found), 1)
        rows = max((len(part.history) for part in found), default=0)
        histories = [p.history + p.history[-1:] * (rows - len(p.history)) for p in found]
        history = [math.fsum(row) / count for row in zip(*histories, strict=True)]
        return Result(
            self.preview(), math.fsum(part.loss for part in found) / count,
            mean_parts([part.parts for part in found]), history,
            sum(part.iterations for part in found),
            sum(part.evaluations for part in found), seconds, cpu, ended,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """What has been made and which windows are over, for `restore` in another process."""
        parts = {at: asdict(part) for at, part in dict(self.parts).items()}
        return {"sound": self.sound.clone(), "parts": parts}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of the same content, styles and settings: with the next window."""
        if state["sound"].shape != self.sound.shape:
            told = f"{tuple(state['sound'].shape)} and not {tuple(self.sound.shape)}"
            raise StyleError(f"the checkpoint is of samples {told}")
        self.sound.copy_(state["sound"])
        self.parts = {at: Part(**part) for at, part in state["parts"].items()}
        self._made = dict(self.parts)


def _alone() -> None:
    torch.set_num_threads(1)


__all__ = ["Window", "Windows", "windows_of"]
