"""Small morphs with weights by chance, and notes that were synthesised."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.morph.grid import Grid
from engine.morph.model import CONDITIONS, Dense, MorphModel, Note

RATE = 16_000
FRAMES = 12


def dense(rng: Any, units: int, inputs: int, activation: str = "none", **more: Any) -> Dense:
    kernel = rng.normal(0.0, 1.0 / np.sqrt(inputs), (units, inputs)).astype(np.float32)
    return Dense(kernel, rng.normal(0.0, 0.3, units).astype(np.float32), activation, **more)


def morph(
    conditions: str = "chroma", latents: int = 8, notes: int = 3, kind: Any = np.uint8
) -> Any:
    """A model of all sorts of layers."""
    rng, grid = np.random.default_rng(5), Grid(256, 32)
    more = CONDITIONS[conditions]
    into, outof = grid.bins + more, latents + more
    encoder = (dense(rng, 60, into, "relu"), dense(rng, latents, 60, "sigmoid"))
    decoder = (
        dense(rng, 40, outof, "leaky_relu"),
        dense(rng, 40, 40 + outof, "silu", joined=True, residual=True),
        dense(rng, 130, 40, "tanh"),
        dense(rng, grid.bins, 130, "sigmoid"),
    )
    scale = 255 if kind is np.uint8 else 1
    made = tuple(
        Note(
            f"tone_{n}", "keyboard", 60 + n, 100,
            (rng.random((FRAMES + n, latents)) * scale).astype(kind),
            rng.normal(-20.0, 3.0, FRAMES + n).astype(np.float16), 2, 4, 8, 9,
        )
        for n in range(notes)
    )  # fmt: skip
    return MorphModel(grid, latents, conditions, encoder, decoder, made, job={"epochs": 3})


@pytest.fixture
def make_morph():
    """A model: conditions, latents, notes, kind of latents."""
    return morph


def tone(hertz: float, seconds: float = 0.8, brightness: float = 0.7, decay: float = 2.0) -> Any:
    """A note of harmonics that die away, with an attack of a few ms."""
    time = np.arange(round(seconds * RATE)) / RATE
    made = np.zeros(len(time))
    for k in range(1, int(7000.0 / hertz) + 1):
        size = brightness**k * np.exp(-decay * (1.0 + 0.2 * k) * time)
        made += size * np.sin(2.0 * np.pi * k * hertz * time + k * k)
    return 0.3 * made * np.minimum(1.0, time / 0.004)
