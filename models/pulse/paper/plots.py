"""The pictures of a study, each a PNG: how networks learnt, what they made, how it was played."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.pulse.paper.envelope import FRAMES_A_SECOND
from models.pulse.paper.feel import Feel
from models.pulse.paper.generation import gaps
from models.pulse.paper.symbols import Representation, Symbols

Array = NDArray[np.float64]
COLOURS = ("#1f5fa8", "#d9541e", "#3a8f4d", "#8a1c7c", "#c9a227")
GREY = "#7a7a7a"


def losses(
    histories: Mapping[str, Sequence[Mapping[str, float]]], levels: Mapping[str, float]
) -> bytes:
    """Bits a frame of each network by seconds: learnt on (thin), held out (bold); others level."""
    figure, (axis,) = _figure(1, (9, 4.8))
    for (name, rows), colour in zip(histories.items(), COLOURS, strict=False):
        seconds = [row["seconds"] for row in rows]
        axis.plot(seconds, [row["train_bits"] for row in rows], color=colour, lw=0.8, alpha=0.6)
        axis.plot(seconds, [row["validation_bits"] for row in rows], color=colour, lw=2, label=name)
    for (name, bits), style in zip(levels.items(), ("-", "--", ":", "-."), strict=False):
        axis.axhline(bits, color=GREY, lw=1, ls=style, label=name)
    axis.set(xlabel="s of training", ylabel="bits a frame")
    axis.legend(fontsize=8)
    return _png(figure)


def densities(
    seeds: Symbols, true: Symbols, made: Mapping[str, Symbols], kind: Representation
) -> bytes:
    """Seeds against what was made of them: densities of strength, and of the gaps of onsets."""
    figure, (strengths, between) = _figure(2, (11, 4.8))
    drawn = {"seeds": (seeds, "black"), "what the drummers played": (true, GREY)}
    drawn |= {n: (s, c) for (n, s), c in zip(made.items(), COLOURS, strict=False)}
    values, milliseconds = np.linspace(-0.1, 1.1, 241), np.linspace(0.0, 1500.0, 301)
    for name, (symbols, colour) in drawn.items():
        look = {"color": colour, "lw": 2 if colour in ("black", GREY) else 1.2, "label": name}
        strengths.plot(values, kernel_density(kind.values(symbols).ravel(), values, 0.03), **look)
        apart = 1000.0 * gaps(symbols) / FRAMES_A_SECOND
        between.plot(milliseconds, kernel_density(apart, milliseconds, 20.0), **look)
    strengths.set(xlabel="value of a frame", ylabel="density", yscale="log", ylim=(1e-3, 30.0))
    between.set(xlabel="ms from onset to onset", ylabel="density")
    between.legend(fontsize=8)
    return _png(figure)


def feels(played: Mapping[str, Feel]) -> bytes:
    """Where onsets lie beside the beat: as a part of it, and in milliseconds."""
    figure, (parts, times) = _figure(2, (11, 4.2))
    beat, milliseconds = np.linspace(-0.5, 0.5, 401), np.linspace(-120.0, 120.0, 241)
    looks = product(("-", "--"), COLOURS)  # more than parts and families are
    for (name, feel), (style, colour) in zip(played.items(), looks, strict=False):
        look = {"color": colour, "ls": style, "label": name}
        parts.plot(beat, kernel_density(feel.fraction, beat, 0.012), **look)
        near = feel.ms[np.abs(feel.ms) < 150.0]
        times.plot(milliseconds, kernel_density(near, milliseconds, 4.0), **look)
    for third in (-1 / 3, 1 / 3):
        parts.axvline(third, color=GREY, lw=0.8, ls=":")
    parts.set(xlabel="part of a beat from the nearest beat (dotted: thirds)", ylabel="density")
    times.set(xlabel="ms from the nearest beat", ylabel="density")
    parts.legend(fontsize=8)
    return _png(figure)


def kernel_density(samples: NDArray[Any], grid: Array, width: float) -> Array:
    """Gaussian kernel density of ``samples`` on ``grid`` (n,); zero where there are none.

    Samples are counted in bins of a tenth of ``width`` first: the cost is that of the grid.
    """
    if len(samples) == 0:
        return np.zeros_like(grid)
    bins = np.round(np.asarray(samples, np.float64) / (0.1 * width))
    places, counts = np.unique(bins, return_counts=True)
    apart = (grid[:, None] - 0.1 * width * places) / width
    bells = np.exp(-0.5 * np.square(apart)) @ counts
    return np.asarray(bells / (len(samples) * width * np.sqrt(2.0 * np.pi)))


def _figure(columns: int, size: tuple[float, float]) -> tuple[Any, tuple[Any, ...]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = tuple(figure.subplots(1, columns, squeeze=False)[0])
    for axis in axes:
        axis.grid(alpha=0.3)
    return figure, axes


def _png(figure: Any) -> bytes:
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=110)
    return written.getvalue()


__all__ = ["densities", "feels", "kernel_density", "losses"]
