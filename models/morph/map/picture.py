"""The map, and the way from one sound to another, as PNG."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from engine.morph.map import Map
from models.morph.map.layout import HEIGHT, WIDTH, colours, labels, names_of, plain, spots

DPI = 100
PAPER, SOFT = "#0e1012", "#aab0b7"
RANGE_DB = 80.0
SIZE, HOP = 1024, 128
SIDES = {"start": "left", "middle": "center", "end": "right"}


def map_picture(found: Map) -> bytes:
    """Sounds with numbers and names, coloured by family; their notes, low ones dark."""
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=PAPER)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axis.axis("off")
    colour = colours([sound.family for sound in found.sounds])
    for sound in found.sounds:
        notes = np.array(spots(found.notes[list(sound.notes)].tolist()))
        axis.plot(*notes.T, color=colour[sound.family], alpha=0.18, lw=0.8)
        high = np.linspace(0.2, 0.9, len(notes))
        axis.scatter(
            notes[:, 0], notes[:, 1], s=8, color=colour[sound.family], alpha=high.tolist(), lw=0
        )
    places, names = spots(found.points.tolist()), names_of(found)
    for (x, y), sound, name, label in zip(
        places, found.sounds, names, labels(places, names), strict=True
    ):
        axis.scatter([x], [y], s=70, color=colour[sound.family], edgecolors=PAPER)
        if label is not None:
            axis.text(
                label.x, label.y, name, color=colour[sound.family], fontsize=8,
                ha=SIDES[label.anchor], va="center",
            )  # fmt: skip
    for family in colour:
        axis.scatter([], [], s=50, color=colour[family], label=plain(family))
    if colour:
        axis.legend(
            loc="lower left",
            ncols=6,
            fontsize=8,
            facecolor=PAPER,
            edgecolor=SOFT,
            labelcolor=SOFT,
            title="small: notes, the lower the darker",
        )
    return _png(figure)


def spectrogram(sound: NDArray[Any], rate: int, title: str) -> bytes:
    """A sound (samples,) in dB under its maximum."""
    window = np.hanning(SIZE)
    padded = np.pad(np.asarray(sound, np.float64), SIZE // 2)
    cut = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP]
    sizes = np.abs(np.fft.rfft(cut * window)).T
    levels = 20.0 * np.log10(np.maximum(sizes / max(sizes.max(), 1e-12), 10 ** (-RANGE_DB / 20)))
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    axis = figure.subplots()
    extent = (0.0, len(sound) / rate, 0.0, rate / 2000.0)
    image = axis.imshow(levels, origin="lower", aspect="auto", extent=extent, cmap="magma")
    axis.set(title=title, xlabel="s", ylabel="kHz")
    figure.colorbar(image, label="dB under the maximum")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)  # type: ignore[no-untyped-call]
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()


__all__ = ["map_picture", "spectrogram"]
