"""One recording in the style of others: step by step, stopped at will, gone on with later."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from models.style.descent import Descent
from models.style.material import Material, ramps
from models.style.settings import Settings
from models.style.sound import Recording

if TYPE_CHECKING:
    from models.style.windows import Windows

LONGEST_WINDOW = 1.5  # of window_s: what is transferred whole
DONE, STOPPED, SETTLED = "done", "stopped", "settled"


@dataclass(frozen=True)
class Progress:
    """Where a transfer stands: ``done`` 0 to 1, losses, and the best so far when asked for."""

    iteration: int
    iterations: int
    loss: float
    best_loss: float
    parts: dict[str, float]
    seconds: float
    preview: Callable[[], Recording]

    @property
    def done(self) -> float:
        """The share of the iterations that are over."""
        return self.iteration / max(self.iterations, 1)


@dataclass(frozen=True)
class Result:
    """What came out: the best sound, its loss and terms, the loss of every iteration."""

    sound: Recording
    loss: float
    parts: dict[str, float]
    history: list[float]
    iterations: int
    evaluations: int
    seconds: float
    cpu_seconds: float
    ended: str
    """"done", "stopped" (by Ctrl-C or who asked) or "settled" (nothing better is found)."""


Told = Callable[[Progress], None]
Stop = Callable[[], bool]


def never() -> bool:
    """Nobody wants it to stop."""
    return False


class Transfer:
    """The transfer of a content that fits into one window; raises StyleError in one line.

    The result is base + free * what is optimised. ``base`` and ``free`` (0 to 1) are given where
    part of it is somebody else's; always held are the very ends, for a click there is the
    cheapest noise of all: it lies in two frames, elsewhere in four.
    """

    def __init__(
        self, material: Material, content: Tensor | None = None, start: Tensor | None = None,
        base: Tensor | None = None, free: Tensor | None = None,
    ) -> None:  # fmt: skip
        self.material = material
        self.content = (material.content if content is None else content).to(material.ear.device)
        self.objective = material.objective(self.content)
        start = (material.start if start is None else start).to(self.content)
        if base is not None and free is not None:
            start = base.to(start) * (1.0 - free.to(start)) + start * free.to(start)
        ends = ramps(start.shape[1], material.ear.analysis.hop).to(start)
        self.base = start.reshape(-1)
        self.free = (ends if free is None else ends * free.to(start)).expand_as(start).reshape(-1)
        self.descent = Descent(self._partly, torch.zeros_like(self.base))
        self.seconds = self.cpu_seconds = 0.0

    def _partly(self, moved: Tensor) -> tuple[float, Tensor]:
        loss, slope = self.objective(self._whole(moved))
        return loss, slope * self.free

    def _whole(self, place: Tensor) -> Tensor:
        return torch.addcmul(self.base, self.free, place)

    @property
    def best(self) -> Tensor:
        """The best so far (channels, n), at the material's level."""
        return self._whole(self.descent.best).view(self.content.shape)

    def preview(self) -> Recording:
        """The best so far, to be heard."""
        return self.material.finished(self.best)

    def run(
        self, iterations: int | None = None, told: Told | None = None, stop: Stop = never
    ) -> Result:
        """Until so many iterations are over in all; Ctrl-C or ``stop`` ends it with the best."""
        wanted = iterations or self.material.settings.iterations
        began, spent, ended = time.monotonic(), time.thread_time(), DONE
        before, before_cpu = self.seconds, self.cpu_seconds
        try:
            while self.descent.iterations < wanted and ended == DONE:
                if stop():
                    ended = STOPPED
                elif not self.descent.step():
                    ended = SETTLED
                self.seconds = before + time.monotonic() - began
                self.cpu_seconds = before_cpu + time.thread_time() - spent
                if told:
                    told(self._progress(wanted))
        except KeyboardInterrupt:
            ended = STOPPED
        return self.result(ended)

    def result(self, ended: str = DONE) -> Result:
        """The best so far."""
        now = self.descent
        parts = dict(self.objective.parts(self.best.reshape(-1)))
        return Result(
            self.preview(), now.best_loss, parts, list(now.history), now.iterations,
            now.evaluations, self.seconds, self.cpu_seconds, ended,
        )  # fmt: skip

    def _progress(self, wanted: int) -> Progress:
        now = self.descent
        return Progress(
            now.iterations, wanted, now.loss, now.best_loss, dict(self.objective.last),
            self.seconds, self.preview,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Where it stands, for `restore` in another process."""
        return {**self.descent.state(), "seconds": self.seconds, "cpu_seconds": self.cpu_seconds}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of the same content, styles and settings."""
        self.descent.restore(state)
        self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]


def transfer(
    content: Recording, styles: Sequence[Recording], settings: Settings | None = None,
    shares: Sequence[float] | None = None, told: Told | None = None, stop: Stop = never,
) -> Result:  # fmt: skip
    """``content`` in the style of ``styles``, whole or, if it is long, in windows."""
    material = Material(content, styles, settings or Settings(), shares)
    return transfer_of(material).run(told=told, stop=stop)


def transfer_of(material: Material) -> Transfer | Windows:
    """A transfer that has not begun; all kinds have run, preview, state and restore."""
    from models.style.spectrogram import Spectrogram
    from models.style.windows import Windows

    if material.settings.path == "griffin-lim":
        return Spectrogram(material)
    length = material.content.shape[1] / material.rate
    return (Transfer if length <= LONGEST_WINDOW * material.settings.window_s else Windows)(
        material
    )


def mean_parts(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    """The terms of several results, averaged."""
    names = parts[0] if parts else {}
    return {name: math.fsum(each[name] for each in parts) / len(parts) for name in names}


__all__ = [
    "Progress",
    "Result",
    "Settings",
    "Stop",
    "Told",
    "Transfer",
    "mean_parts",
    "transfer",
    "transfer_of",
]
