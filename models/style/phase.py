"""Phases for magnitudes that have none: Griffin-Lim, the fast one, descent on the samples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.style.descent import Descent
from models.style.errors import StyleError
from models.style.frames import Analysis, Layer
from models.style.transform import Transform

ROUNDS = 150
"""Of the fast one: -31 to -41 dB on strings, piano and tabla, 0.09 CPU seconds a second."""
MOMENTUM = 0.99
FLOOR_DB = -80.0  # of the loudest: what a distance of logarithms hears

Told = Callable[[int, Tensor], None]
"""Called after each round with its number and the sound (samples,)."""


@dataclass(frozen=True)
class Row:
    """One method after so many rounds: CPU seconds, spectral convergence, log-spectral distance."""

    method: str
    rounds: int
    seconds: float
    convergence_db: float
    distance_db: float


def griffin_lim(
    magnitudes: Tensor, analysis: Analysis, samples: int, rounds: int = ROUNDS,
    momentum: float = 0.0, start: Tensor | None = None, seed: int = 0, told: Told | None = None,
) -> Tensor:  # fmt: skip
    """A sound (samples,) with nearly these magnitudes (frames, bins), as `Analysis.magnitudes`'.

    ``momentum`` 0 is Griffin and Lim (1984), 0.99 the fast one: Perraudin, Balazs and Soendergaard,
    2013. Begins with the phases of ``start`` or with random ones.
    """
    made = _Rounds(magnitudes, analysis, samples, start, seed)
    before = torch.zeros_like(made.spectra)
    for at in range(1, rounds + 1):
        now = made.consistent(made.spectra)
        share = momentum if at > 1 else 0.0  # the first has nothing before it
        made.spectra = torch.sub(now * (1.0 + share), before, alpha=share)
        before.copy_(now)
        if told:
            told(at, made.sound())
    return made.sound()


def by_descent(
    magnitudes: Tensor, analysis: Analysis, samples: int, rounds: int = ROUNDS,
    logarithmic: bool = True, start: Tensor | None = None, seed: int = 0,
    told: Told | None = None,
) -> Tensor:  # fmt: skip
    """As `griffin_lim`, by L-BFGS on the samples: on log(1 + magnitude), the paper's, or not."""
    layer = Layer(analysis, 1, samples, magnitudes.device, magnitudes.dtype)
    feature: Callable[[Tensor], Tensor] = torch.log1p if logarithmic else torch.Tensor.clone
    wanted = feature(magnitudes)
    unit = float((wanted * wanted).sum())

    def loss_of(sound: Tensor) -> tuple[float, Tensor]:
        sound = sound.detach().requires_grad_(True)
        off = feature(layer(sound[None])) - wanted
        loss = (off * off).sum() / unit
        (slope,) = torch.autograd.grad(loss, sound)
        return float(loss.detach()), slope

    first = _Rounds(magnitudes, analysis, samples, start, seed).sound()
    descent = Descent(loss_of, first)
    for at in range(1, rounds + 1):
        if not descent.step():
            break
        if told:
            told(at, descent.best)
    return descent.best


class _Rounds:
    """What the rounds share: spectra that are wanted and the sound that is there."""

    def __init__(
        self, magnitudes: Tensor, analysis: Analysis, samples: int,
        start: Tensor | None, seed: int,
    ) -> None:  # fmt: skip
        if magnitudes.shape != (analysis.frames(samples), analysis.bins):
            shape = tuple(magnitudes.shape)
            told = f"{samples} samples have {(analysis.frames(samples), analysis.bins)}"
            raise StyleError(f"magnitudes of shape {shape}: {told}")
        where, kind = magnitudes.device, magnitudes.dtype
        self.transform = Transform(analysis, 1, samples, where, kind)
        self.density = self.transform.density()
        self.wanted = magnitudes * (analysis.size / 2048)
        if start is None:
            made = torch.Generator().manual_seed(seed)
            turns = 2.0 * math.pi * torch.rand(magnitudes.shape, generator=made)
            self.spectra = torch.polar(torch.ones_like(turns), turns).to(where)[None]
        else:
            self.spectra = self.transform.analyse(start[None]).clone()

    def projected(self, spectra: Tensor) -> Tensor:
        """The wanted magnitudes with the phases of these spectra, in their place."""
        real, imaginary = spectra.real, spectra.imag
        power = torch.mul(real, real).addcmul_(imaginary, imaginary)  # a norm takes four times that
        return spectra.mul_(power.clamp_min_(1e-24).rsqrt_().mul_(self.wanted))

    def consistent(self, spectra: Tensor) -> Tensor:
        """Spectra of the sound that `projected` ones make; uses ``spectra`` up."""
        return self.transform.analyse(self._made(self.projected(spectra)))

    def sound(self) -> Tensor:
        """(samples,): of where it stands."""
        return self._made(self.projected(self.spectra.clone()))[0]

    def _made(self, spectra: Tensor) -> Tensor:
        return self.transform.gather(spectra, "backward") / self.density


def convergence_db(sound: Tensor, magnitudes: Tensor, analysis: Analysis) -> float:
    """20 log10 of the norm of the magnitudes' difference over that of the wanted ones."""
    off = float((analysis.magnitudes(sound) - magnitudes).norm())
    return 20.0 * math.log10(max(off, 1e-30) / max(float(magnitudes.norm()), 1e-30))


def distance_db(sound: Tensor, magnitudes: Tensor, analysis: Analysis) -> float:
    """Mean over frames of the root mean square difference in dB, both floored at -80 dB."""
    floor = float(magnitudes.max()) * 10.0 ** (FLOOR_DB / 20.0)
    found = 20.0 * torch.log10(analysis.magnitudes(sound).clamp_min(floor))
    wanted = 20.0 * torch.log10(magnitudes.clamp_min(floor))
    return float((found - wanted).square().mean(1).sqrt().mean())


METHODS: dict[str, Callable[[Tensor, Analysis, int, int], Tensor]] = {
    "Griffin-Lim": lambda m, a, n, r: griffin_lim(m, a, n, r),
    "fast Griffin-Lim": lambda m, a, n, r: griffin_lim(m, a, n, r, MOMENTUM),
    "L-BFGS, log magnitudes": lambda m, a, n, r: by_descent(m, a, n, r, True),
    "L-BFGS, linear magnitudes": lambda m, a, n, r: by_descent(m, a, n, r, False),
}


def table(
    sound: Tensor, analysis: Analysis, rounds: Sequence[int] = (10, 32, 100, 300),
    methods: Sequence[str] = tuple(METHODS),
) -> Iterator[Row]:  # fmt: skip
    """Every method on the magnitudes of ``sound`` (n,), from random phases, timed whole."""
    wanted = analysis.magnitudes(sound)
    for method in methods:
        for count in rounds:
            began = time.process_time()
            made = METHODS[method](wanted, analysis, len(sound), count)
            spent = time.process_time() - began
            found = convergence_db(made, wanted, analysis), distance_db(made, wanted, analysis)
            yield Row(method, count, spent, *found)


__all__ = [
    "METHODS",
    "MOMENTUM",
    "ROUNDS",
    "Row",
    "by_descent",
    "convergence_db",
    "distance_db",
    "griffin_lim",
    "table",
]
