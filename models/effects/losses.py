"""How far a network's sound is from the effect's: in time always, in the spectrum if asked for.

ESR with pre-emphasis and the DC term are those of Wright & Välimäki, Perceptual Loss Function
for Neural Modelling of Audio Systems, ICASSP 2020; the multi-resolution STFT is auraloss's
(Steinmetz & Reiss, DMRN+15, 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import torch
from torch import Tensor

LONGEST_STFT = 2048
"""Frames that are looked at together: of fewer there is no such loss."""


class LossError(ValueError):
    """A loss that cannot be learnt from; the message says why."""


@dataclass(frozen=True)
class Loss:
    """Weights of the terms, each a mean over the rows of a batch.

    ``esr`` the error's energy over the effect's, ``emphasised`` the same with the treble raised
    by 1 - ``pre_emphasis`` z^-1, ``dc`` the offset's, ``stft`` the multi-resolution STFT.
    ESR alone leaves the treble dull; the emphasised alone leaves the bass to chance.
    """

    esr: float = 1.0
    emphasised: float = 1.0
    dc: float = 0.0
    stft: float = 0.0
    pre_emphasis: float = 0.85

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0.0):
                raise LossError(f"loss: {field.name} = {value} must be 0 or more")
        if self.esr == 0.0 and self.emphasised == 0.0:
            raise LossError(
                "loss: without esr or emphasised nothing in it looks at the waveform; magnitudes "
                "are blind to polarity, and the network may learn the effect upside down"
            )

    def __call__(self, output: Tensor, target: Tensor, floor: float) -> Tensor:
        """Return the loss of ``output`` against ``target``, each (batch, frames).

        Each row counts alike, so soft playing is learnt as well as loud; ``floor``, a power,
        keeps silence from counting for everything.
        """
        error = output - target
        power = target.square().mean(1) + floor
        total = output.new_zeros(())
        if self.esr:
            total = total + self.esr * (error.square().mean(1) / power).mean()
        if self.emphasised:
            bright = emphasise(target, self.pre_emphasis).square().mean(1)
            share = emphasise(error, self.pre_emphasis).square().mean(1)
            # a floor of the same share: without it a bass note would count for its noise
            least = floor * (1.0 - self.pre_emphasis) ** 2 + 0.01 * power
            total = total + self.emphasised * (share / (bright + least)).mean()
        if self.dc:
            total = total + self.dc * (error.mean(1).square() / power).mean()
        if self.stft:
            spectral = _multi_resolution(output.device.type)
            total = total + self.stft * spectral(output.unsqueeze(1), target.unsqueeze(1))
        return total


def parse_loss(text: str) -> Loss:
    """Return the loss of "esr=1,stft=0.1": what is not named is 0; LossError if it is none."""
    terms = {field.name for field in fields(Loss)}
    values = {"esr": 0.0, "emphasised": 0.0}
    for part in filter(None, text.split(",")):
        name, _, number = (word.strip() for word in part.partition("="))
        if name not in terms:
            raise LossError(f"loss: {name} is no term; terms are {', '.join(sorted(terms))}")
        try:
            values[name] = float(number or 1.0)
        except ValueError:
            raise LossError(f"loss: {name} = {number} is no number") from None
    return Loss(**values)


def emphasise(audio: Tensor, amount: float) -> Tensor:
    """Return x[t] - amount x[t - 1], (batch, frames - 1)."""
    return audio[:, 1:] - amount * audio[:, :-1]


def esr(output: Tensor, target: Tensor) -> float:
    """Return the energy of the error over that of ``target``, all rows together."""
    energy = float(target.double().square().sum())
    return float((output - target).double().square().sum()) / max(energy, 1e-12)


@cache
def _multi_resolution(device: str) -> Any:
    try:
        from auraloss.freq import MultiResolutionSTFTLoss
    except ImportError:
        raise LossError("loss: stft needs the package auraloss") from None
    return MultiResolutionSTFTLoss().to(torch.device(device))
