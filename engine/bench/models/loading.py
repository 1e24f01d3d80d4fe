"""How long a model's file takes until its first block, in processes of their own.

As a program it loads the files named to it and prints the seconds of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from engine import native
from engine.bench import Report
from engine.modelfiles import open_model
from engine.neural.compiled import compile_network

RATE = 48000
MOST_FIRST, MOST_AGAIN = 4.0, 0.1


def load_rows(report: Report, files: dict[str, Path]) -> None:
    """Load each file where nothing is compiled yet, then in another process that finds it is."""
    with tempfile.TemporaryDirectory() as cache:
        first, again = (_elsewhere(list(files.values()), cache) for _ in range(2))
    for name, seconds in zip(files, first, strict=True):
        label, holds = f"{name}, first load of a new shape", seconds <= MOST_FIRST
        report.add(label, seconds, "s", f"at most {MOST_FIRST:g} s", holds)
    for name, seconds in zip(files, again, strict=True):
        label, holds = f"{name}, second load of a known shape", seconds <= MOST_AGAIN
        report.add(label, 1e3 * seconds, "ms", f"at most {1e3 * MOST_AGAIN:g} ms", holds)


def _elsewhere(files: list[Path], cache: str) -> list[float]:
    command = [sys.executable, "-m", "engine.bench.models.loading", *map(str, files)]
    environment = {**os.environ, "TARAF_CACHE": cache}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    seconds: list[float] = json.loads(done.stdout)
    return seconds


def load(path: Path) -> float:
    """Seconds from the bytes of a file to its first block, the silence before it included."""
    began = time.perf_counter()
    model = open_model(path)
    player = compile_network(model.network)
    knobs = [knob.low for knob in model.knobs]
    player.settle(RATE, knobs)
    player.play(np.zeros((model.network.input.channels, 64), np.float32))
    return time.perf_counter() - began


if __name__ == "__main__":
    native.link(native.emit_vectors(f"define void @{native.ENTRY}() {{ ret void }}"))  # as a host
    print(json.dumps([load(Path(name)) for name in sys.argv[1:]]))
