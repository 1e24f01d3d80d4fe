"""A performance in one picture: the rack, the sound before and after, the time each block took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.layout import HISTOGRAM
from engine.rack import Link, Rack

INK, SOFT, FILL, BACK = "#1d2430", "#7d8796", "#dfe7f3", "#ffffff"


def draw(rack: Rack, dry: Path, wet: Path, histogram: npt.NDArray[np.int64], target: Path) -> None:
    """Write the picture as PNG to ``target``."""
    import soundfile
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8.5), facecolor=BACK, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(3, 2, height_ratios=[1.1, 2.2, 1.1])
    draw_rack(figure.add_subplot(grid[0, :]), rack)
    for column, (path, name) in enumerate(((dry, "dry: the guitar"), (wet, "wet: the rack"))):
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        _spectrogram(figure.add_subplot(grid[1, column]), sound[:, 0], rate, name)
    _durations(figure.add_subplot(grid[2, :]), histogram)
    figure.savefig(target, dpi=110)


def draw_rack(axes: Any, rack: Rack) -> None:
    """The rack as boxes: lanes from left to right into the master chain."""
    axes.set_axis_off()
    axes.set_title(f"{rack.name}: {rack.about}", loc="left", color=INK, fontsize=12)
    rows = max(len(rack.lanes), 1)
    longest = max((len(lane.chain) for lane in rack.lanes), default=0)
    middle = -(rows - 1) / 2
    columns = longest + len(rack.master) + 3
    for row, lane in enumerate(rack.lanes):
        end = _chain(axes, f"{lane.name}\n({lane.source})", lane.chain, 0, -row)
        axes.plot([end, longest + 0.9], [-row, -row], color=SOFT, zorder=0)
        axes.plot([longest + 0.9, longest + 1.1], [-row, middle], color=SOFT, zorder=0)
    end = _chain(axes, "master", rack.master, longest + 1.5, middle)
    axes.plot([longest + 1.1, end], [middle, middle], color=SOFT, zorder=0)
    axes.text(end + 0.1, middle, "out", va="center", color=INK)
    axes.set_xlim(-0.6, columns)
    axes.set_ylim(-rows + 0.4, 0.6)


def _chain(axes: Any, head: str, links: tuple[Link, ...], x: float, y: float) -> float:
    style = {"boxstyle": "round,pad=0.35", "edgecolor": INK}
    axes.text(x, y, head, ha="center", va="center", fontsize=8, color=BACK,
              bbox={**style, "facecolor": INK})  # fmt: skip
    for step, link in enumerate(links, 1):
        detail = next((str(v) for v in link.settings.values()), "")
        label = f"{link.name}\n{Path(detail.rpartition(':')[2]).stem[:12]}" if detail else link.name
        axes.text(x + step, y, label, ha="center", va="center", fontsize=8, color=INK,
                  bbox={**style, "facecolor": FILL})  # fmt: skip
    end = x + len(links) + 0.5
    axes.plot([x, end], [y, y], color=SOFT, zorder=0)
    return end


def _spectrogram(axes: Any, sound: npt.NDArray[np.float32], rate: int, name: str) -> None:
    size, hop = 2048, max(512, len(sound) // 1200)
    window = np.hanning(size)
    starts = np.arange(0, max(1, len(sound) - size), hop)
    frames = np.stack([np.resize(sound[s : s + size], size) * window for s in starts])
    power = 20 * np.log10(np.abs(np.fft.rfft(frames)) / (size / 4) + 1e-6)
    seconds = len(sound) / rate
    bins = np.geomspace(2, size // 2, 240).astype(int)
    axes.imshow(
        power[:, bins].T, origin="lower", aspect="auto", vmin=-100, vmax=-10, cmap="magma",
        extent=(0, seconds, 0, len(bins)),
    )  # fmt: skip
    marks = [100, 200, 500, 1000, 2000, 5000, 10000, 20000]
    places = [float(np.searchsorted(bins * rate / size, mark)) for mark in marks]
    shown = [(p, m) for p, m in zip(places, marks, strict=True) if p < len(bins)]
    axes.set_yticks([p for p, _ in shown], [f"{m / 1000:g}k" if m > 999 else m for _, m in shown])
    axes.set_title(name, loc="left", fontsize=10, color=INK)
    axes.set_xlabel("seconds")
    axes.set_ylabel("Hz")


def _durations(axes: Any, histogram: npt.NDArray[np.int64]) -> None:
    share = 100 * (np.arange(HISTOGRAM) + 0.5) / (HISTOGRAM // 2)
    total = max(int(histogram.sum()), 1)
    edges = np.linspace(0, 100, 201)
    counts, _ = np.histogram(np.minimum(share, 99.9), edges, weights=histogram)
    axes.bar(edges[:-1], counts, width=0.5, align="edge", color=INK)
    axes.set_yscale("log")
    axes.axvline(100, color="crimson")
    median = share[int(np.searchsorted(np.cumsum(histogram), total / 2))]
    axes.set_title(
        f"callback: half of {total} blocks took less than {median:.1f} % of the time they had",
        loc="left", fontsize=10, color=INK,
    )  # fmt: skip
    axes.set_xlabel("% of the time until the next block")
    axes.set_ylabel("blocks")
    axes.set_xlim(0, 101)
