"""The pictures of the page, PNG: how training went, and spectrograms of what can be heard."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.morph.seed.spectra import Transform

Array = NDArray[Any]


def courses(histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """The error on unheard instruments against the minutes of training, a line for each network."""
    figure = Figure(figsize=(9.6, 3.2), layout="constrained")
    axis = figure.subplots()
    for name, rows in histories.items():
        found = [(r["seconds"] / 60, r["validation"]) for r in rows if r.get("validation")]
        if found:
            minutes, errors = np.array(found).T
            axis.plot(minutes, errors, "o-", ms=3, lw=1.4, label=name)
    axis.set(xlabel="min", ylabel="dB, unheard instruments")
    axis.grid(alpha=0.3)
    if histories:
        axis.legend(fontsize=8)
    return _png(figure)


def spectrograms(named: Sequence[tuple[str, Array]], transform: Transform) -> bytes:
    """Sounds (samples,) side by side, in dB under the maximum of each."""
    figure = Figure(figsize=(9.6, 2.6), layout="constrained")
    axes = figure.subplots(1, len(named), sharey=True, squeeze=False)[0]
    for axis, (name, sound) in zip(axes, named, strict=True):
        values, _ = transform.values(sound)
        extent = (0.0, len(sound) / transform.rate, 0.0, transform.rate / 2000.0)
        axis.imshow(values[0], origin="lower", aspect="auto", extent=extent, vmin=0, cmap="magma")
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("s")
    axes[0].set_ylabel("kHz")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)  # type: ignore[no-untyped-call]
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90)
    return out.getvalue()


__all__ = ["courses", "spectrograms"]
