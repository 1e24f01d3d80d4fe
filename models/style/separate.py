"""Stems out of a mix, each by an example of what it sounds like: no training, no network.

The paper's way is a transfer whose content is the mix and whose style is the example: what is
unlike the example is turned down. Here all stems are optimised together and must add up to the
mix, each in the style of its example; what is found divides the mix's spectrum (Wiener's mask),
so that nothing is heard that the mix does not have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from models.style.descent import Descent
from models.style.errors import StyleError
from models.style.frames import Ear, Layer, Views
from models.style.material import Material
from models.style.settings import Knobs, Settings
from models.style.sound import Recording
from models.style.terms import Content, Style, Term, harmony, timbre
from models.style.transfer import Stop, never
from models.style.transform import Transform

LONGEST_S = 60.0
LEVEL_BANDS, LEVEL_ROUNDS = 40, 200
ITERATIONS = 100
KNOBS = Knobs(timbre=0.0, pitch=0.0, onsets=0.0)
"""With examples of the stems themselves timbre adds nothing; with others' it costs up to 2 dB."""
MASK_POWER = 2.0
HELD = 0.3
"""The weight of the paper's content where there is one example, if its knob says nothing."""


Told = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Stems:
    """One recording per example, which add up to the mix; the loss of every iteration."""

    stems: list[Recording]
    history: list[float]
    iterations: int
    seconds: float
    cpu_seconds: float
    ended: str


def separate(
    mix: Recording, examples: Sequence[Recording], settings: Settings | None = None,
    told: Told | None = None, stop: Stop = never,
) -> Stems:  # fmt: skip
    """``mix`` as the sum of one stem per example; with one example the second stem is the rest.

    Raises StyleError in one line; Ctrl-C or ``stop`` ends it with the best so far. ``told`` is
    called after each iteration with its number, the loss and the best.
    """
    return Joint(mix, examples, settings or Settings(KNOBS, ITERATIONS)).run(told, stop)


class Joint:
    """All stems of a mix but the last, which is what is left of it.

    Raises StyleError in one line for whatever cannot be separated; ``run`` refuses nothing.
    """

    def __init__(self, mix: Recording, examples: Sequence[Recording], settings: Settings) -> None:
        if not examples:
            raise StyleError("no example is given; one recording per stem is wanted")
        if mix.seconds > LONGEST_S:
            told = f"{mix.seconds:.0f} s; at most {LONGEST_S:g} s are separated"
            raise StyleError(f"{mix.name}: {told}")
        self._began, self._spent = time.monotonic(), time.process_time()
        bare = replace(settings, match_tempo=False, match_key=False)
        self.material = Material(mix, examples, bare)
        self.mix = self.material.content.to(self.material.ear.device)
        self.ear, style = self.material.ear, self.material.style
        heard = self.ear.hear(self.mix)
        self.levels = levels_of(self.ear, heard, style.views)
        views = [
            Views(self.ear, each.magnitudes * level)
            for each, level in zip(style.views, self.levels, strict=True)
        ]
        self.views = views
        self.terms = [self._terms(self._style(each), heard) for each in views]
        if len(views) == 1:  # the rest is like nothing: what holds the stem is the mix
            self.terms[0].append((settings.knobs.content or HELD, Content(heard)))
            self.terms.append([])
            views.append(rest_of(heard, views[0]))
        channels, samples = self.mix.shape
        self.layers = [
            Layer(self.ear.analysis, channels, samples, self.ear.device) for _ in self.terms
        ]

    def _style(self, example: Views) -> Style:
        asked = self.material.settings
        return Style([example], [1.0], asked.most, asked.engine, asked.filters, asked.seed)

    def _terms(self, style: Style, heard: Views) -> list[tuple[float, Term]]:
        knobs = self.material.settings.knobs
        made: list[tuple[float, Term]] = []
        if knobs.harmony:
            made.append((knobs.harmony, harmony(style, heard)))
        if knobs.timbre:
            made.append((knobs.timbre, timbre(style, heard)))
        if not made:
            raise StyleError("harmony and timbre are 0: nothing tells stems apart")
        return made

    def run(self, told: Told | None = None, stop: Stop = never) -> Stems:
        """The stems after the settings' iterations, or the best so far; see ``separate``."""
        descent, ended = self.descend(self.material.settings.iterations, told, stop)
        stems = self.stems(descent.best)
        return Stems(
            stems, list(descent.history), descent.iterations, time.monotonic() - self._began,
            time.process_time() - self._spent, ended,
        )  # fmt: skip

    def descend(
        self, iterations: int, told: Told | None = None, stop: Stop = never
    ) -> tuple[Descent, str]:
        """From the masks that the examples' long-term spectra make."""
        start = self.masked([(v.magnitudes**2).mean(0, keepdim=True) for v in self.views])
        descent = Descent(self._loss, torch.stack(start[:-1]).reshape(-1))
        ended = "done"
        try:
            while descent.iterations < iterations and ended == "done":
                ended = "stopped" if stop() else "done" if descent.step() else "settled"
                if told:
                    told(descent.iterations, descent.loss, descent.best_loss)
        except KeyboardInterrupt:
            ended = "stopped"
        return descent, ended

    def _all(self, place: Tensor) -> Tensor:
        """(stems, channels, n): the last is what is left."""
        some = place.view(-1, *self.mix.shape)
        return torch.cat([some, (self.mix - some.sum(0))[None]])

    def _loss(self, place: Tensor) -> tuple[float, Tensor]:
        place = place.detach().requires_grad_(True)
        losses = []
        for stem, terms, layer in zip(self._all(place), self.terms, self.layers, strict=True):
            heard = Views(self.ear, layer(stem))
            losses += [weight * term(heard) for weight, term in terms]
        loss = torch.stack(losses).sum()
        (slope,) = torch.autograd.grad(loss, place)
        return float(loss.detach()), slope

    def stems(self, place: Tensor) -> list[Recording]:
        """The mix through the masks that the stems' powers make, at the mix's loudness."""
        powers = [self.ear.hear(stem).magnitudes ** MASK_POWER for stem in self._all(place)]
        return [self._recording(stem) for stem in self.masked(powers)]

    def masked(self, powers: Sequence[Tensor]) -> list[Tensor]:
        """(channels, n) each: the mix divided as these powers (frames or 1, bins) are."""
        transform = Transform(self.ear.analysis, len(self.mix), self.mix.shape[1], self.mix.device)
        spectra = transform.analyse(self.mix).clone()
        density = transform.density()
        total = torch.stack([power + 1e-12 for power in powers]).sum(0)
        return [
            transform.gather(spectra * ((power + 1e-12) / total), "backward") / density
            for power in powers
        ]

    def _recording(self, stem: Tensor) -> Recording:
        samples = stem.cpu().numpy() * np.float32(self.material.gain)
        return Recording(samples, self.material.rate, self.material.name)


def rest_of(mix: Views, example: Views) -> Views:
    """The mean magnitudes that an example leaves of a mix, one frame; at least a tenth."""
    power = mix.magnitudes.square().mean(0, keepdim=True)
    rest = (power - example.magnitudes.square().mean(0)).maximum(0.01 * power)
    return Views(mix.ear, rest.sqrt())


def levels_of(ear: Ear, mix: Views, examples: Sequence[Views]) -> list[float]:
    """How loud each example is in the mix: gains whose long-term powers add up to the mix's.

    Non-negative least squares by multiplicative updates, each band relative to the mix's.
    """
    bands = ear.mel(LEVEL_BANDS)
    wanted = mix.magnitudes.square().mean(0) @ bands
    parts = torch.stack([each.magnitudes.square().mean(0) @ bands for each in examples])
    parts = parts / wanted.clamp_min(1e-12)
    gains = torch.ones(len(examples), device=parts.device)
    target = torch.ones_like(wanted)
    for _ in range(LEVEL_ROUNDS):
        gains *= (parts @ target) / (parts @ (gains @ parts)).clamp_min(1e-20)
    return [float(gain.clamp(1e-4, 1e2)) ** 0.5 for gain in gains]


__all__ = ["ITERATIONS", "KNOBS", "Joint", "Stems", "levels_of", "separate"]
