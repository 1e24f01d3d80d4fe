"""Knobs that are gains before and after a network: what one setting taught holds for all.

A gain knob is known at a few settings only. A network that is free to use it (FiLM, an input) may
do anything between them; two gains whose decibels are straight lines in the knob cannot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from engine.neural import network as ir
from models.effects.networks.base import EffectNetwork, put
from models.effects.networks.recurrent import Recurrent


class Gains(EffectNetwork):
    """``core``, which has no knobs, between exp(a . k + b) and exp(c . k + d), k the knobs.

    ``rise`` (controls,) is where c begins: how much louder the effect is at each knob's maximum
    than at its minimum, in nepers.
    """

    def __init__(self, core: EffectNetwork, controls: int, rise: Sequence[float]) -> None:
        super().__init__(f"{core.name}+gain", controls, core.warm_up)
        self.core, self.truncated = core, core.truncated
        self.before = nn.Parameter(torch.zeros(controls))
        start = torch.from_numpy(np.asarray(rise, np.float32).copy())
        self.after = nn.Parameter(start)

    def set_levels(self, dry_rms: float, wet_rms: float) -> None:
        """The core has them."""
        self.core.set_levels(dry_rms, wet_rms)

    def inner(self, audio: Tensor, controls: Tensor | None) -> Tensor:
        """Return the core's sound between the gains."""
        before, after = self._gains(controls)
        out: Tensor = self.core(audio * before, None) * after
        return out

    def run(
        self, audio: Tensor, controls: Tensor | None, state: object = None
    ) -> tuple[Tensor, object]:
        """Return the sound of a part that follows on ``state``, and the state after it."""
        assert isinstance(self.core, Recurrent)
        before, after = self._gains(self.checked(audio, controls))
        out, state = self.core.run(audio * before, None, state)
        return out * after, state

    def _gains(self, controls: Tensor | None) -> tuple[Tensor, Tensor]:
        assert controls is not None and controls.dim() == 2, "gains follow knobs that stand still"
        middle = controls - 0.5
        return (middle @ self.before).exp().unsqueeze(1), (middle @ self.after).exp().unsqueeze(1)

    def to_network(self) -> ir.Network:
        """Return what the audio thread plays."""
        core = self.core.to_network()
        source, ops = ir.Signal(1 + self.controls), list[ir.Op]()
        before = _gain(source, self.before, ops)
        through = np.zeros((1, 1 + self.controls, 1), np.float32)
        through[0, 0] = 1.0
        heard = (ir.Term(source, through),)
        ops.append(ir.Conv(core.input, heard, steps=(ir.Film(before, None),)))
        ops += core.ops
        after = _gain(source, self.after, ops)
        out = put(ops, ir.Conv(None, adds=(core.output,), steps=(ir.Film(after, None),)))
        network = ir.Network(source, out, ops)
        network.check()
        return network


def _gain(source: ir.Signal, slope: Tensor, ops: list[ir.Op]) -> ir.Signal:
    """Append exp(slope . (k - 1 / 2)) of the knobs in ``source``.

    exp is elu + 1 below zero: the argument is moved there and the factor made good after.
    """
    values = slope.detach().double().cpu().numpy()
    most = float(np.abs(values).sum()) / 2.0
    weights = np.zeros((1, source.channels, 1), np.float32)
    weights[0, 1:, 0] = values
    bias = np.array([-0.5 * values.sum() - most], np.float32)
    elu = ir.Activate("elu")
    raised = put(ops, ir.Conv(None, (ir.Term(source, weights),), bias, steps=(elu,)))
    factor = np.full((1, 1, 1), math.exp(most), np.float32)
    return put(ops, ir.Conv(None, (ir.Term(raised, factor),), factor[:, 0, 0].copy()))
