"""Weights in less memory: rounded once; what is kept is what is computed with ever after.

bfloat16 keeps the upper 16 bits of a float32, rounded to nearest, ties to even: relative error
at most 2^-8. int8 keeps whole numbers -127 to 127 and one float32 factor for each row; a layer's
two matrices share it, for they are multiplied as one. All else stays float32.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.sampler.model import Array, Layer, SamplerModel

WORTH_ROWS = 16
"""A matrix of fewer rows is kept as it is: it costs nothing, and may be the last before sound."""


def rounded(model: SamplerModel, storage: str) -> SamplerModel:
    """The model with weights that can be kept exactly in ``storage``, which it then names."""
    if storage == "float32":
        return replace(model, storage=storage)
    layers = tuple(_rounded_layer(layer, storage) for layer in model.layers)
    kernel = model.head.kernel
    if len(kernel) >= WORTH_ROWS:
        kernel = _round(kernel, storage, factors_of(kernel))
    return replace(model, layers=layers, head=replace(model.head, kernel=kernel), storage=storage)


def _rounded_layer(layer: Layer, storage: str) -> Layer:
    shared = factors_of(layer.kernel, layer.recurrent)
    kernel, recurrent = (_round(m, storage, shared) for m in (layer.kernel, layer.recurrent))
    return Layer(kernel, recurrent, layer.bias)


def _round(matrix: Array, storage: str, factors: Array) -> Array:
    if storage == "bfloat16":
        return from_bfloat16(to_bfloat16(matrix))
    return from_int8(to_int8(matrix, factors), factors)


def to_bfloat16(array: Array) -> NDArray[np.uint16]:
    """The upper halves of float32 numbers, rounded to nearest even; too large becomes largest."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    up = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    infinite = (up & np.uint32(0x7F800000)) == np.uint32(0x7F800000)
    halves: NDArray[np.uint16] = (np.where(infinite, bits, up) >> np.uint32(16)).astype(np.uint16)
    return halves


def from_bfloat16(halves: NDArray[np.uint16]) -> Array:
    """float32 numbers from their upper halves."""
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)


def factors_of(*matrices: Array) -> Array:
    """A factor for each row of matrices that share it (rows,); of rounded ones, what it was."""
    most = np.max([np.abs(matrix).max(axis=1, initial=0.0) for matrix in matrices], axis=0)
    factors = (most / np.float32(127.0)).astype(np.float32)
    return np.where(factors > 0.0, factors, np.float32(1.0))  # also of what is below any float


def to_int8(matrix: Array, factors: Array) -> NDArray[np.int8]:
    """Whole numbers (rows, columns); of what ``from_int8`` made, those it was made of."""
    return np.clip(np.rint(matrix / factors[:, None]), -127, 127).astype(np.int8)


def from_int8(whole: NDArray[np.int8], factors: Array) -> Array:
    """The numbers that ``to_int8`` kept."""
    return whole.astype(np.float32) * factors[:, None]


__all__ = [
    "WORTH_ROWS",
    "factors_of",
    "from_bfloat16",
    "from_int8",
    "rounded",
    "to_bfloat16",
    "to_int8",
]
