"""Knobs that scale and shift the channels of a network: FiLM (Perez et al., AAAI 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.neural import network as ir
from models.effects.networks.base import mixed

HIDDEN = 12


class Film(nn.Module):  # type: ignore[misc]
    """A small network from controls to a factor and an offset of each channel.

    Without controls factor and offset are plain numbers that are learnt. Factors start at 1
    and offsets at 0 for every knob, so that a block begins as one without knobs.
    """

    def __init__(self, controls: int, channels: int) -> None:
        super().__init__()
        self.controls, self.channels = controls, channels
        if controls:
            self.hidden = nn.Linear(controls, HIDDEN)
            self.out = nn.Linear(HIDDEN, 2 * channels)
            nn.init.normal_(self.out.weight, std=0.05)
            with torch.no_grad():
                self.out.bias.zero_()
                self.out.bias[:channels] = 1.0
        else:
            self.scale = nn.Parameter(torch.ones(channels))
            self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, controls: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return factor and offset: (channels, batch, 1 or frames), or (channels, 1, 1)."""
        if controls is None:
            return self.scale.view(-1, 1, 1), self.shift.view(-1, 1, 1)
        rows = controls.unsqueeze(2) if controls.dim() == 2 else controls
        both = self.out(torch.tanh(self.hidden(rows.transpose(1, 2))))
        return tuple(both.permute(2, 0, 1).split(self.channels))

    def emit(self, source: ir.Signal, ops: list[ir.Op]) -> ir.Film:
        """Append what makes factor and offset of the controls in ``source``."""
        weight = self.hidden.weight.detach()
        blind = torch.cat((torch.zeros_like(weight[:, :1]), weight), 1)  # the sound is not heard
        hidden = mixed(ops, source, blind, self.hidden.bias, ir.Activate("tanh"))
        parts = zip(
            self.out.weight.split(self.channels), self.out.bias.split(self.channels), strict=True
        )
        scale, shift = (mixed(ops, hidden, weight, bias) for weight, bias in parts)
        return ir.Film(scale, shift)
