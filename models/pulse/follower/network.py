"""A causal temporal convolutional network over what is heard, ten octaves of dilation deep.

After Davies and Böck (Temporal convolutional networks for musical audio beat tracking, EUSIPCO
2019) and Böck and Davies (Deconstruct, analyse, reconstruct, ISMIR 2020), made causal: it sees
41 s of the past and nothing of the future. One network tells beats, firsts of bars, strokes of
four families of drums, tempo, and how much of the beat has passed: between two beats what falls
on their halves and thirds tells that the tempo moves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from engine.neural.network import Activate, Conv, Network, Op, Signal, Term
from engine.pulse.bands import FEATURES
from models.pulse.follower.hearing import PHASE_BINS, TEMPO, TEMPO_BINS

CHANNELS, TAPS, LAYERS = 64, 5, 10
OUTPUTS = TEMPO + TEMPO_BINS + PHASE_BINS


def _conv(inputs: int, outputs: int, taps: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution over hops; two axes, for torch keeps channels together only then: on
    processors with matrix units a step takes two thirds of the time."""
    made = nn.Conv2d(inputs, outputs, (1, taps), dilation=(1, dilation))
    return made.to(memory_format=torch.channels_last)


class Layer(nn.Module):  # type: ignore[misc]
    """A dilated causal convolution whose result is added to what came in."""

    def __init__(self, dilation: int, dropout: float) -> None:
        super().__init__()
        self.reach = (TAPS - 1) * dilation
        self.wide = _conv(CHANNELS, CHANNELS, TAPS, dilation)
        self.mix = _conv(CHANNELS, CHANNELS)
        self.drop = nn.Dropout2d(dropout)

    def forward(self, heard: Tensor) -> Tensor:
        """``heard`` (batch, CHANNELS, 1, hops) to as much."""
        padded = nn.functional.pad(heard, (self.reach, 0, 0, 0))
        return heard + self.mix(self.drop(nn.functional.elu(self.wide(padded))))


class PulseNetwork(nn.Module):  # type: ignore[misc]
    """Features (batch, hops, FEATURES) to logits (batch, hops, OUTPUTS)."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        self.hear = _conv(FEATURES, CHANNELS)
        self.meet = _conv(CHANNELS, CHANNELS)
        self.layers = nn.ModuleList(Layer(1 << k, dropout) for k in range(LAYERS))
        self.tell = _conv(CHANNELS, OUTPUTS)

    def forward(self, features: Tensor) -> Tensor:
        """Logits; TEMPO_BINS from TEMPO on are of one softmax, the rest of another."""
        heard = ((features - self.mean) * self.scale).transpose(1, 2)[:, :, None]
        made = self.meet(nn.functional.elu(self.hear(heard)))
        for layer in self.layers:
            made = layer(made)
        told: Tensor = self.tell(nn.functional.elu(made))
        return told[:, :, 0].transpose(1, 2)

    def set_levels(self, features: Tensor) -> None:
        """Scale by the mean and spread of ``features`` (..., FEATURES)."""
        rows = features.reshape(-1, FEATURES).float()
        self.mean.copy_(rows.mean(0))
        self.scale.copy_(1.0 / rows.std(0).clamp(min=1e-3))


def lowered(networks: Sequence[PulseNetwork]) -> Network:
    """The mean of what networks answer, as operations that the engine compiles."""
    heard, told = Signal(FEATURES), Signal(OUTPUTS)
    ops: list[Op] = []
    terms: list[Term] = []
    bias = np.zeros(OUTPUTS)
    for network in networks:
        bent = _branch(network, heard, ops)
        terms.append(Term(bent, _numbers(network.tell.weight) / np.float32(len(networks))))
        bias = bias + _numbers(network.tell.bias) / len(networks)
    ops.append(Conv(told, tuple(terms), np.asarray(bias, np.float32)))
    made = Network(heard, told, ops)
    made.check()
    return made


def _branch(network: PulseNetwork, heard: Signal, ops: list[Op]) -> Signal:
    """Append all of a network but its last layer; returns what that would read."""
    elu = (Activate("elu"),)
    weights = _numbers(network.hear.weight) * _numbers(network.scale)[None, :, None]
    bias = _numbers(network.hear.bias) - weights[:, :, 0] @ _numbers(network.mean)
    first, stream = Signal(CHANNELS), Signal(CHANNELS)
    shift = np.asarray(bias, np.float32)
    ops.append(Conv(first, (Term(heard, weights),), shift, steps=elu))
    meet = Term(first, _numbers(network.meet.weight))
    ops.append(Conv(stream, (meet,), _numbers(network.meet.bias)))
    for k, layer in enumerate(network.layers):
        inner, after = Signal(CHANNELS), Signal(CHANNELS)
        wide = Term(stream, _numbers(layer.wide.weight), dilation=1 << k)
        ops.append(Conv(inner, (wide,), _numbers(layer.wide.bias), steps=elu))
        mix = Term(inner, _numbers(layer.mix.weight))
        ops.append(Conv(after, (mix,), _numbers(layer.mix.bias), adds=(stream,)))
        stream = after
    bent = Signal(CHANNELS)
    ops.append(Conv(bent, adds=(stream,), steps=elu))
    return bent


def _numbers(tensor: Tensor) -> npt.NDArray[np.float32]:
    """A bias (n,), or weights (outputs, inputs, 1, taps) without their axis of one."""
    found = np.asarray(tensor.detach().cpu().numpy(), np.float32)
    return found[:, :, 0] if found.ndim == 4 else found


__all__ = ["CHANNELS", "LAYERS", "OUTPUTS", "TAPS", "PulseNetwork", "lowered"]
