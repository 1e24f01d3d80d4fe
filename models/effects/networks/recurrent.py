"""LSTM and GRU with a skip, after Wright et al., Applied Sciences 10(3), 2020."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.neural import network as ir
from models.effects.networks.base import EffectNetwork, NetworkSizeError, beside, numbers, put
from models.guitarml import guitarml

LONGEST = 2400.0  # samples: a high-pass at 20 Hz has nearly settled by then
WARM_UP = 1024


class Recurrent(EffectNetwork):
    """Layers of LSTM or GRU, a dense layer and the sound itself, ``skip`` times.

    The skip is learnt, and starts where the levels of the pairs put it. Controls go in beside
    the sound.
    """

    truncated = True

    def __init__(
        self, name: str, controls: int, hidden: int, layers: int = 1, unit: str = "LSTM"
    ) -> None:
        super().__init__(name, controls, WARM_UP)
        kind = nn.LSTM if unit == "LSTM" else nn.GRU
        self.core = kind(1 + controls, hidden, layers)
        self.dense = nn.Linear(hidden, 1)
        self.skip = nn.Parameter(torch.ones(()))
        self._remember()

    def _remember(self) -> None:
        """Start each cell forgetting at its own pace, from 2 to ``LONGEST`` frames.

        Tallec & Ollivier, Can Recurrent Neural Networks Warp Time?, ICLR 2018. Without it a
        high-pass is found late or never. The paces are spread evenly in the logarithm.
        """
        hidden = self.core.hidden_size
        pace = torch.logspace(math.log10(2.0), math.log10(LONGEST), hidden)
        bias = torch.log(pace - 1.0 + 1e-3)
        with torch.no_grad():
            for layer in range(self.core.num_layers):
                into = getattr(self.core, f"bias_ih_l{layer}")
                into.zero_()
                getattr(self.core, f"bias_hh_l{layer}").zero_()
                if isinstance(self.core, nn.LSTM):
                    into[: 2 * hidden] = torch.cat((-bias, bias))
                else:
                    into[hidden : 2 * hidden] = bias

    def inner(self, audio: Tensor, controls: Tensor | None) -> Tensor:
        """Return the sound between the two gains."""
        return self._run(audio, controls, None)[0]

    def run(
        self, audio: Tensor, controls: Tensor | None, state: object = None
    ) -> tuple[Tensor, object]:
        """Return the sound of a part that follows on ``state``, and the state after it."""
        inner, state = self._run(audio * self.input_gain, self.checked(audio, controls), state)
        return inner * self.output_gain, state

    def _run(self, audio: Tensor, controls: Tensor | None, state: object) -> tuple[Tensor, object]:
        rows = beside(audio, controls).permute(2, 0, 1)
        seen, state = self.core(rows, state)
        return self.dense(seen).squeeze(2).T + self.skip * audio, state

    def to_network(self) -> ir.Network:
        """Return what the audio thread plays."""
        source, ops = ir.Signal(1 + self.controls), list[ir.Op]()
        seen = source
        for layer in range(self.core.num_layers):
            seen = self._emit(layer, seen, ops)
        gain, skip = self.output_gain, self.skip * self.input_gain * self.output_gain
        through = torch.zeros(1, 1 + self.controls)
        through[0, 0] = skip
        terms = tuple(
            ir.Term(signal, numbers(weight).reshape(1, -1, 1))
            for signal, weight in ((seen, self.dense.weight * gain), (source, through))
        )
        out = put(ops, ir.Conv(None, terms, numbers(self.dense.bias * gain)))
        network = ir.Network(source, out, ops)
        network.check()
        return network

    def _emit(self, layer: int, source: ir.Signal, ops: list[ir.Op]) -> ir.Signal:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_in, w_state, b_in, b_state = (
            getattr(self.core, f"{name}_l{layer}").detach() for name in names
        )
        if layer == 0:
            w_in = self._gained(w_in)
        target = ir.Signal(self.core.hidden_size)
        zeros = numbers(torch.zeros(self.core.hidden_size))
        if isinstance(self.core, nn.LSTM):
            parts = [numbers(part) for part in (w_in, w_state, b_in + b_state)]
            ops.append(ir.Lstm(source, target, parts[0], parts[1], parts[2], zeros, zeros))
        else:
            parts = [numbers(part) for part in (w_in, w_state, b_in, b_state)]
            ops.append(ir.Gru(source, target, parts[0], parts[1], parts[2], parts[3], zeros))
        return target

    def _gained(self, w_in: Tensor) -> Tensor:
        gained = w_in.detach().clone()
        gained[:, 0] *= self.input_gain
        return gained

    def to_guitarml(self, sample_rate: int, name: str) -> bytes:
        """Return it as GuitarML's JSON, whose skip adds the sound as it is or not at all.

        NetworkSizeError if the skip that was learnt is neither (see ``pin_skip``).
        """
        skip = float(self.skip.detach() * self.input_gain * self.output_gain)
        if abs(skip) > 1e-6 and abs(skip - 1.0) > 1e-6:
            told = f"{self.name}: its skip is {skip:.3g}; GuitarML's JSON knows 0 and 1"
            raise NetworkSizeError(told)
        core, dense = type(self.core)(*self._sizes()), nn.Linear(self.dense.in_features, 1)
        core.load_state_dict(self.core.state_dict())
        with torch.no_grad():
            core.weight_ih_l0.copy_(self._gained(self.core.weight_ih_l0))
            dense.weight.copy_(self.dense.weight * self.output_gain)
            dense.bias.copy_(self.dense.bias * self.output_gain)
        return guitarml(core, dense, skip > 0.5, 1.0, sample_rate, name)

    def _sizes(self) -> tuple[int, int, int]:
        return 1 + self.controls, self.core.hidden_size, self.core.num_layers

    def pin_skip(self, on: bool) -> None:
        """Hold the skip at 1 or 0 between input and output, as GuitarML's JSON has it."""
        gains = float(self.input_gain * self.output_gain)
        self.skip.requires_grad_(False).fill_(1.0 / gains if on else 0.0)
