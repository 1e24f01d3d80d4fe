"""Twelve models one after another: how much of a block's time they take."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.bench import Report
from engine.bench.models.timing import Copies, race
from engine.layout import HISTOGRAM
from engine.neural.compiled import compile_network
from engine.neural.network import Network
from engine.plugin import PluginError
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Renderer

COUNT, BLOCK, RATE = 12, 64, 48000
SECONDS = 2
MOST = 50.0


def copies_row(report: Report, network: Network, seconds: float = 1.0) -> None:
    """Twelve copies, each with its own memory, run in turn."""
    twelve = Copies(compile_network(network), COUNT)
    times = race({"all": twelve.blocks_of(BLOCK)}, seconds)["all"]
    share = 100 * float(np.median(times)) * RATE / BLOCK
    _add(report, "twelve A1 standard models in turn, share of the deadline", share)


def rack_row(report: Report, path: Path) -> None:
    """Twelve links of the model at ``path`` in a rack; no row where no plugin plays it."""
    links = tuple(Link("model", f"model{k}", {}, {"model": str(path)}) for k in range(COUNT))
    try:
        renderer = Renderer(Rack("twelve", lanes=(Lane("a", "mono", links),)), RATE, 1, BLOCK)
    except (PluginError, RackError):
        return
    rng = np.random.default_rng(1)
    renderer.push(0.1 * rng.standard_normal((SECONDS * RATE, 1)).astype(np.float32))
    counts = renderer.shared.control["histogram"][0]
    middle = np.searchsorted(np.cumsum(counts), counts.sum() / 2)
    renderer.stage.close()
    share = 100 * float(middle + 0.5) / (HISTOGRAM // 2)
    _add(report, "twelve A1 standard models in one rack, share of the deadline", share)


def _add(report: Report, name: str, share: float) -> None:
    report.add(name, share, "%", f"at most {MOST:g} %", share <= MOST)
