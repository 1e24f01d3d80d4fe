"""Reads the JSON of RTNeural and AIDA-X: layers of Keras, one after another.

The first input is the sound, those beside it are knobs from 0 to 1. AIDA-X adds ``in_skip``
and gains in dB, which are folded into the weights. RTNeural: Chowdhury 2021,
arXiv 2106.03037.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from engine.modelfiles.guitarml import INPUTS, first_channel, knobs
from engine.modelfiles.model import ModelFile, Size
from engine.modelfiles.nam.metadata import TAGS, levels, metadata_of, tags, usable_rate
from engine.modelfiles.parts import Kernel, network_of, put, single
from engine.modelfiles.reading import CHANNELS, DILATIONS, LAYERS, TAPS, Node, show
from engine.neural.network import (
    Activate,
    Array,
    Conv,
    Gru,
    Lstm,
    Op,
    Prelu,
    Signal,
    Softmax,
    Step,
    Term,
)

SAMPLE_RATE = 48_000
GAINS_DB = (-120.0, 120.0)
CURVES = ("tanh", "relu", "sigmoid", "elu")
LINEAR = ("", "linear", "none")
CURVED = ("prelu", "activation")  # layers that no gain can be folded into
WORDS = {**TAGS, "author": "author", "make": "make", "model": "model", "type": "gear"}


def read_rtneural(root: Node, sha256: str) -> ModelFile:
    """Return the model of a list of layers; ModelFileError if it cannot be played."""
    inputs = INPUTS[0]
    if root.has("in_shape"):
        inputs = root.as_whole("in_shape", root.items("in_shape", (1, 8))[-1], INPUTS)
    stack = Stack(root, root.nodes("layers", LAYERS))
    network = network_of(root.path, stack, inputs)
    said = metadata_of(root)
    words = tags(said, WORDS)
    rates = map(usable_rate, (said.get("samplerate"), said.get("sample_rate")))
    return ModelFile(
        path=root.path,
        format="rtneural",
        name=words.get("name", root.path.stem),
        architecture=stack.title,
        sample_rate=next((rate for rate in rates if rate), SAMPLE_RATE),
        sizes=(Size(1.0, network),),
        sha256=sha256,
        knobs=knobs(inputs),
        tags=words,
        **levels(said),
    )


@dataclass(frozen=True)
class Stack:
    """The layers of a file, read while they are appended."""

    root: Node
    layers: list[Node]
    outputs: int = 1

    @property
    def title(self) -> str:
        """The layers that have weights and their widths: "LSTM 16, Dense 1"."""
        names = {"time-distributed-dense": "dense", "batchnorm": "", "prelu": "", "activation": ""}
        kinds = [(layer.text("type"), layer.values.get("shape")) for layer in self.layers]
        parts = [
            f"{names.get(kind, kind).upper()} {shape[-1]}"
            for kind, shape in kinds
            if names.get(kind, kind) and isinstance(shape, list) and shape
        ]
        return ", ".join(parts[:4]) or "RTNeural"

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append the layers between the gains."""
        gain_in, gain_out = (self._gain(key) for key in ("in_gain", "out_gain"))
        signal, first = source, len(ops)
        if gain_in != 1 and _kind(self.layers[0]) in CURVED:
            ones = np.ones((source.channels, 1, 1), np.float32)
            signal = put(ops, Conv(None, (Term(source, ones, groups=source.channels),)))
        for layer in self.layers:
            signal = LAYER_KINDS[_kind(layer)](layer, signal, ops)
            _check_width(layer, signal)
        if gain_in != 1:
            ops[first] = _louder(ops[first], gain_in)
        if signal.channels != 1:
            self.root.refuse(f"layers: {signal.channels} channels come out, must be 1")
        skip = self.root.flag("in_skip", 0)
        if not skip and gain_out == 1:
            return signal
        last = _plain_conv(signal, ops) or Conv(None, (Term(signal, first_channel(1)),))
        return put(ops, _mixed(last, source if skip else None, gain_in, gain_out))

    def _gain(self, key: str) -> float:
        return float(10 ** (self.root.number(key, GAINS_DB, 0.0) / 20))


def _louder(op: Op, gain: float) -> Op:
    """Return a linear operation that hears the sound louder: its weights for channel 0."""
    if isinstance(op, Lstm | Gru):
        w_in = op.w_in.copy()
        w_in[:, 0] = single(w_in[:, 0] * np.float64(gain))
        return replace(op, w_in=w_in)
    assert isinstance(op, Conv)
    (term,) = op.terms
    weights = term.weights.copy()
    rows = slice(len(weights) // term.groups)
    weights[rows, 0] = single(weights[rows, 0] * np.float64(gain))
    return replace(op, terms=(Term(term.signal, weights, term.dilation, term.groups),))


def _plain_conv(signal: Signal, ops: list[Op]) -> Conv | None:
    """Take back the last operation if that is a linear one that makes this signal."""
    last = ops[-1] if ops else None
    if isinstance(last, Conv) and last.target is signal and not last.steps and not last.adds:
        ops.pop()
        return last
    return None


def _mixed(last: Conv, sound: Signal | None, gain_in: float, gain_out: float) -> Conv:
    """Return an operation with its result multiplied and the sound mixed in."""
    terms = [
        Term(t.signal, single(t.weights * np.float64(gain_out)), t.dilation, t.groups)
        for t in last.terms
    ]
    if sound is not None:
        terms.append(Term(sound, first_channel(sound.channels, gain_in * gain_out)))
    bias = None if last.bias is None else single(last.bias * np.float64(gain_out))
    return Conv(None, tuple(terms), bias)


def _kind(layer: Node) -> str:
    kind = layer.text("type")
    if kind not in LAYER_KINDS:
        layer.refuse(f"type = {show(kind)} is not supported; supported: {', '.join(LAYER_KINDS)}")
    return kind


def _check_width(layer: Node, signal: Signal) -> None:
    """Refuse a layer that tells another width than it has."""
    if layer.has("shape"):
        told = layer.as_whole("shape", layer.items("shape", (1, 8))[-1], CHANNELS)
        if told != signal.channels:
            layer.refuse(f"shape tells {told} channels, its weights make {signal.channels}")


def _width(layer: Node, value: object) -> int:
    """Return how long the innermost rows of a weight are."""
    for _ in range(3):
        if isinstance(value, list) and value and isinstance(value[0], list):
            value = value[0]
    if not isinstance(value, list) or not CHANNELS[0] <= len(value) <= 4 * CHANNELS[1]:
        layer.refuse(f"weights hold {show(value)}, not rows of numbers")
    return len(value)


def _dense(layer: Node, signal: Signal, ops: list[Op]) -> Signal:
    given = layer.items("weights", (1, 2))
    out = _width(layer, given[0])
    weights = layer.tensor("weights[0]", given[0], signal.channels, out)
    bias = layer.tensor("weights[1]", given[1], out) if len(given) > 1 else None
    kernel = Kernel(np.ascontiguousarray(weights.T)[:, :, None], bias)
    return _activated(layer, kernel.onto(signal, ops), ops)


def _conv1d(layer: Node, signal: Signal, ops: list[Op]) -> Signal:
    given = layer.items("weights", (1, 2))
    taps, out = len(layer.as_list("weights[0]", given[0], TAPS)), _width(layer, given[0])
    groups = layer.whole("groups", CHANNELS, 1)
    if signal.channels % groups or out % groups:
        layer.refuse(f"groups = {groups} does not divide {signal.channels} and {out} channels")
    if layer.has("kernel_size") and (told := _only(layer, "kernel_size", TAPS)) != taps:
        layer.refuse(f"kernel_size tells {told}, weights have {taps}")
    weights = layer.tensor("weights[0]", given[0], taps, signal.channels // groups, out)
    bias = layer.tensor("weights[1]", given[1], out) if len(given) > 1 else None
    dilation = _only(layer, "dilation", DILATIONS) if layer.has("dilation") else 1
    kernel = Kernel(np.ascontiguousarray(weights.transpose(2, 1, 0)), bias, groups, dilation)
    return _activated(layer, kernel.onto(signal, ops), ops)


def _only(layer: Node, key: str, limits: tuple[int, int]) -> int:
    """Return a whole number, given as it is or as a list of one."""
    value = layer.given(key)
    return layer.as_whole(key, value[0] if isinstance(value, list) and value else value, limits)


def _lstm(layer: Node, signal: Signal, ops: list[Op]) -> Signal:
    w_in, w_state, given = _recurrent(layer, signal, 4)
    zeros = np.zeros(w_state.shape[1], np.float32)
    target, bias = Signal(len(zeros)), layer.tensor("weights[2]", given, len(w_in))
    ops.append(Lstm(signal, target, w_in, w_state, bias, zeros, zeros))
    return target


def _gru(layer: Node, signal: Signal, ops: list[Op]) -> Signal:
    """Keras orders z, r, h; torch r, z, n."""
    w_in, w_state, given = _recurrent(layer, signal, 3)
    hidden = w_state.shape[1]
    rows = np.r_[hidden : 2 * hidden, :hidden, 2 * hidden : 3 * hidden]
    if isinstance(given, list) and len(given) == 3 * hidden:
        layer.refuse("weights[2] is one bias: a GRU with reset_after = false is not supported")
    b_in, b_state = layer.tensor("weights[2]", given, 2, 3 * hidden)
    target, zeros = Signal(hidden), np.zeros(hidden, np.float32)
    ops.append(Gru(signal, target, w_in[rows], w_state[rows], b_in[rows], b_state[rows], zeros))
    return target


def _recurrent(layer: Node, signal: Signal, gates: int) -> tuple[Array, Array, object]:
    """Return both matrices as (gates H, in) and (gates H, H), and the bias as it stands."""
    w_in, w_state, bias = layer.items("weights", (3, 3))
    if layer.text("activation", "tanh") not in ("", "tanh"):
        layer.refuse(f"activation = {show(layer.text('activation'))} is not tanh")
    hidden = len(layer.as_list("weights[1]", w_state, CHANNELS))
    columns = gates * hidden
    into = layer.tensor("weights[0]", w_in, signal.channels, columns)
    state = layer.tensor("weights[1]", w_state, hidden, columns)
    return np.ascontiguousarray(into.T), np.ascontiguousarray(state.T), bias


def _batchnorm(layer: Node, signal: Signal, ops: list[Op]) -> Signal:
    """Append gamma (x - mean) / root(variance + epsilon) + beta, one tap for each channel."""
    given, channels = layer.items("weights", (2, 4)), signal.channels
    arrays = [layer.tensor(f"weights[{i}]", v, channels) for i, v in enumerate(given)]
    if len(arrays) == 3:
        layer.refuse("weights has 3 items, must have 2 or 4")
    mean, variance = (array.astype(np.float64) for array in arrays[-2:])
    gamma, beta = arrays[:2] if len(arrays) == 4 else (np.float32(1), np.float32(0))
    variance += layer.number("epsilon", (0, 1e6), 1e-3)
    if variance.min() <= 1e-12:
        layer.refuse("weights: a variance is not above 0")
    scale = gamma / np.sqrt(variance)
    weights, bias = single(scale), single(beta - scale * mean)
    return Kernel(weights.reshape(-1, 1, 1), bias, channels).onto(signal, ops)


def _prelu(layer: Node, signal: Signal, ops: list[Op]) -> Signal:
    value = layer.items("weights", (1, 1))[0]
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    slopes = layer.tensor("weights[0]", value, _width(layer, value))
    if len(slopes) not in (1, signal.channels):
        layer.refuse(f"weights has {len(slopes)} slopes, must have 1 or {signal.channels}")
    if len(slopes) == 1:
        return _stepped(Activate("leaky_relu", (float(slopes[0]),)), signal, ops)
    return _stepped(Prelu(slopes), signal, ops)


def _activated(layer: Node, signal: Signal, ops: list[Op]) -> Signal:
    """Append the activation a layer names, if it names one."""
    curve = layer.text("activation", "")
    if curve in LINEAR:
        return signal
    if curve == "softmax":
        target = Signal(signal.channels)
        ops.append(Softmax(signal, target))
        return target
    if curve not in CURVES:
        names = ", ".join((*CURVES, "softmax"))
        layer.refuse(f"activation = {show(curve)} is not supported; supported: {names}")
    return _stepped(Activate(curve), signal, ops)


def _stepped(step: Step, signal: Signal, ops: list[Op]) -> Signal:
    """Bend a signal, in the operation that made it where that is the last one."""
    last = ops[-1] if ops else None
    if isinstance(last, Conv) and last.target is signal:
        last.steps += (step,)
        return signal
    return put(ops, Conv(None, adds=(signal,), steps=(step,)))


LAYER_KINDS: dict[str, Callable[[Node, Signal, list[Op]], Signal]] = {
    "dense": _dense,
    "time-distributed-dense": _dense,
    "conv1d": _conv1d,
    "lstm": _lstm,
    "gru": _gru,
    "batchnorm": _batchnorm,
    "prelu": _prelu,
    "activation": _activated,
}
