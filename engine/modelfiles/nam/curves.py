"""The activations that a ``.nam`` file may name."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.modelfiles.reading import CHANNELS, Node, show
from engine.neural.network import Activate, Prelu

Curve = Activate | Prelu

PLAIN = {
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "softsign": "softsign",
    "hardswish": "hardswish",
    "fasttanh": "fast_tanh",
    "softsigmoid": "softsigmoid",
}
NAMES = "Tanh, Sigmoid, ReLU, SiLU, Softsign, Softsigmoid, Hardswish, Fasttanh, Hardtanh, \
LeakyReLU, PReLU, LeakyHardtanh"
SIGMOID = Activate("sigmoid")
VALUES = (-1e6, 1e6)


def read_curve(owner: Node, name: str, value: Any, core_compatible: bool) -> Curve:
    """Return an activation given as a text or as ``{"type": ..., ...}``.

    NeuralAmpModelerCore ignores the limits of a Hardtanh; ``core_compatible`` does too.
    """
    values = {"type": value} if isinstance(value, str) else value
    node = owner.as_node(name, values)
    kind = node.text("type" if node.has("type") else "name")
    known = kind.lower()
    if known in PLAIN:
        return Activate(PLAIN[known])
    if known == "hardtanh":
        limits = (-1.0, 1.0) if core_compatible else _limits(node)
        return Activate("hardtanh", limits)
    if known == "leakyrelu":
        return Activate("leaky_relu", (node.number("negative_slope", VALUES, 0.01),))
    if known == "prelu":
        return _prelu(node)
    if known == "leakyhardtanh":
        slopes = (node.number(key, VALUES, 0.01) for key in ("min_slope", "max_slope"))
        return Activate("leaky_hardtanh", (*_limits(node), *slopes))
    owner.refuse(f"{name} = {show(kind)} is not an activation; supported: {NAMES}")


def _limits(node: Node) -> tuple[float, float]:
    low, high = node.number("min_val", VALUES, -1.0), node.number("max_val", VALUES, 1.0)
    if low > high:
        node.refuse(f"min_val = {low:g} is above max_val = {high:g}")
    return low, high


def _prelu(node: Node) -> Curve:
    """One slope for all channels, or one for each."""
    if not node.has("negative_slopes"):
        return Activate("leaky_relu", (node.number("negative_slope", VALUES, 0.01),))
    slopes = node.as_array("negative_slopes", node.items("negative_slopes", CHANNELS))
    if (slopes == slopes[0]).all() and len(slopes) == 1:
        return Activate("leaky_relu", (float(slopes[0]),))
    return Prelu(np.asarray(slopes, np.float32))
