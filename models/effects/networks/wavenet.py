"""WaveNet (van den Oord et al. 2016) in the shapes of Neural Amp Modeler.

What is trained here is written as ``.nam`` and plays in every player of that format. Shapes A1
(standard, lite, feather, nano) and A2 (full, lite) are those NAM's own trainer exports. Knobs go
in beside the sound, as in the parametric fork; such a network is no ``.nam``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.modelfiles.nam.wavenet import read_wavenet
from engine.modelfiles.parts import network_of
from engine.modelfiles.reading import Node
from engine.modelfiles.write import wavenet_nam
from engine.neural.network import Network
from models.effects.networks.base import EffectNetwork, NetworkSizeError, beside

HEAD_SCALE = 0.02
"""NAM's own for A1. Small, so that the first steps of training do not shout."""


@dataclass(frozen=True)
class Stack:
    """An array of layers: ``taps`` and ``dilations`` one for each, and the head behind them."""

    channels: int
    taps: tuple[int, ...]
    dilations: tuple[int, ...]
    activation: str  # Tanh or LeakyReLU
    head: int  # channels handed on
    head_taps: int = 1
    head_bias: bool = False

    @property
    def lookback(self) -> int:
        """Samples of the past that the array reads."""
        layers = zip(self.taps, self.dilations, strict=True)
        return sum((taps - 1) * dilation for taps, dilation in layers) + self.head_taps - 1

    def config(self, inputs: int, condition: int) -> dict[str, Any]:
        """Return it as an item of ``config.layers``, in the oldest words that can say it."""
        sizes = {"input_size": inputs, "condition_size": condition, "channels": self.channels}
        layers: dict[str, Any] = {**sizes, "dilations": list(self.dilations)}
        if self.activation == "Tanh":
            head = {"head_size": self.head, "head_bias": self.head_bias}
            return {**layers, "kernel_size": self.taps[0], "activation": "Tanh", **head, "gated": 0}
        curve = {"type": "LeakyReLU", "negative_slope": 0.01}
        head = {"out_channels": self.head, "kernel_size": self.head_taps, "bias": self.head_bias}
        return {**layers, "kernel_sizes": list(self.taps), "activation": curve, "head": head}


def a1(first: int, second: int, short: tuple[int, ...], long: tuple[int, ...]) -> tuple[Stack, ...]:
    """Return the two arrays of A1 with these channels and dilations."""
    return (
        Stack(first, (3,) * len(short), short, "Tanh", second),
        Stack(second, (3,) * len(long), long, "Tanh", 1, head_bias=True),
    )


def a2(channels: int) -> tuple[Stack]:
    """Return the one array of A2 with these channels."""
    turn = (1, 3, 7, 17, 41, 101, 239)
    taps = (6,) * 14 + (15, 15) + (6,) * 7
    return (Stack(channels, taps, (*turn, *turn, 1, 13, *turn), "LeakyReLU", 1, 16, True),)


ALL = tuple(2**n for n in range(10))
SHORT, LONG = ALL[:7], (128, 256, 512, *ALL)
SHAPES: dict[str, tuple[Stack, ...]] = {
    "wavenet-a1": a1(16, 8, ALL, ALL),
    "wavenet-a1-lite": a1(12, 6, SHORT, LONG),
    "wavenet-a1-feather": a1(8, 4, SHORT, LONG),
    "wavenet-a1-nano": a1(4, 2, SHORT, LONG),
    "wavenet-a2": a2(8),
    "wavenet-a2-lite": a2(3),
}


class Layer(nn.Module):  # type: ignore[misc]
    """A dilated convolution and the condition, bent; handed to the head and added."""

    def __init__(self, stack: Stack, number: int, condition: int) -> None:
        super().__init__()
        channels, self.dilation = stack.channels, stack.dilations[number]
        self.lookback = (stack.taps[number] - 1) * self.dilation
        self.tanh = stack.activation == "Tanh"
        taps = stack.taps[number]
        self.conv = nn.Conv1d(channels, channels, taps, dilation=self.dilation)
        self.mixin = nn.Conv1d(condition, channels, 1, bias=False)
        self.layer1x1 = nn.Conv1d(channels, channels, 1)

    def forward(self, y: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next ``y`` and what the head gets, each (batch, channels, frames)."""
        z = self.conv(functional.pad(y, (self.lookback, 0))) + self.mixin(condition)
        bent = torch.tanh(z) if self.tanh else functional.leaky_relu(z, 0.01)
        return y + self.layer1x1(bent), bent


class Array(nn.Module):  # type: ignore[misc]
    """A stack of layers between its rechannel and its head."""

    def __init__(self, stack: Stack, inputs: int, condition: int) -> None:
        super().__init__()
        self.rechannel = nn.Conv1d(inputs, stack.channels, 1, bias=False)
        count = range(len(stack.taps))
        self.layers = nn.ModuleList(Layer(stack, number, condition) for number in count)
        self.head = nn.Conv1d(stack.channels, stack.head, stack.head_taps, bias=stack.head_bias)
        self.reach = stack.head_taps - 1

    def forward(self, y: Tensor, condition: Tensor, head: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return what the next array hears, and what its head begins with."""
        y = self.rechannel(y)
        for layer in self.layers:
            y, given = layer(y, condition)
            head = given if head is None else head + given
        return y, self.head(functional.pad(head, (self.reach, 0)))


class WaveNet(EffectNetwork):
    """Arrays of layers one behind the other; sound and knobs condition every layer."""

    def __init__(self, name: str, controls: int, stacks: tuple[Stack, ...]) -> None:
        super().__init__(name, controls, sum(stack.lookback for stack in stacks))
        self.stacks = stacks
        inputs = [1 + controls, *(stack.channels for stack in stacks)]
        pairs = zip(stacks, inputs[:-1], strict=True)
        self.arrays = nn.ModuleList(Array(stack, into, 1 + controls) for stack, into in pairs)

    def inner(self, audio: Tensor, controls: Tensor | None) -> Tensor:
        """Return the sound between the two gains."""
        y = condition = beside(audio, controls)
        head: Tensor | None = None
        for array in self.arrays:
            y, head = array(y, condition, head)
        assert head is not None
        return HEAD_SCALE * head.squeeze(1)

    def to_network(self) -> Network:
        """Return what the audio thread plays."""
        place, inputs = Path(self.name), 1 + self.controls
        config = self.config()
        weights = [*self.in_order().tolist(), self.head_scale]
        model = Node(place, {"weights": weights, "config": config})
        body = read_wavenet(model, model.node("config"), inputs, None, False)
        return network_of(place, body, inputs)

    def to_nam(self, sample_rate: int, said: Mapping[str, Any] | None = None) -> bytes:
        """Return it as a ``.nam`` document with metadata; NetworkSizeError if it has knobs."""
        if self.controls:
            told = f"{self.name} has {self.controls} knobs; players of .nam have none"
            raise NetworkSizeError(told)
        weights = self.in_order().numpy()
        return wavenet_nam(self.config(), weights, self.head_scale, sample_rate, said)

    def config(self) -> dict[str, Any]:
        """Return the sizes as the file tells them."""
        condition = 1 + self.controls
        inputs = [condition, *(stack.channels for stack in self.stacks)]
        pairs = zip(self.stacks, inputs[:-1], strict=True)
        layers = [stack.config(into, condition) for stack, into in pairs]
        scale = {"head_scale": self.head_scale}
        return {"in_channels": condition, "layers": layers, **scale} if self.controls else {
            "layers": layers, **scale,
        }  # fmt: skip

    @property
    def head_scale(self) -> float:
        """The last gain, with that of the level."""
        return HEAD_SCALE * float(self.output_gain)

    def in_order(self) -> Tensor:
        """Return the weights in the order of the file, without the scale at the end."""
        return torch.cat([weight.detach().float().cpu().flatten() for weight in self._ordered()])

    def _ordered(self) -> Iterator[Tensor]:
        for number, array in enumerate(self.arrays):
            yield self._heard(array.rechannel.weight) if number == 0 else array.rechannel.weight
            for layer in array.layers:
                yield from (layer.conv.weight, layer.conv.bias, self._heard(layer.mixin.weight))
                yield from (layer.layer1x1.weight, layer.layer1x1.bias)
            yield from array.head.parameters()

    def _heard(self, weight: Tensor) -> Tensor:
        """Return weights on sound and knobs (out, 1 + K, 1) with the gain on the sound."""
        gained = weight.detach().clone()
        gained[:, 0] *= self.input_gain
        return gained
