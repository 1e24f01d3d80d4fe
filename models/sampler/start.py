"""First weights that already predict: the best linear prediction of the recording.

A least-squares predictor of what follows from the window before it is put into some units of the
first layer, where tanh is all but straight, and into the head. Training begins where linear
prediction ends, and finds what needs memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.sampler.material import Material
from models.sampler.network import SamplerNetwork

EXAMPLES = 24_576
RIDGE = 1e-2
"""Noise, as a share of the level, that the predictor expects at least: dreams do not burst."""
ROUNDS = 3
TELLING = 0.03
"""Error, as a share of the level, below which examples weigh alike."""
OPEN = 8.0
"""What holds a gate open or shut, before its sigmoid: what leaks from before would hiss."""
STRAIGHT = 0.02
"""RMS that a unit is driven to: at an attack, ten times as loud, tanh bends by 1 %."""

SHARE = 0.02
"""Of a step of the optimiser, for weights of the predictor."""

Array = NDArray[Any]


def start_linear(network: SamplerNetwork, material: Material, seed: int) -> int:
    """Put the predictor into at most three quarters of the units; tells into how many.

    The others begin as they were, but the head does not hear them yet.
    """
    heard, wanted = _examples(material, seed)
    noise = max(RIDGE, material.job.noisify)
    into, out = _predictor(heard, wanted, network.layers[0].hidden_size * 3 // 4, noise)
    level = STRAIGHT / np.maximum(np.sqrt(np.mean(np.square(heard @ into), 0)), 1e-9)
    _place(network, into * level, out / level[:, None])
    if network.means == 2:
        error = np.median(np.abs(heard @ (into @ out) - wanted))
        with torch.no_grad():
            network.head.weight[network.made :] = 0.0
            network.head.bias[network.made :] = float(np.log(max(error, 1e-3)))
    return int(into.shape[1])


def start_components(network: SamplerNetwork, material: Material, seed: int) -> None:
    """Find the components that a network with some is told its vectors in."""
    if network.components is not None:
        heard, wanted = _examples(material, seed)
        network.components.find(torch.from_numpy(heard), torch.from_numpy(wanted))


def _examples(material: Material, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng((seed, 7))
    last = len(material.line) - material.reach
    places = rng.integers(0, last + 1, min(EXAMPLES, 4 * last + 1))
    if material.job.approach == "spectrum":
        pieces = material.line[places], material.line[places + 1]
    else:
        n = material.job.seg_len
        windows = material.line.unfold(0, material.reach, 1)[places]
        pieces = windows[:, :n], windows[:, n:]
    heard, wanted = (piece.cpu().numpy() for piece in pieces)
    return heard, wanted


def _predictor(heard: Array, wanted: Array, units: int, noise: float) -> tuple[Array, Array]:
    """The least-squares map as two of rank ``units``: (width, rank) and (rank, made).

    Attacks, which nothing predicts, would have all the say: examples weigh by how well they are
    predicted (iteratively reweighted least squares, as for Cauchy's distribution).
    """
    weight: Array = np.full(len(heard), 1.0 / len(heard))
    for _ in range(ROUNDS):
        weighed = heard * weight[:, None].astype(heard.dtype)
        squares = (weighed.T @ heard).astype(np.float64)
        squares[np.diag_indices_from(squares)] += noise**2 * np.trace(squares) / len(squares)
        whole = np.linalg.solve(squares, (weighed.T @ wanted).astype(np.float64))
        error: Array = np.mean(np.square(heard @ whole.astype(heard.dtype) - wanted), 1)
        weight = np.asarray(1.0 / (error + TELLING**2))
        weight = weight / weight.sum()
    # the directions in which what it predicts is largest, so that little is lost with the others
    root = np.linalg.cholesky(squares)
    left, sizes, right = np.linalg.svd(root.T @ whole, full_matrices=False)
    rank = max(1, min(units, int(np.sum(sizes > 1e-6 * sizes[0]))))
    into = np.linalg.solve(root.T, left[:, :rank] * sizes[:rank])
    return into, right[:rank]


def _place(network: SamplerNetwork, into: Array, out: Array) -> None:
    """Weights of the first layer, of those above (which pass it on) and of the head."""
    rank = into.shape[1]
    gate = 1.0 / (1.0 + np.exp(-OPEN))
    with torch.no_grad():
        for number, layer in enumerate(network.layers):
            units = layer.hidden_size
            rows = [slice(k * units, k * units + rank) for k in range(4)]
            i, f, g, o = rows
            below = torch.from_numpy(into.T.copy()).float()
            if number and not network.residual:
                below = torch.zeros(rank, layer.input_size)
                below[torch.arange(rank), torch.arange(rank)] = 1.0 / gate**2
            for rows_of_gate in rows:
                layer.weight_ih_l0[rows_of_gate] = 0.0
                layer.weight_hh_l0[rows_of_gate] = 0.0
            if not number or not network.residual:
                layer.weight_ih_l0[g] = below.to(layer.weight_ih_l0)
            layer.bias_ih_l0[i], layer.bias_ih_l0[o] = OPEN, OPEN
            layer.bias_ih_l0[f], layer.bias_ih_l0[g] = -OPEN, 0.0
        made = out.shape[1]
        network.head.weight[:made] = 0.0  # what the other units say by chance would hiss
        network.head.weight[:made, :rank] = torch.from_numpy(out.T / gate**2).to(
            network.head.weight
        )


class Gentle:
    """Keeps what predicts from being shaken: its weights go only a share of a step.

    A prediction to -40 dB from a thousand numbers does not survive steps of a size that the
    other units need.
    """

    def __init__(self, network: SamplerNetwork, rank: int) -> None:
        self._parts: list[Tensor] = []
        for layer in network.layers:
            for weight in (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0):
                for k in range(4):
                    first = k * layer.hidden_size
                    self._parts.append(weight.data[first : first + rank])
        self._parts.append(network.head.weight.data[: network.made, :rank])
        if not rank:
            self._parts = []

    @contextmanager
    def step(self) -> Iterator[None]:
        """Inside it the optimiser makes its step."""
        before = [part.clone() for part in self._parts]
        yield
        for part, was in zip(self._parts, before, strict=True):
            part.copy_(was.lerp_(part, SHARE))


__all__ = ["Gentle", "start_components", "start_linear"]
