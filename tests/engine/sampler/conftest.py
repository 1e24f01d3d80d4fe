"""Small samplers with weights by chance, which neither die away nor run wild."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.sampler.model import Head, Layer, SamplerModel

SPECTRAL = {"window_size": 128, "hop_size": 32}


def sampler(
    approach: str, inputs: int = 40, hidden: int = 24, layers: int = 2, outputs: int = 1,
    number: int = 0, job: dict[str, Any] | None = None, **more: Any,
) -> SamplerModel:  # fmt: skip
    rng = np.random.default_rng(number)

    def by_chance(size: float, *shape: int) -> Any:
        return rng.normal(0.0, size, shape).astype(np.float32)

    made, below = [], inputs
    for _ in range(layers):
        kernel = by_chance(1.5 / np.sqrt(below), 4 * hidden, below)
        recurrent = by_chance(1.0 / np.sqrt(hidden), 4 * hidden, hidden)
        made.append(Layer(kernel, recurrent, by_chance(0.3, 4 * hidden)))
        below = hidden
    rows = outputs * (2 if more.get("learns_spread") else 1)
    head = Head(by_chance(2.0 / np.sqrt(hidden), rows, hidden), by_chance(0.1, rows))
    return SamplerModel(approach, 8000, job or {}, tuple(made), head, **more)


@pytest.fixture
def make_model() -> Callable[..., SamplerModel]:
    """A sampler of an approach; sizes and fields by name."""
    return sampler


@pytest.fixture
def each_approach() -> dict[str, SamplerModel]:
    """One of each."""
    rng = np.random.default_rng(9)
    scaled: dict[str, Any] = {
        "input_mean": np.float32([0.01]), "input_scale": np.float32([0.2]),
        "output_mean": np.float32([0.02]), "output_scale": np.float32([0.1]),
    }  # fmt: skip
    taps = rng.normal(0.0, 0.4, 5).astype(np.float32)
    return {
        "column": sampler("column", **scaled),
        "transpose": sampler("transpose", taps=taps, taps_bias=0.05, squash="tanh", **scaled),
        "vector": sampler("vector", 64, 64, outputs=48, residual=True, **scaled),
        "spectrum": sampler("spectrum", 64, outputs=64, job=SPECTRAL),
    }


@pytest.fixture
def seed() -> Any:
    """Sound to begin with."""
    return (0.2 * np.random.default_rng(5).standard_normal(700)).astype(np.float32)
