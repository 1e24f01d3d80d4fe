"""The pictures of a report, as SVG in the page: ink and lines take the colours of the page.

Matplotlib draws them; a spectrogram is a PNG inside. Two colours that nothing else has stand for
the page's text and for its lines, and are replaced in the SVG by CSS variables, so that the same
picture reads well in light and in dark.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.judging.spectra import mel_filters, mel_of, spectra

Array = NDArray[Any]

INK, LINE, MARK, OTHER = "#010203", "#040506", "#070809", "#0a0b0c"
CSS = {INK: "var(--soft)", LINE: "var(--line)", MARK: "var(--mark)", OTHER: "var(--other)"}
BANDS, SIZE, RANGE_DB = 128, 2048, 75.0
TICKS_HZ = (200, 1000, 3000, 10_000)
COLUMNS = 1400  # of a waveform: more cannot be seen
_ONE_AT_A_TIME = threading.Lock()  # matplotlib's settings are of the process


def sound_picture(sound: Array, rate: int, seconds: float, peak: float) -> str:
    """Waveform and mel spectrogram of the first ``seconds``; ``peak`` is the waveform's scale."""
    sound = np.asarray(sound[: round(seconds * rate)], np.float64)
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    wave, spectrogram = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.6))
    _waveform(wave, sound, rate, peak)
    _spectrogram(spectrogram, sound, rate, seconds)
    return _svg(figure, wave, spectrogram)


def loss_picture(steps: Sequence[float], losses: Sequence[float]) -> str:
    """The loss against the step; logarithmic where it falls by more than ten times."""
    figure = Figure(figsize=(9.6, 2.8), layout="constrained")
    axis = figure.subplots()
    finite = [(s, v) for s, v in zip(steps, losses, strict=True) if np.isfinite(v)]
    if finite:
        at, value = np.array(finite).T
        axis.plot(at, value, color=MARK, lw=0.9, alpha=0.45)
        axis.plot(at, _smoothed(value), color=MARK, lw=2)
        if value.min() > 0 and value.max() > 10 * value.min():
            axis.set_yscale("log")
    axis.set(xlabel="step", ylabel="loss")
    axis.grid(color=LINE, lw=0.7)
    return _svg(figure, axis)


def merit_picture(steps: Sequence[float], merits: Sequence[float], best: float | None) -> str:
    """The merit of each preview against the step; what is above 1/2 passes."""
    figure = Figure(figsize=(9.6, 2.4), layout="constrained")
    axis = figure.subplots()
    axis.axhline(0.5, color=OTHER, lw=1.2, ls="--")
    axis.text(0.995, 0.52, "passes", color=OTHER, transform=axis.transAxes, ha="right", va="bottom")
    axis.plot(steps, merits, "o-", color=MARK, lw=1.4, ms=4.5)
    for step, merit in zip(steps, merits, strict=True):
        if step == best:
            axis.plot([step], [merit], "o", ms=11, mfc="none", mec=OTHER, mew=2)
    axis.set(xlabel="step", ylabel="merit", ylim=(0, 1))
    axis.grid(color=LINE, lw=0.7)
    return _svg(figure, axis)


def _waveform(axis: Axes, sound: Array, rate: int, peak: float) -> None:
    length = max(1, -(-len(sound) // COLUMNS))
    padded = np.pad(sound, (0, -len(sound) % length)).reshape(-1, length)
    times = np.arange(len(padded)) * length / rate
    axis.fill_between(times, padded.min(1), padded.max(1), color=MARK, lw=0)
    axis.set(ylim=(-peak, peak), yticks=[], ylabel="waveform")
    axis.tick_params(axis="x", length=0)


def _spectrogram(axis: Axes, sound: Array, rate: int, seconds: float) -> None:
    size = min(SIZE, 2 ** max(6, int(np.log2(max(len(sound), 64))) - 1))
    filters = mel_filters(rate, size, BANDS).T
    padded = np.pad(sound, (0, max(0, 2 * size - len(sound))))
    rows = spectra(padded, size, size // 4, size)
    power = np.concatenate([np.square(np.abs(row)) @ filters for row in rows])
    in_db = 10 * np.log10(np.maximum(power / max(power.max(), 1e-30), 10 ** (-RANGE_DB / 10)))
    extent = (0.0, len(padded) / rate, 0.0, float(BANDS))
    axis.imshow(
        in_db.T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-RANGE_DB,
        vmax=0.0, interpolation="bilinear",
    )  # fmt: skip
    nyquist = float(mel_of(rate / 2))
    ticks = [hertz for hertz in TICKS_HZ if hertz < rate / 2]
    axis.set_yticks([float(mel_of(hertz)) / nyquist * BANDS for hertz in ticks])
    axis.set_yticklabels([f"{hertz:g}" for hertz in ticks])
    axis.set(xlabel="s", ylabel="Hz (mel)", xlim=(0.0, seconds))


def _smoothed(values: Array) -> Array:
    """The running median over a twentieth of all."""
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(values, max(1, len(values) // 20) | 1, mode="nearest"))


def _svg(figure: Figure, *axes: Axes) -> str:
    """The figure as an ``<svg>`` element that is as wide as its place."""
    figure.patch.set_alpha(0.0)
    for axis in axes:
        axis.patch.set_alpha(0.0)
        axis.tick_params(which="both", colors=INK)
        axis.xaxis.label.set_color(INK)
        axis.yaxis.label.set_color(INK)
        for side, spine in axis.spines.items():
            spine.set_color(LINE)
            spine.set_visible(side in ("left", "bottom"))
    out = io.StringIO()
    with _ONE_AT_A_TIME, rc_context({"svg.fonttype": "none", "font.size": 10.5}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'^<svg([^>]*?) width="[^"]*"', r"<svg\1", text, count=1)
    text = re.sub(r'^<svg([^>]*?) height="[^"]*"', r"<svg\1", text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1system-ui, sans-serif", text)
    for colour, variable in CSS.items():
        text = text.replace(colour, variable)
    return text


__all__ = ["loss_picture", "merit_picture", "sound_picture"]
