"""The other architectures of ``.nam``: LSTM, ConvNet and Linear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.modelfiles.nam.curves import Curve, read_curve
from engine.modelfiles.parts import Kernel, Shape, Stream, single
from engine.modelfiles.reading import CHANNELS, DILATIONS, LAYERS, TAPS, Node
from engine.neural.network import Array, Lstm, Op, Prelu, Signal

RECURRENT_LAYERS = (1, 64)


@dataclass(frozen=True, eq=False)
class LstmStack:
    """LSTM layers with a linear head; the file tells the state they start from."""

    inputs: int
    hidden: int
    layers: int
    outputs: int
    weights: Array

    @property
    def title(self) -> str:
        """Layers and units."""
        return f"LSTM {self.layers}x{self.hidden}"

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append it."""
        stream, h = Stream(self.weights), self.hidden
        for _ in range(self.layers):
            matrix = stream.take(4 * h, source.channels + h)
            w_in, w_state = matrix[:, : source.channels], matrix[:, source.channels :]
            target, bias = Signal(h), stream.take(4 * h)
            arrays = (np.ascontiguousarray(w_in), np.ascontiguousarray(w_state), bias)
            ops.append(Lstm(source, target, *arrays, stream.take(h), stream.take(h)))
            source = target
        return stream.kernel(Shape(self.outputs, h)).onto(source, ops)


def lstm_count(inputs: int, hidden: int, layers: int, outputs: int) -> int:
    """Return how many weights an LSTM has in a file."""
    first = 4 * hidden * (inputs + hidden) + 6 * hidden
    later = 4 * hidden * (hidden + hidden) + 6 * hidden
    return first + (layers - 1) * later + outputs * (hidden + 1)


def read_lstm(model: Node, config: Node, inputs: int) -> LstmStack:
    """Return the LSTM of a model."""
    if (given := config.whole("input_size", CHANNELS, inputs)) != inputs:
        config.refuse(f"input_size = {given}, must be {inputs}")
    hidden = config.whole("hidden_size", CHANNELS)
    layers = config.whole("num_layers", RECURRENT_LAYERS, 1)
    outputs = config.whole("out_channels", CHANNELS, 1)
    weights = model.weights(lstm_count(inputs, hidden, layers, outputs))
    return LstmStack(inputs, hidden, layers, outputs, weights)


@dataclass(frozen=True, eq=False)
class ConvNet:
    """Dilated convolutions of two taps, one after another, and a linear head."""

    blocks: tuple[Shape, ...]
    batchnorm: bool
    curve: Curve
    outputs: int
    weights: Array

    @property
    def title(self) -> str:
        """Its channels."""
        return f"ConvNet {self.blocks[0].out}"

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append it; each batchnorm goes into the weights in front of it."""
        stream = Stream(self.weights)
        for shape in self.blocks:
            kernel = stream.kernel(shape)
            if self.batchnorm:
                kernel = _normed(kernel, stream)
            source = kernel.onto(source, ops, (self.curve,))
        return stream.kernel(Shape(self.outputs, source.channels)).onto(source, ops)


def _normed(kernel: Kernel, stream: Stream) -> Kernel:
    """Fold in a batchnorm: mean, variance, gamma, beta, then one number, epsilon."""
    mean, variance, gamma, beta = stream.take(4, len(kernel.weights)).astype(np.float64)
    scale = gamma / np.sqrt(variance + float(stream.take(1)[0]))
    weights, bias = single(kernel.weights * scale[:, None, None]), single(beta - scale * mean)
    return Kernel(weights, bias, kernel.groups, kernel.dilation)


def read_convnet(model: Node, config: Node, inputs: int, core_compatible: bool) -> ConvNet:
    """Return the ConvNet of a model."""
    channels = config.whole("channels", CHANNELS)
    groups = config.whole("groups", CHANNELS, 1)
    norm = config.flag("batchnorm", False)
    dilations = config.wholes("dilations", DILATIONS, LAYERS)
    widths = [inputs, *[channels] * len(dilations)]
    blocks = tuple(
        Shape(channels, into, 2, not norm, groups, dilation)
        for into, dilation in zip(widths, dilations, strict=False)
    )
    if not all(shape.fits for shape in blocks):
        config.refuse(f"groups = {groups} does not divide {inputs} and {channels} channels")
    curve = read_curve(config, "activation", config.given("activation"), core_compatible)
    if isinstance(curve, Prelu) and len(curve.slopes) != channels:
        config.refuse(f"activation has {len(curve.slopes)} slopes for {channels} channels")
    outputs = config.whole("out_channels", CHANNELS, 1)
    norms = len(blocks) * (4 * channels + 1) if norm else 0
    head = Shape(outputs, channels).size
    weights = model.weights(sum(shape.size for shape in blocks) + norms + head)
    _check_norms(model, blocks, norm, weights)
    return ConvNet(blocks, norm, curve, outputs, weights)


def _check_norms(model: Node, blocks: tuple[Shape, ...], norm: bool, weights: Array) -> None:
    """Refuse a variance from which no root can be taken."""
    stream = Stream(weights)
    for number, shape in enumerate(blocks if norm else ()):
        stream.kernel(shape)
        variance = stream.take(4, shape.out)[1].astype(np.float64)
        if float((variance + float(stream.take(1)[0])).min()) < 1e-12:
            model.refuse(f"weights: batchnorm {number} has a variance that is not above 0")


@dataclass(frozen=True, eq=False)
class Linear:
    """One long filter; ``taps`` (n,) ends with that of the current sample."""

    taps: Array
    bias: Array | None
    outputs: int = 1

    @property
    def title(self) -> str:
        """Its length."""
        return f"Linear {len(self.taps)}"

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append it."""
        return Kernel(self.taps.reshape(1, 1, -1), self.bias).onto(source, ops)


def read_linear(model: Node, config: Node, inputs: int, reverse_linear: bool) -> Linear:
    """Return the filter of a model.

    NeuralAmpModelerCore plays the weights as an impulse response, the current sample's first.
    NAM's own trainer writes them oldest first: ``reverse_linear`` plays those as trained.
    """
    outputs = config.whole("out_channels", CHANNELS, 1)
    if (inputs, outputs, config.whole("in_channels", CHANNELS, 1)) != (1, 1, 1):
        config.refuse("a Linear of more than one channel is not supported")
    length = config.whole("receptive_field", TAPS)
    bias = config.flag("bias", False)
    weights = model.weights(length + bias)
    taps = weights[:length] if reverse_linear else weights[:length][::-1]
    return Linear(np.ascontiguousarray(taps), weights[length:] if bias else None)
