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
from models.effects.networks.recurrent import Recurrent


class Cascade(EffectNetwork):
    """``core``, then a response of as many taps as ``response`` (taps,) has, begun with that."""

    def __init__(
        self, core: EffectNetwork, response: NDArray[np.floating], sample_rate: int
    ) -> None:
        taps = len(response)
        super().__init__(f"{core.name}+fir{taps}", core.controls, core.warm_up + taps)
        self.core, self.sample_rate = core, sample_rate
        self.truncated = core.truncated
        start = torch.from_numpy(np.asarray(response, np.float32).copy())
        self.taps = nn.Parameter(start / start.norm().clamp_min(1e-9))

    def set_levels(self, dry_rms: float, wet_rms: float) -> None:
        """Bring sound of these levels to ``LOUD`` inside; the core takes the dry side."""
        self.core.set_levels(dry_rms, LOUD)
        self.output_gain.fill_(max(wet_rms, 1e-6) / LOUD)

    def inner(self, audio: Tensor, controls: Tensor | None) -> Tensor:
        """Return the core's sound through the response."""
        return convolved(self.core(audio, controls), self.taps)

    def run(
        self, audio: Tensor, controls: Tensor | None, state: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the sound of a part that follows on ``state``, and the state after it.

        The state is the core's and what the core made last, as long as the response.
        """
        assert isinstance(self.core, Recurrent)
        *known, past = state or (audio.new_zeros(len(audio), len(self.taps) - 1),)
        heard = tuple(known) if len(known) > 1 else known[0] if known else None  # an LSTM has two
        bent, after = self.core.run(audio, controls, heard)
        whole = torch.cat((past, bent), 1)
        out = convolved(whole, self.taps)[:, past.shape[1] :] * self.output_gain
        kept = whole[:, whole.shape[1] - past.shape[1] :]
        return out, (*(after if isinstance(after, tuple) else (after,)), kept)

    def to_network(self) -> ir.Network:
        """Return what the audio thread plays."""
        core = self.core.to_network()
        out, box = ir.Signal(1), Fir(numbers(self.taps * self.output_gain))
        ops = [*core.ops, ir.Stage((core.output,), out, box, self.sample_rate)]
        network = ir.Network(core.input, out, ops)
        network.check()
        return network


def convolved(sound: Tensor, taps: Tensor) -> Tensor:
    """Return ``sound`` (batch, frames) through ``taps`` (n,), causal, as many frames."""
    frames = sound.shape[1]
    size = 1 << (frames + len(taps) - 2).bit_length()
    spectrum = torch.fft.rfft(sound, size) * torch.fft.rfft(taps, size)
    return torch.fft.irfft(spectrum, size)[:, :frames]
