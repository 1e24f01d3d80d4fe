"""Dense layers in numpy, as engine.morph.model describes them, and their slopes in the latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.morph.grid import Array
from engine.morph.model import LEAK, Dense


def through(layers: Sequence[Dense], given: Array) -> Array:
    """What a network makes (n, outputs) of what it is given (n, inputs); held to nothing."""
    x = given
    for layer in layers:
        seen = np.concatenate([x, given], axis=1) if layer.joined else x
        value, _ = _CURVES[layer.activation](seen @ layer.kernel.T + layer.bias)
        x = value + x if layer.residual else value
    return x


def with_slopes(decoder: Sequence[Dense], latents: Array, conditions: Array) -> tuple[Array, Array]:
    """Frames (n, bins) of latents (n, L) and conditions (n, c), and how fast each bin changes with
    each latent (n, L, bins): exact, layer by layer."""
    x = given = np.concatenate([latents, conditions], axis=1)
    rows, count = latents.shape
    slopes = np.zeros((rows, count, given.shape[1]), np.float32)
    slopes[:, np.arange(count), np.arange(count)] = 1.0
    for number, layer in enumerate(decoder):
        kernel, width = layer.kernel, x.shape[1]
        seen = np.concatenate([x, given], axis=1) if layer.joined else x
        value, slope = _CURVES[layer.activation](seen @ kernel.T + layer.bias)
        direct = kernel[:, :count].T  # at first only the latents themselves have slopes
        turned = slopes @ kernel[:, :width].T if number else np.repeat(direct[None], rows, axis=0)
        if layer.joined:
            turned += kernel[:, width : width + count].T
        turned *= slope[:, None, :]
        if layer.residual:
            value, turned = value + x, turned + slopes
        x, slopes = value, turned
    return x, slopes


def _logistic(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0))), np.float32)


def _silu(x: Array) -> tuple[Array, Array]:
    s = _logistic(x)
    return x * s, np.asarray(s * (1.0 + x * (1.0 - s)), np.float32)


def _sigmoid(x: Array) -> tuple[Array, Array]:
    s = _logistic(x)
    return s, s * (1.0 - s)


def _tanh(x: Array) -> tuple[Array, Array]:
    y = np.asarray(np.tanh(x), np.float32)
    return y, np.asarray(1.0 - y * y, np.float32)


def _rectified(leak: float) -> Callable[[Array], tuple[Array, Array]]:
    def curve(x: Array) -> tuple[Array, Array]:
        slope = np.asarray(np.where(x > 0.0, 1.0, leak), np.float32)
        return x * slope, slope

    return curve


_CURVES: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "none": lambda x: (x, np.ones_like(x)),
    "relu": _rectified(0.0),
    "leaky_relu": _rectified(LEAK),
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "silu": _silu,
}
"""A curve and its slope."""

__all__ = ["through", "with_slopes"]
