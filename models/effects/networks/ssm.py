"""Blocks of diagonal state space: S4D (Gu et al., NeurIPS 2022) as an effect hears it.

A block mixes the channels, bends them, gives each its own filter of N complex poles, lets the
knobs scale and shift the result, bends again and adds it to what came in, after the S4 blocks
of Comunità et al., NablAFx, 2025. It is the safest single choice in their table.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.neural import network as ir
from models.effects.networks.base import EffectNetwork, beside, mixed, numbers, put
from models.effects.networks.film import Film
from models.effects.networks.scan import scan

SHORTEST, LONGEST = 2.0, 4800.0  # samples: what the slowest poles of the channels remember
WARM_UP = 2048
FAINT = 0.3  # read-outs and output begin so small that the first steps do not shout


class StateSpace(nn.Module):  # type: ignore[misc]
    """Filters of ``states`` complex poles, one for each of ``channels``.

    Poles are exp(-decay + i frequency). They start as S4D-Lin: channel h has a time step that
    is spread evenly in the logarithm, pole n of it turns n half-turns in that step. Read-outs
    are learnt relative to what makes a resonance pass its frequency as it is.
    """

    def __init__(self, channels: int, states: int) -> None:
        super().__init__()
        spread = torch.logspace(math.log10(SHORTEST), math.log10(LONGEST), channels)
        step = 1.0 / spread[torch.randperm(channels)].unsqueeze(1)
        frequency = (math.pi * torch.arange(states) * step).clamp(1e-4, 0.9 * math.pi)
        self.log_decay = nn.Parameter(torch.log(step).expand(-1, states).clone())
        self.log_frequency = nn.Parameter(torch.log(frequency))
        self.readout = nn.Parameter(
            torch.randn(channels, states, 2) * (FAINT / math.sqrt(2.0 * states))
        )
        self.direct = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        """Return each channel of ``x`` (channels, batch, frames) through its filter.

        ``scale`` (channels,) multiplies the result at no cost.
        """
        log_a, c = self.poles()
        direct = self.direct
        if scale is not None:
            c, direct = c * scale.unsqueeze(1), direct * scale
        return scan(x, log_a, c, direct)

    def poles(self) -> tuple[Tensor, Tensor]:
        """Return the logarithms of the poles and the read-outs, complex (channels, states)."""
        decay = self.log_decay.clamp(-10.0, 2.0).exp()
        log_a = torch.complex(-decay, self.log_frequency.exp())
        peak = -torch.expm1(-decay)
        return _as_played(log_a), torch.view_as_complex(self.readout) * peak

    def emit(self, source: ir.Signal, ops: list[ir.Op], scale: Tensor | None = None) -> ir.Signal:
        """Append it; ``scale`` (channels,) goes into the read-outs."""
        log_a, c = (part.detach().to(torch.complex128) for part in self.poles())
        factor = torch.ones(len(c)) if scale is None else scale.detach()
        factor = factor.double()
        a, c = torch.exp(log_a), c * factor.unsqueeze(1)
        direct = self.direct.detach().double() * factor
        target = ir.Signal(source.channels)
        a_played, c_played = (numbers(torch.view_as_real(part)) for part in (a, c))
        ops.append(ir.Ssm(source, target, a_played, c_played, numbers(direct)))
        return target


def _as_played(log_a: Tensor) -> Tensor:
    """Return the logarithms of poles that single precision can hold, gradients passed through.

    A pole that remembers 4800 samples is 1 - 2e-4: rounded, its gain at 0 Hz is off by 3e-4.
    What is learnt with the rounded pole is what will be played.
    """
    with torch.no_grad():
        played = torch.exp(log_a.to(torch.complex128)).to(torch.complex64)
        rounding = torch.log(played.to(torch.complex128)).to(torch.complex64) - log_a
    return log_a + rounding


class Block(nn.Module):  # type: ignore[misc]
    """Mix, tanh, filter, FiLM, PReLU and the sum with what came in."""

    def __init__(self, channels: int, states: int, controls: int) -> None:
        super().__init__()
        self.mix = nn.Linear(channels, channels)
        self.filter = StateSpace(channels, states)
        self.film = Film(controls, channels)
        self.slopes = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor, controls: Tensor | None) -> Tensor:
        """Return ``x`` (channels, batch, frames) one block on."""
        flat = x.reshape(len(x), -1)
        mixed_in = torch.addmm(self.mix.bias.unsqueeze(1), self.mix.weight, flat)
        bent = torch.tanh(mixed_in).view_as(x)
        scale, shift = self.film(controls)
        if controls is None:
            y = self.filter(bent, scale.view(-1)) + shift
        else:
            y = torch.addcmul(shift, self.filter(bent), scale)
        return x + functional.prelu(y.unsqueeze(0), self.slopes).squeeze(0)

    def emit(self, x: ir.Signal, source: ir.Signal, ops: list[ir.Op]) -> ir.Signal:
        """Append it to ``x``; ``source`` has the knobs."""
        bent = mixed(ops, x, self.mix.weight, self.mix.bias, ir.Activate("tanh"))
        prelu = ir.Prelu(numbers(self.slopes))
        if self.film.controls:
            y, film = self.filter.emit(bent, ops), self.film.emit(source, ops)
            y = put(ops, ir.Conv(None, adds=(y,), steps=(film, prelu)))
        else:
            y = self.filter.emit(bent, ops, self.film.scale)
            shift = numbers(self.film.shift)
            y = put(ops, ir.Conv(None, bias=shift, adds=(y,), steps=(prelu,)))
        return put(ops, ir.Conv(None, adds=(x, y)))


class SsmNetwork(EffectNetwork):
    """``blocks`` of state space between two mixes, the knobs by FiLM in each block."""

    def __init__(self, name: str, controls: int, blocks: int, channels: int, states: int) -> None:
        super().__init__(name, controls, WARM_UP)
        self.first = nn.Linear(1 + controls, channels)
        self.blocks = nn.ModuleList(Block(channels, states, controls) for _ in range(blocks))
        self.last = nn.Linear(channels, 1)
        with torch.no_grad():
            self.last.weight *= FAINT

    def inner(self, audio: Tensor, controls: Tensor | None) -> Tensor:
        """Return the sound between the two gains."""
        rows = beside(audio, controls).transpose(0, 1)
        flat = torch.addmm(
            self.first.bias.unsqueeze(1), self.first.weight, rows.reshape(len(rows), -1)
        )
        x = flat.view(-1, *audio.shape)
        for block in self.blocks:
            x = block(x, controls)
        out = torch.addmm(self.last.bias.unsqueeze(1), self.last.weight, x.reshape(len(x), -1))
        return out.view_as(audio)

    def to_network(self) -> ir.Network:
        """Return what the audio thread plays."""
        source, ops = ir.Signal(1 + self.controls), list[ir.Op]()
        first = self.first.weight.detach().clone()
        first[:, 0] *= self.input_gain
        x = mixed(ops, source, first, self.first.bias)
        for block in self.blocks:
            x = block.emit(x, source, ops)
        gain = self.output_gain
        x = mixed(ops, x, self.last.weight * gain, self.last.bias * gain)
        network = ir.Network(source, x, ops)
        network.check()
        return network
