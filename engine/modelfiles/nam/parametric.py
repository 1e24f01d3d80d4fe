"""The parametric fork of NAM: its knobs go in beside the sound (ConcatWaveNet, ConcatLSTM).

A file lists its knobs in ``config.params``. A continuous one is one channel from -1 to 1. A
switch is one channel for each of its positions, 1 where it stands; of those we play switches
of two positions, as a knob from 0 to 1 that is spread to its two channels in front. The
audible channel comes first, then the knobs in their order. Read from the fork's source
(phillipmself/neural-amp-modeler-parametric), not compared with its output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.modelfiles.model import Knob
from engine.modelfiles.nam.other import lstm_count, read_lstm
from engine.modelfiles.nam.wavenet import read_wavenet
from engine.modelfiles.parts import Body, Kernel
from engine.modelfiles.reading import CHANNELS, Node, printable, show
from engine.neural.network import Array, Op, Signal

VERSION = "1.0.0"
KNOBS = (1, 32)
VALUES = (-1e6, 1e6)


@dataclass(frozen=True, eq=False)
class Spread:
    """A body with its knobs spread in front: ``weights`` (channels, 1 + knobs), ``bias``."""

    body: Body
    weights: Array
    bias: Array

    @property
    def title(self) -> str:
        """That of the body."""
        return self.body.title

    @property
    def outputs(self) -> int:
        """Those of the body."""
        return self.body.outputs

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append it, the spreading only if there is any."""
        if not self.bias.any():
            return self.body.emit(source, ops)
        return self.body.emit(Kernel(self.weights[:, :, None], self.bias).onto(source, ops), ops)


def read_parametric(model: Node) -> tuple[Body, tuple[Knob, ...]]:
    """Return a parametric model and its knobs."""
    config = model.node("config")
    params = config.nodes("params", KNOBS)
    knobs = tuple(_knob(param) for param in params)
    if len({knob.name for knob in knobs}) < len(knobs):
        config.refuse("params: two have the same name")
    switches = [_is_switch(param) for param in params]
    pairs = _switches_are_pairs(model, config, switches)
    weights, bias = _spreading([switch and pairs for switch in switches])
    inputs = len(weights)
    if model.text("architecture") == "ConcatLSTM":
        return Spread(read_lstm(model, config, inputs), weights, bias), knobs
    if config.has("condition_dsp"):
        config.refuse("condition_dsp is not supported beside params")
    return Spread(read_wavenet(model, config, inputs, None, False), weights, bias), knobs


def _is_switch(param: Node) -> bool:
    return param.text("type", "continuous") == "switch"


def _knob(param: Node) -> Knob:
    name = " ".join(printable(param.text("name")[:60]).split())
    kind = param.text("type", "continuous")
    if not name or kind not in ("continuous", "switch"):
        given = f"name = {show(param.text('name'))}, type = {show(kind)}"
        param.refuse(f"{given}: there must be a name, and continuous or switch")
    if kind == "switch" and (positions := len(param.items("enum_names", (2, 1000)))) != 2:
        param.refuse(f"a switch of {positions} positions is not supported; supported: 2")
    low, high = param.number("min", VALUES), param.number("max", VALUES)
    if not low < high:
        param.refuse(f"max = {high:g} is not above min = {low:g}")
    default = param.number("default", (low, high), (low + high) / 2)
    unit = kind == "switch" or param.text("normalization", "") == "min_max_unit"
    return Knob(name, low, high, default, 0.0 if unit else -1.0, 1.0)


def _switches_are_pairs(model: Node, config: Node, switches: Sequence[bool]) -> bool:
    """Whether a switch of two positions has two channels, as now, or one, as once."""
    single = 1 + len(switches)
    if config.has("layers"):
        first = config.nodes("layers", (1, 64))[0]
        return first.whole("input_size", CHANNELS) != single
    layers = config.whole("num_layers", (1, 64), 1)
    count = lstm_count(single, config.whole("hidden_size", CHANNELS), layers, 1)
    return len(model.items("weights", (0, 1 << 30))) != count


def _spreading(pairs: Sequence[bool]) -> tuple[Array, Array]:
    """Return what makes the network's channels of sound and knobs; a pair is 1 - k and k."""
    starts = np.cumsum([1, *(2 if pair else 1 for pair in pairs)])
    weights = np.zeros((starts[-1], 1 + len(pairs)), np.float32)
    bias = np.zeros(starts[-1], np.float32)
    weights[0, 0] = 1
    for number, (start, end) in enumerate(pairwise(starts), 1):
        weights[end - 1, number] = 1
        if end - start == 2:
            weights[start, number], bias[start] = -1, 1
    return weights, bias
