"""A network with a learnt impulse response behind it: an amplifier and its cabinet.

A cabinet rings for thousands of samples, which no small network remembers, but it is linear. What
bends comes first and what rings comes last (a Hammerstein model), both learnt together; live,
the response is convolved as a cabinet is and costs next to nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.boxes.fir import Fir
from engine.neural import network as ir
from models.effects.networks.base import LOUD, EffectNetwork, numbers


class Cascade(EffectNetwork):
    """``core`` and then a response of as many taps as ``response`` (taps,) has, begun with that."""

    def __init__(self, core: EffectNetwork, response: NDArray[np.floating]) -> None:
        taps = len(response)
        super().__init__(f"{core.name}+fir{taps}", core.controls, core.warm_up + taps)
        self.core = core
        start = torch.from_numpy(np.asarray(response, np.float32).copy())
        self.taps = nn.Parameter(start / start.norm().clamp_min(1e-9))

    def set_levels(self, dry_rms: float, wet_rms: float) -> None:
        """Bring sound of these levels to ``LOUD`` inside; the core takes the dry side."""
        self.core.set_levels(dry_rms, LOUD)
        self.output_gain.fill_(max(wet_rms, 1e-6) / LOUD)

    def inner(self, audio: Tensor, controls: Tensor | None) -> Tensor:
        """Return the core's sound through the response."""
        bent = self.core(audio, controls)
        frames = audio.shape[1]
        size = 1 << (frames + len(self.taps) - 2).bit_length()
        spectrum = torch.fft.rfft(bent, size) * torch.fft.rfft(self.taps, size)
        return torch.fft.irfft(spectrum, size)[:, :frames]

    def to_network(self) -> ir.Network:
        """Return what the audio thread plays."""
        core = self.core.to_network()
        out = ir.Signal(1)
        box = Fir(numbers(self.taps * self.output_gain))
        network = ir.Network(core.input, out, [*core.ops, ir.Stage((core.output,), out, box)])
        network.check()
        return network
