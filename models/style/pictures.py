"""The pictures of a page, PNG: a spectrogram, the losses of the way."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.judging.spectra import mel_filters, mel_of, spectra

Array = NDArray[Any]

BANDS, SIZE, HOP = 128, 2048, 512
RANGE_DB = 70.0
TICKS_HZ = (100, 300, 1000, 3000, 10_000)


def spectrogram(sound: Array, rate: int) -> bytes:
    """Mel bands of a sound (n,) in dB under its own maximum."""
    filters = mel_filters(rate, SIZE, BANDS).T
    rows = [np.square(np.abs(rows)) @ filters for rows in spectra(sound, SIZE, HOP, SIZE)]
    power = np.concatenate(rows)
    top = max(float(power.max()), 1e-30)
    values = 10.0 * np.log10(np.maximum(power / top, 10.0 ** (-RANGE_DB / 10.0))).T
    figure = Figure(figsize=(5.2, 2.8), layout="constrained")
    axis = figure.subplots()
    extent = (0.0, len(sound) / rate, 0.0, float(BANDS))
    axis.imshow(values, origin="lower", aspect="auto", extent=extent, cmap="magma",
                vmin=-RANGE_DB, vmax=0.0, interpolation="nearest")  # fmt: skip
    nyquist = float(mel_of(rate / 2.0))
    ticks = [hertz for hertz in TICKS_HZ if hertz < rate / 2.0]
    axis.set_yticks([float(mel_of(hertz)) / nyquist * BANDS for hertz in ticks])
    axis.set_yticklabels([f"{hertz:g}" for hertz in ticks])
    axis.set(xlabel="s", ylabel="Hz (mel)")
    return _png(figure)


def curve(history: Sequence[float]) -> bytes:
    """The loss of each iteration."""
    figure = Figure(figsize=(8.0, 2.8), layout="constrained")
    axis = figure.subplots()
    axis.semilogy(np.arange(len(history)), np.maximum(history, 1e-9), lw=1.4, color="#1f5fa8")
    axis.set(xlabel="iteration", ylabel="loss")
    axis.grid(alpha=0.3, which="both")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)  # type: ignore[no-untyped-call]
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()


__all__ = ["curve", "spectrogram"]
