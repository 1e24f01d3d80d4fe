"""The pictures of a report page: each a PNG, of the clean sound, the effect and the model."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.judging.responses import attack, frequency_response, impulse_response, levels_db
from models.judging.spectra import mel_filters, mel_of, spectra

Array = NDArray[Any]

CLEAN, EFFECT, MODEL, APART = "#7a7a7a", "#1f5fa8", "#d9541e", "#8a1c7c"
BANDS, SIZE, HOP = 128, 2048, 512
RANGE_DB = 80.0
TICKS_HZ = (100, 300, 1000, 3000, 10_000)


def spectrograms(dry: Array, wet: Array, made: Array, rate: int) -> bytes:
    """Mel spectrograms of clean, effect and model, and by how many dB the model is off."""
    filters = mel_filters(rate, SIZE, BANDS).T
    power = [
        np.concatenate([np.square(np.abs(rows)) @ filters for rows in spectra(s, SIZE, HOP, SIZE)])
        for s in (dry, wet, made)
    ]
    top = max(float(power[1].max()), 1e-30)
    in_db = [10 * np.log10(np.maximum(p / top, 10 ** (-RANGE_DB / 10))).T for p in power]
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    extent = (0.0, len(dry) / rate, 0.0, float(BANDS))
    shown = zip(axes.flat[:3], ("clean", "effect", "model"), in_db, strict=True)
    for axis, title, values in shown:
        image = _image(axis, title, values, extent, "magma", (-RANGE_DB, 0.0))
    figure.colorbar(image, ax=axes[:, 0], label="dB below the effect's peak", shrink=0.7)
    off = _image(axes[1, 1], "model - effect", in_db[2] - in_db[1], extent, "RdBu_r", (-20, 20))
    figure.colorbar(off, ax=axes[:, 1], label="dB", shrink=0.7)
    nyquist = float(mel_of(rate / 2))
    ticks = [hertz for hertz in TICKS_HZ if hertz < rate / 2]
    axes[0, 0].set_yticks([float(mel_of(f)) / nyquist * BANDS for f in ticks])
    axes[0, 0].set_yticklabels([f"{f:g}" for f in ticks])
    for axis in axes[:, 0]:
        axis.set_ylabel("Hz (mel)")
    for axis in axes[1]:
        axis.set_xlabel("s")
    return _png(figure)


def waveforms(dry: Array, wet: Array, made: Array, rate: int) -> bytes:
    """The model over the effect: the whole excerpt's levels, and 25 ms at its sharpest attack."""
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    above, below = figure.subplots(2, 1)
    first = max(attack(wet, rate) - round(0.005 * rate), 0)
    piece = slice(first, first + round(0.025 * rate))
    for sound, name, colour in ((dry, "clean", CLEAN), (wet, "effect", EFFECT)):
        levels = levels_db(sound, rate)
        above.plot(np.arange(len(levels)) / 100, levels, color=colour, lw=1.2, label=name)
    levels = levels_db(made, rate)
    above.plot(np.arange(len(levels)) / 100, levels, color=MODEL, lw=1, ls="--", label="model")
    apart = levels_db(made - wet, rate)
    above.plot(np.arange(len(apart)) / 100, apart, color=APART, lw=0.8, label="error")
    above.set(ylabel="dB in 10 ms", xlabel="s", ylim=(-100, 6), title="levels")
    times = 1000.0 * np.arange(first, first + len(wet[piece])) / rate
    below.plot(times, dry[piece], color=CLEAN, lw=0.8, label="clean")
    below.plot(times, wet[piece], color=EFFECT, lw=1.8, label="effect")
    below.plot(times, made[piece], color=MODEL, lw=1, ls="--", label="model")
    below.plot(times, made[piece] - wet[piece], color=APART, lw=0.8, label="error")
    below.set(xlabel="ms", ylabel="amplitude", title="at an attack")
    for axis in (above, below):
        axis.legend(loc="upper right", fontsize=8, ncols=4)
        axis.grid(alpha=0.3)
    return _png(figure)


def transfer(dry: Array, wet: Array, made: Array, rate: int) -> bytes:
    """Samples of the output against those of the input, and levels in 10 ms likewise."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    some = np.random.default_rng(0).choice(len(dry), min(len(dry), 6000), replace=False)
    curves = ((wet, "effect", EFFECT, 6), (made, "model", MODEL, 2))
    inside = levels_db(dry, rate)
    for sound, name, colour, size in curves:
        left.scatter(dry[some], sound[some], s=size, lw=0, color=colour, alpha=0.5, label=name)
        right.scatter(
            inside, levels_db(sound, rate), s=2 * size, lw=0, color=colour, alpha=0.5, label=name
        )
    left.set(xlabel="input", ylabel="output", title="samples")
    right.set(xlabel="input, dB in 10 ms", ylabel="output, dB", title="levels")
    right.set(xlim=(-90, 3), ylim=(-90, 3))
    for axis in (left, right):
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    return _png(figure)


def responses(dry: Array, wet: Array, made: Array, rate: int) -> bytes:
    """Impulse responses (20 ms, and the decay of a second) and frequency responses."""
    before, frames = round(0.002 * rate), rate
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    grid = figure.add_gridspec(2, 2)
    near, far = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    gain = figure.add_subplot(grid[1, :])
    for sound, name, colour, style in ((wet, "effect", EFFECT, "-"), (made, "model", MODEL, "--")):
        impulse = impulse_response(dry, sound, frames, before)
        times = 1000.0 * (np.arange(len(impulse)) - before) / rate
        first = round(0.022 * rate)
        near.plot(times[:first], impulse[:first], style, color=colour, lw=1.2, label=name)
        decay = levels_db(impulse[before:], rate)
        far.plot(10 * np.arange(len(decay)), decay, style, color=colour, lw=1, label=name)
        response = frequency_response(impulse[: before + 4096])
        bins = np.arange(len(response)) * rate / (2 * (len(response) - 1))
        gain.semilogx(bins[1:], response[1:], style, color=colour, lw=1.2, label=name)
    near.set(xlabel="ms", ylabel="amplitude", title="impulse response")
    far.set(xlabel="ms", ylabel="dB in 10 ms", title="its decay")
    gain.set(xlabel="Hz", ylabel="dB", title="frequency response", xlim=(20, rate / 2))
    gain.set_ylim(bottom=max(gain.get_ylim()[0], gain.get_ylim()[1] - 80.0))
    for axis in (near, far, gain):
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    return _png(figure)


def _image(
    axis: Any,
    title: str,
    values: Array,
    extent: tuple[float, float, float, float],
    colours: str,
    limits: tuple[float, float],
) -> Any:
    axis.set_title(title)
    return axis.imshow(
        values, origin="lower", aspect="auto", extent=extent, cmap=colours,
        vmin=limits[0], vmax=limits[1], interpolation="nearest",
    )  # fmt: skip


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)  # type: ignore[no-untyped-call]
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=100)
    return written.getvalue()


__all__ = ["responses", "spectrograms", "transfer", "waveforms"]
