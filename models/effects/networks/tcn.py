"""Dilated residual convolutions with a long reach, after Steinmetz & Reiss, AES 152, 2022.

Few layers of many taps whose dilation grows fast see far at little cost; knobs scale and
shift every layer by FiLM.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.neural import network as ir
from models.effects.networks.base import EffectNetwork, mixed, numbers, put
from models.effects.networks.film import Film


class Layer(nn.Module):  # type: ignore[misc]
    """A dilated convolution, FiLM, PReLU and the sum with what came in, scaled."""

    def __init__(self, into: int, channels: int, taps: int, dilation: int, controls: int) -> None:
        super().__init__()
        self.lookback = (taps - 1) * dilation
        self.conv = nn.Conv1d(into, channels, taps, dilation=dilation)
        self.film = Film(controls, channels)
        self.slopes = nn.Parameter(torch.full((channels,), 0.25))
        self.residual = nn.Conv1d(into, channels, 1, bias=False)

    def forward(self, x: Tensor, controls: Tensor | None) -> Tensor:
        """Return ``x`` (batch, channels, frames) one layer on."""
        scale, shift = (part.transpose(0, 1) for part in self.film(controls))
        z = torch.addcmul(shift, self.conv(functional.pad(x, (self.lookback, 0))), scale)
        return functional.prelu(z, self.slopes) + self.residual(x)

    def emit(self, x: ir.Signal, source: ir.Signal, ops: list[ir.Op]) -> ir.Signal:
        """Append it to ``x``; ``source`` has the knobs."""
        prelu = ir.Prelu(numbers(self.slopes))
        if self.film.controls:
            weight, bias = self.conv.weight, self.conv.bias
            steps: tuple[ir.Step, ...] = (self.film.emit(source, ops), prelu)
        else:
            scale = self.film.scale
            weight = self.conv.weight * scale.view(-1, 1, 1)
            bias, steps = self.conv.bias * scale + self.film.shift, (prelu,)
        term = ir.Term(x, numbers(weight), self.conv.dilation[0])
        bent = put(ops, ir.Conv(None, (term,), numbers(bias), steps=steps))
        past = ir.Term(x, numbers(self.residual.weight))
        return put(ops, ir.Conv(None, (past,), adds=(bent,)))


class Tcn(EffectNetwork):
    """``layers`` of ``taps``, the dilation ``growth`` times greater from each to the next."""

    def __init__(
        self, name: str, controls: int, channels: int, taps: int, layers: int, growth: int
    ) -> None:
        reach = sum((taps - 1) * growth**n for n in range(layers))
        super().__init__(name, controls, reach)
        self.layers = nn.ModuleList(
            Layer(channels if n else 1, channels, taps, growth**n, controls) for n in range(layers)
        )
        self.out = nn.Linear(channels, 1)

    def inner(self, audio: Tensor, controls: Tensor | None) -> Tensor:
        """Return the sound between the two gains."""
        x = audio.unsqueeze(1)
        for layer in self.layers:
            x = layer(x, controls)
        return functional.conv1d(x, self.out.weight.unsqueeze(2), self.out.bias).squeeze(1)

    def to_network(self) -> ir.Network:
        """Return what the audio thread plays."""
        source, ops = ir.Signal(1 + self.controls), list[ir.Op]()
        gain = torch.zeros(1, 1 + self.controls)
        gain[0, 0] = self.input_gain
        x = mixed(ops, source, gain, None)
        for layer in self.layers:
            x = layer.emit(x, source, ops)
        out = mixed(ops, x, self.out.weight * self.output_gain, self.out.bias * self.output_gain)
        network = ir.Network(source, out, ops)
        network.check()
        return network
