"""The dissertation's sampler, literally: N rows in torch, one step at a time.

It is what the compiled one is compared with: every call works out all ``num_unrollings`` rows,
of which only the last prediction is heard.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from engine.sampler.errors import SamplerError
from engine.sampler.frames import from_log, magnitudes, to_log
from engine.sampler.model import SamplerModel
from models.sampler.sound import Sound


class Literal(nn.Module):  # type: ignore[misc]
    """All rows of a model: (rows, inputs) in, (rows, outputs) out, (1, 1) for transpose."""

    def __init__(self, model: SamplerModel, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.model = model
        self.rows = int(model.job["num_unrollings"])
        layers = model.layers
        self.cells = nn.ModuleList(nn.LSTMCell(layer.inputs, layer.hidden) for layer in layers)
        for cell, layer in zip(self.cells, layers, strict=True):
            cell.weight_ih.data = _t(layer.kernel)
            cell.weight_hh.data = _t(layer.recurrent)
            cell.bias_ih.data = _t(layer.bias)
            cell.bias_hh.data = torch.zeros_like(cell.bias_hh)
        self.head = nn.Linear(model.head.kernel.shape[1], len(model.head.bias))
        self.head.weight.data = _t(model.head.kernel)
        self.head.bias.data = _t(model.head.bias)
        self.to(dtype).eval()
        self.dtype = dtype
        self.input_mean, self.input_scale = (
            self._row(model.input_mean),
            self._row(model.input_scale),
        )
        self.output_mean = self._row(model.output_mean)
        self.output_scale = self._row(model.output_scale)
        self.taps = self._row(model.taps)
        self.states = [self._zeros(layer.hidden) for layer in layers]

    def step(self, given: Tensor) -> Tensor:
        """One call of the graph on ``given`` (rows, inputs), with what the rows remember."""
        with torch.no_grad():
            x = (given - self.input_mean) / self.input_scale
            for number, cell in enumerate(self.cells):
                h, c = cell(x, self.states[number])
                self.states[number] = (h, c)
                x = h + x if self.model.residual and h.shape == x.shape else h
            if self.model.approach == "transpose":
                y = (self.taps @ self.head(x)[:, :1] + self.model.taps_bias)[None]
            else:
                y = self.head(x)[:, : self.model.outputs]
            if self.model.squash == "tanh":
                y = torch.tanh(y)
            return y * self.output_scale + self.output_mean

    def _row(self, array: Sound) -> Tensor:
        return _t(array).to(self.dtype)

    def _zeros(self, units: int) -> tuple[Tensor, Tensor]:
        shape = (self.rows, units)
        return torch.zeros(shape, dtype=self.dtype), torch.zeros(shape, dtype=self.dtype)


def literal_dream(
    model: SamplerModel, seed: Sound, steps: int, dtype: torch.dtype = torch.float32
) -> Sound:
    """``steps`` calls from a seed that fills all rows: samples, or frames of magnitudes.

    Raises SamplerError if the seed is shorter than num_unrollings rows.
    """
    graph = Literal(model, dtype)
    rows = _first(model, seed, graph.rows).to(dtype)
    made = []
    for _ in range(steps):
        newest = graph.step(rows)[-1]
        made.append(newest.numpy())
        if model.approach in ("column", "transpose"):
            line = torch.roll(rows.flatten(), -1)
            line[-1] = newest[0]
            rows = line.reshape(rows.shape)
        else:
            rows = torch.cat([rows[1:], newest[None]])
    found = np.stack(made)
    if model.approach == "spectrum":
        return np.asarray(from_log(found) if model.log else found, np.float32)
    return np.asarray(found.reshape(-1), np.float32)


def _t(array: Sound) -> Tensor:
    return torch.from_numpy(np.array(array))


def _first(model: SamplerModel, seed: Sound, rows: int) -> Tensor:
    """The end of the seed as rows, the newest last."""
    if model.approach == "spectrum":
        frames = magnitudes(seed, model.window_size, model.hop_size, model.zero_padding)
        line = to_log(frames) if model.log else frames
    else:
        if model.approach == "vector" and model.outputs != model.inputs:
            raise SamplerError(
                f"label_shape is {model.outputs} wide: the dissertation's rows are seg_len = "
                f"{model.inputs}"
            )
        whole = len(seed) // model.inputs * model.inputs
        line = np.asarray(seed[len(seed) - whole :]).reshape(-1, model.inputs)
    if len(line) < rows:
        raise SamplerError(f"the seed fills {len(line)} rows; num_unrollings = {rows} are needed")
    return torch.from_numpy(np.ascontiguousarray(line[-rows:]))


__all__ = ["Literal", "literal_dream"]
