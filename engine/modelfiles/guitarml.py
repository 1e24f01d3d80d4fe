"""Reads the JSON of GuitarML (Proteus, NeuralPi, TS-M1N3) and Automated-GuitarAmpModelling.

It is a state dictionary of torch: one or more layers of LSTM or GRU, a linear output and, with
``skip``, the sound itself added. Inputs beside the sound are knobs from 0 to 1 (Wright et al.
2019). Nothing in a file tells its sample rate; it is 44.1 kHz unless its name says 48k.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.modelfiles.model import Knob, ModelFile, Size
from engine.modelfiles.nam.metadata import metadata_of, tags, usable_rate
from engine.modelfiles.parts import network_of, single
from engine.modelfiles.reading import CHANNELS, Node, show
from engine.neural.network import Array, Conv, Gru, Lstm, Op, Signal, Term

SAMPLE_RATE = 44_100
INPUTS, LAYERS = (1, 33), (1, 64)
GATES = {"LSTM": 4, "GRU": 3}


@dataclass(frozen=True, eq=False)
class Recurrent:
    """Recurrent layers, each (w_in, w_state, b_in, b_state) as torch orders them."""

    unit: str
    layers: list[tuple[Array, Array, Array, Array]]
    head: Array  # (1, H, 1)
    bias: Array
    skip: bool
    outputs: int = 1

    @property
    def title(self) -> str:
        """Layers and units."""
        return f"{self.unit} {len(self.layers)}x{self.head.shape[1]}"

    def emit(self, source: Signal, ops: list[Op]) -> Signal:
        """Append it; it starts from zeros."""
        sound, zeros = source, np.zeros(self.head.shape[1], np.float32)
        for w_in, w_state, b_in, b_state in self.layers:
            target = Signal(len(zeros))
            if self.unit == "LSTM":
                bias = single(b_in.astype(np.float64) + b_state)
                ops.append(Lstm(source, target, w_in, w_state, bias, zeros, zeros))
            else:
                ops.append(Gru(source, target, w_in, w_state, b_in, b_state, zeros))
            source = target
        terms = [Term(source, self.head)]
        if self.skip:
            terms.append(Term(sound, first_channel(sound.channels)))
        output = Signal(1)
        ops.append(Conv(output, tuple(terms), self.bias))
        return output


def first_channel(channels: int, gain: float = 1.0) -> Array:
    """Return weights (1, channels, 1) that pass the sound on and no knob."""
    weights = np.zeros((1, channels, 1), np.float32)
    weights[0, 0, 0] = gain
    return weights


def read_guitarml(root: Node, sha256: str) -> ModelFile:
    """Return the model of a state dictionary; ModelFileError if it cannot be played."""
    model, state = root.node("model_data"), root.node("state_dict")
    if (kind := model.text("model", "SimpleRNN")) != "SimpleRNN":
        model.refuse(f"model = {show(kind)} is not supported; supported: SimpleRNN")
    model.whole("output_size", (1, 1), 1)
    unit = model.text("unit_type", "LSTM").upper()
    if unit not in GATES:
        model.refuse(f"unit_type = {show(unit)} is not supported; supported: LSTM, GRU")
    inputs = model.whole("input_size", INPUTS, 1)
    body = _body(model, state, unit, inputs)
    words = tags(metadata_of(root))
    return ModelFile(
        path=root.path,
        format="guitarml",
        name=words.get("name", root.path.stem),
        architecture=body.title,
        sample_rate=_told_rate(root, model) or rate_by_name(root.path),
        sizes=(Size(1.0, network_of(root.path, body, inputs)),),
        sha256=sha256,
        knobs=knobs(inputs),
        tags=words,
    )


def _body(model: Node, state: Node, unit: str, inputs: int) -> Recurrent:
    hidden, layers = model.whole("hidden_size", CHANNELS), model.whole("num_layers", LAYERS, 1)
    biased, rows = model.flag("bias_fl", True), GATES[unit] * hidden
    zeros = np.zeros(rows, np.float32)

    def bias(name: str, length: int) -> Array:
        return _tensor(state, name, length) if biased or state.has(name) else zeros[:length]

    stack = [
        (
            _tensor(state, f"rec.weight_ih_l{n}", rows, hidden if n else inputs),
            _tensor(state, f"rec.weight_hh_l{n}", rows, hidden),
            bias(f"rec.bias_ih_l{n}", rows),
            bias(f"rec.bias_hh_l{n}", rows),
        )
        for n in range(layers)
    ]
    if state.has(f"rec.weight_ih_l{layers}") or state.has("rec.weight_ih_l0_reverse"):
        state.refuse(f"has more than the {layers} layers that model_data.num_layers tells")
    head = _tensor(state, "lin.weight", 1, hidden)[:, :, None]
    return Recurrent(unit, stack, head, bias("lin.bias", 1), model.flag("skip", 0))


def _tensor(state: Node, name: str, *shape: int) -> Array:
    return state.tensor(name, state.given(name), *shape)


def _told_rate(*nodes: Node) -> int | None:
    """Return a sample rate that is told after all."""
    places: list[Mapping[str, Any]] = [part for n in nodes for part in (n.values, metadata_of(n))]
    told = [part.get(key) for part in places for key in ("sample_rate", "samplerate")]
    return next((rate for rate in map(usable_rate, told) if rate), None)


def rate_by_name(path: Path) -> int:
    """Return 48 000 for a file whose name says so, else 44 100."""
    name = path.name.lower()
    return 48_000 if "48k" in name or "48000" in name else SAMPLE_RATE


def knobs(inputs: int) -> tuple[Knob, ...]:
    """Return a knob from 0 to 1 for every input beside the sound; files do not name them."""
    return tuple(Knob(f"knob{n}") for n in range(1, inputs))
