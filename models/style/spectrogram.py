"""The older way, for comparison: magnitudes are optimised, and phases found for them afterwards.

Ulyanov and Lebedev 2016. Of one channel, in one piece.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.style.descent import Descent
from models.style.errors import StyleError
from models.style.frames import Views
from models.style.material import Material
from models.style.phase import MOMENTUM, griffin_lim
from models.style.sound import Recording
from models.style.transfer import Result, Transfer

LONGEST_S = 60.0
ROUNDS, PREVIEW_ROUNDS = 150, 30


class Spectrogram(Transfer):
    """A transfer whose descent goes over log(1 + magnitude); the fast rounds make the sound."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.content = material.content.to(material.ear.device)
        channels, samples = self.content.shape
        if channels > 1:
            raise StyleError(f"path = griffin-lim: of one channel; {material.name} has {channels}")
        if samples > LONGEST_S * material.rate:
            told = f"at most {LONGEST_S:g} s; {material.name} has {samples / material.rate:.0f} s"
            raise StyleError(f"path = griffin-lim: {told}")
        self.objective = material.objective(self.content)
        self.start = material.start.to(self.content)
        heard = material.ear.hear(self.start)
        self.shape = heard.magnitudes.shape
        self.descent = Descent(self._loss, torch.log1p(heard.magnitudes).reshape(-1))
        self.seconds = self.cpu_seconds = 0.0

    def _loss(self, place: Tensor) -> tuple[float, Tensor]:
        place = place.detach().requires_grad_(True)
        loss = self.objective.of(Views(self.material.ear, self._magnitudes(place)))
        (slope,) = torch.autograd.grad(loss, place)
        return float(loss.detach()), slope

    def _magnitudes(self, place: Tensor) -> Tensor:
        """(frames, bins); 1e-6 keeps the root of a band's power differentiable at 0."""
        return torch.expm1(place.view(self.shape).relu()) + 1e-6

    def sound(self, rounds: int) -> Tensor:
        """(1, n): the best so far, with phases that begin with the start's."""
        analysis, samples = self.material.ear.analysis, self.content.shape[1]
        wanted = self._magnitudes(self.descent.best)
        found = griffin_lim(wanted, analysis, samples, rounds, MOMENTUM, self.start[0])
        return found[None]

    @property
    def best(self) -> Tensor:
        """As it is heard in the end."""
        return self.sound(ROUNDS)

    def preview(self) -> Recording:
        """The best so far after few rounds."""
        return self.material.finished(self.sound(PREVIEW_ROUNDS))

    def result(self, ended: str = "done") -> Result:
        """The best so far; its terms and loss are the sound's, the history the magnitudes'."""
        now, sound = self.descent, self.best
        loss, _ = self.objective(sound.reshape(-1))
        return Result(
            self.material.finished(sound), loss, dict(self.objective.last), list(now.history),
            now.iterations, now.evaluations, self.seconds, self.cpu_seconds, ended,
        )  # fmt: skip


__all__ = ["Spectrogram"]
