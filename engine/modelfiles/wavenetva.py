"""Reads the JSON of PedalNetRT, SmartGuitarAmp and SmartPedal (WaveNetVA).

A WaveNet (Damskagg et al. 2019) whose output is a linear mix of what every layer made.
44.1 kHz unless the file's name says 48k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.modelfiles.guitarml import rate_by_name
from engine.modelfiles.model import ModelFile, Size
from engine.modelfiles.parts import Kernel, network_of, put
from engine.modelfiles.reading import CHANNELS, DILATIONS, LAYERS, TAPS, Node, show
from engine.neural.network import Activate, Array, Conv, Gate, Op, Signal, Step, Term

GATES = {"gated": ("tanh", "sigmoid"), "softgated": ("softsign", "softsign")}
CURVES = ("tanh", "sigmoid", "relu", "softsign")
ADJUSTMENTS = (-1000.0, 1000.0)


def read_wavenetva(root: Node, sha256: str) -> ModelFile:
    """Return the model of a list of variables; ModelFileError if it cannot be played."""
    variables = Variables(root)
    for key in ("input_channels", "output_channels"):
        root.whole(key, (1, 1), 1)
    return ModelFile(
        path=root.path,
        format="wavenetva",
        name=root.path.stem,
        architecture=variables.title,
        sample_rate=rate_by_name(root.path),
        sizes=(Size(1.0, network_of(root.path, variables)),),
        sha256=sha256,
    )


@dataclass(frozen=True)
class Variables:
    """The weights of a file by layer and name, read while they are appended."""

    root: Node
    outputs: int = 1

    @property
    def title(self) -> str:
        """Its channels."""
        return f"WaveNetVA {self.root.whole('residual_channels', CHANNELS)}"

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append it: what every layer made is mixed by one operation at the end."""
        channels = self.root.whole("residual_channels", CHANNELS)
        taps = self.root.whole("filter_width", TAPS)
        dilations = self.root.wholes("dilations", DILATIONS, LAYERS)
        found, wide = self._found(), channels * (2 if self._gated else 1)
        y = self._kernel(found, -1, ("W", "b"), (1, 1, channels)).onto(source, ops)
        made = []
        for number, dilation in enumerate(dilations):
            names = ("W_conv", "b_conv")
            kernel = self._kernel(found, number, names, (taps, channels, wide), dilation)
            a = kernel.onto(y, ops, (self._step,))
            made.append(a)
            kernel = self._kernel(found, number, ("W_out", "b_out"), (1, channels, channels))
            y = put(ops, Conv(None, (kernel.term(a),), kernel.bias, adds=(y,)))
        last, shape = len(dilations), (1, channels * len(made), 1)
        mix = self._kernel(found, last, ("W", "b"), shape).scaled(self._level)
        parts = np.split(mix.weights, len(made), axis=1)
        terms = tuple(Term(a, np.ascontiguousarray(w)) for a, w in zip(made, parts, strict=True))
        return put(ops, Conv(None, terms, mix.bias))

    @property
    def _gated(self) -> bool:
        return self.root.text("activation") in GATES

    @property
    def _step(self) -> Step:
        name = self.root.text("activation")
        if name in GATES:
            return Gate(*map(Activate, GATES[name]))
        if name not in CURVES:
            names = ", ".join((*GATES, *CURVES))
            self.root.refuse(f"activation = {show(name)} is not supported; supported: {names}")
        return Activate(name)

    @property
    def _level(self) -> float:
        """What players multiply the output by; 0 means nothing."""
        return self.root.number("level_adjust", ADJUSTMENTS, 0.0) or 1.0

    def _found(self) -> dict[tuple[int, str], Node]:
        nodes = self.root.nodes("variables", (1, 4 * LAYERS[1] + 4))
        return {(n.whole("layer_idx", (-1, LAYERS[1])), n.text("name")): n for n in nodes}

    def _kernel(
        self, found: dict[tuple[int, str], Node], layer: int, names: tuple[str, str],
        shape: tuple[int, int, int], dilation: int = 1,
    ) -> Kernel:  # fmt: skip
        """Return a convolution that lies flat as (tap, in, out), the oldest tap first."""
        weights, bias = (
            self._variable(found, layer, name, count)
            for name, count in zip(names, (int(np.prod(shape)), shape[2]), strict=True)
        )
        ordered = np.ascontiguousarray(weights.reshape(shape).transpose(2, 1, 0))
        return Kernel(ordered, bias, dilation=dilation)

    def _variable(
        self, found: dict[tuple[int, str], Node], layer: int, name: str, count: int
    ) -> Array:
        """Return a variable of exactly ``count`` numbers; they may stand as texts."""
        node = found.get((layer, name))
        if node is None:
            self.root.refuse(f"variables has no {name} of layer {layer}")
        data = node.items("data", (0, 1 << 30))
        if len(data) != count:
            node.refuse(f"data ({name} of layer {layer}) has {len(data)} numbers, needs {count}")
        return node.as_array("data", [_number(value) for value in data])


def _number(value: object) -> object:
    """Return a text as the number in it, if one is."""
    if not isinstance(value, str) or len(value) > 60:
        return value
    try:
        return float(value)
    except ValueError:
        return value
