"""Models in the community's shapes with random weights, as files: what is measured by default."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RATE = 48000
A2_TAPS = [6] * 14 + [15, 15] + [6] * 7
A2_DILATIONS = [1, 3, 7, 17, 41, 101, 239] * 2 + [1, 13] + [1, 3, 7, 17, 41, 101, 239]
LONG = [2**k for k in range(10)]


@dataclass(frozen=True)
class Shape:
    """A model's architecture as its file tells it, and how many weights follow."""

    architecture: str
    config: dict[str, Any]
    weights: int


def _a1(channels: int, weights: int, split: bool = True) -> Shape:
    half = channels // 2
    dilations = [LONG[:7], [*LONG[7:], *LONG]] if split else [LONG, LONG]
    plain = {"condition_size": 1, "kernel_size": 3, "activation": "Tanh", "gated": False}
    layers = [
        {"input_size": 1, "channels": channels, "head_size": half, "head_bias": False, **plain},
        {"input_size": channels, "channels": half, "head_size": 1, "head_bias": True, **plain},
    ]
    for layer, own in zip(layers, dilations, strict=True):
        layer["dilations"] = own
    return Shape("WaveNet", {"layers": layers, "head": None, "head_scale": 0.02}, weights)


def _a2(channels: int, weights: int) -> Shape:
    layer = {
        "input_size": 1,
        "condition_size": 1,
        "channels": channels,
        "kernel_sizes": A2_TAPS,
        "dilations": A2_DILATIONS,
        "activation": {"type": "LeakyReLU", "negative_slope": 0.01},
        "head": {"out_channels": 1, "kernel_size": 16, "bias": True},
    }
    return Shape("WaveNet", {"layers": [layer], "head": None, "head_scale": 0.01}, weights)


def _lstm(layers: int, hidden: int) -> Shape:
    config = {"input_size": 1, "hidden_size": hidden, "num_layers": layers}
    inputs = [1, *[hidden] * (layers - 1)]
    count = sum(4 * hidden * (n + hidden + 1) + 2 * hidden for n in inputs) + hidden + 1
    return Shape("LSTM", config, count)


SHAPES = {
    "A1 standard": _a1(16, 13802, split=False),
    "A1 lite": _a1(12, 6554),
    "A1 feather": _a1(8, 3026),
    "A1 nano": _a1(4, 842),
    "A2 full": _a2(8, 12146),
    "A2 lite": _a2(3, 1871),
    "LSTM 1x16": _lstm(1, 16),
    "LSTM 1x24": _lstm(1, 24),
    "LSTM 1x40": _lstm(1, 40),
    "LSTM 2x16": _lstm(2, 16),
}
GRU = "GRU 1x32"


def write(folder: Path, names: list[str] | None = None) -> dict[str, Path]:
    """Write the models called ``names``, or all, into ``folder``: {name: file}."""
    found = {}
    for seed, name in enumerate([*SHAPES, GRU]):
        if names is None or name in names:
            suffix = ".json" if name == GRU else ".nam"
            found[name] = folder / f"{name} 48k{suffix}"
            document = gru(32, seed) if name == GRU else nam(SHAPES[name], seed)
            found[name].write_text(json.dumps(document), encoding="utf-8")
    return found


def nam(shape: Shape, seed: int) -> dict[str, Any]:
    """A ``.nam`` document with random weights."""
    weights = _random(seed, shape.weights)
    if "head_scale" in shape.config:
        weights[-1] = 1.0
    return {
        "version": "0.7.0",
        "architecture": shape.architecture,
        "config": shape.config,
        "weights": weights.tolist(),
        "sample_rate": RATE,
    }


def gru(hidden: int, seed: int) -> dict[str, Any]:
    """A GRU as GuitarML writes it."""
    rows = 3 * hidden
    shapes = {
        "rec.weight_ih_l0": (rows, 1),
        "rec.weight_hh_l0": (rows, hidden),
        "rec.bias_ih_l0": (rows,),
        "rec.bias_hh_l0": (rows,),
        "lin.weight": (1, hidden),
        "lin.bias": (1,),
    }
    sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    parts = np.split(_random(seed, sum(sizes.values())), np.cumsum(list(sizes.values()))[:-1])
    pairs = zip(shapes.items(), parts, strict=True)
    data = {"model": "SimpleRNN", "unit_type": "GRU", "hidden_size": hidden, "num_layers": 1}
    return {
        "model_data": {**data, "input_size": 1, "output_size": 1, "skip": 0, "bias_fl": True},
        "state_dict": {name: part.reshape(shape).tolist() for (name, shape), part in pairs},
    }


def _random(seed: int, count: int) -> Any:
    """Small enough that no layer saturates and none falls silent."""
    return (0.15 * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)
