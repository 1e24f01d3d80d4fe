"""What every network that learns an effect has in common: levels, knobs and a way to the engine."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from engine.neural.network import Array, Conv, Network, Op, Signal, Step, Term

LOUD = 0.3
"""RMS that a network hears and makes inside: where a tanh begins to bend."""


class NetworkSizeError(ValueError):
    """An architecture that is not known, or that cannot be written in a format."""


class EffectNetwork(nn.Module):  # type: ignore[misc]
    """Sound in, sound out: ``forward(audio (batch, frames), controls) -> (batch, frames)``.

    ``controls`` are knobs at positions of 0 to 1, (batch, K), or rows that move with the sound
    such as an LFO, (batch, K, frames); None where the network has none. Every call starts
    from a past of zeros. ``input_gain`` and ``output_gain`` bring loud and quiet pairs to one
    level inside; ``to_network`` folds them into the weights.
    """

    truncated = False
    """Whether it carries a state on and learns by truncated backpropagation."""

    input_gain: Tensor
    output_gain: Tensor

    def __init__(self, name: str, controls: int, warm_up: int) -> None:
        super().__init__()
        self.name = name
        self.controls = controls
        self.warm_up = warm_up
        self.register_buffer("input_gain", torch.ones(()))
        self.register_buffer("output_gain", torch.ones(()))

    def set_levels(self, dry_rms: float, wet_rms: float) -> None:
        """Bring sound of these levels to ``LOUD`` inside; called once, before training."""
        self.input_gain.fill_(LOUD / max(dry_rms, 1e-6))
        self.output_gain.fill_(max(wet_rms, 1e-6) / LOUD)

    def forward(self, audio: Tensor, controls: Tensor | None = None) -> Tensor:
        """Return what the network makes of ``audio`` (batch, frames)."""
        inner: Tensor = self.inner(audio * self.input_gain, self.checked(audio, controls))
        return inner * self.output_gain

    def inner(self, audio: Tensor, controls: Tensor | None) -> Tensor:
        """Return the sound between the two gains."""
        raise NotImplementedError

    def to_network(self) -> Network:
        """Return what the audio thread plays: the same function, gains folded in."""
        raise NotImplementedError

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds for one sample, those of convolutions and matrices only."""
        return self.to_network().multiply_adds

    @property
    def weights(self) -> int:
        """How many numbers it learns."""
        return sum(parameter.numel() for parameter in self.parameters())

    def checked(self, audio: Tensor, controls: Tensor | None) -> Tensor | None:
        """Return the controls; ValueError where they do not fit."""
        given = 0 if controls is None else controls.shape[1]
        if given != self.controls:
            raise ValueError(f"{self.name} has {self.controls} controls, {given} were given")
        if controls is not None and controls.dim() == 3 and controls.shape[2] != audio.shape[1]:
            raise ValueError(f"controls of {controls.shape[2]} frames for {audio.shape[1]}")
        return controls if given else None


def beside(audio: Tensor, controls: Tensor | None) -> Tensor:
    """Return sound (batch, frames) and controls as channels, (batch, 1 + K, frames)."""
    rows = audio.unsqueeze(1)
    if controls is None:
        return rows
    if controls.dim() == 2:
        controls = controls.unsqueeze(2).expand(-1, -1, audio.shape[1])
    return torch.cat((rows, controls), 1)


# -- to the engine ------------------------------------------------------------------------


def numbers(tensor: Tensor) -> Array:
    """Return weights in single precision."""
    return np.ascontiguousarray(tensor.detach().double().cpu().numpy().astype(np.float32))


def put(ops: list[Op], op: Conv) -> Signal:
    """Append an operation that makes a new signal, and return that."""
    op.target = Signal(op.out)
    ops.append(op)
    return op.target


def mixed(
    ops: list[Op], source: Signal, weight: Tensor, bias: Tensor | None, *steps: Step
) -> Signal:
    """Append ``weight`` (out, in) times the channels of ``source``, plus ``bias``, then steps."""
    term = Term(source, numbers(weight).reshape(*weight.shape, 1))
    return put(ops, Conv(None, (term,), None if bias is None else numbers(bias), steps=steps))
