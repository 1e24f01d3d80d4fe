"""What each model of the zoo costs at 64 frames, and whether a rack plays what a render makes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.artefact import CARD, Artefact, open_artefact
from engine.bench import Report
from engine.neural.compiled import Compiled
from engine.render import Renderer
from engine.single import Playing, model_rack
from models.bench.effects.sounds import held_out
from models.effects.make import ZOO
from models.judging.player import Player, open_player

Audio = NDArray[np.float32]

BLOCK = 64
SECONDS = 4.0
RUNS = 7
MOST_PERCENT = 10.0


def run(report: Report) -> None:
    """Add two rows for each model of the zoo."""
    with tempfile.TemporaryDirectory() as name:
        sound = soundfile.read(held_out(Path(name)) / "guitar.wav", dtype="float32")[0]
    for folder in sorted(path.parent for path in ZOO.glob(f"*/{CARD}")):
        artefact, player = open_artefact(folder), open_player(str(folder))
        part = np.ascontiguousarray(sound[: round(SECONDS * artefact.sample_rate)])
        if player.compiled is not None:
            _cost(report, artefact, player.compiled, player, part)
        _same(report, artefact, player, part)


def _cost(
    report: Report, artefact: Artefact, compiled: Compiled, player: Player, sound: Audio
) -> None:
    """The dearest block: of each block the quickest of some runs, of these the slowest."""
    rows = np.stack([sound, *[np.full(len(sound), 0.5, np.float32) for _ in player.knobs]])
    times = np.array([_times(compiled, rows) for _ in range(RUNS)]).min(axis=0)
    deadline = BLOCK / artefact.sample_rate
    percent, usual = 100.0 * times.max() / deadline, 100.0 * np.median(times) / deadline
    target = f"at most {MOST_PERCENT:g} %"
    name = artefact.path.name
    report.add(f"{name}, dearest block", percent, "%", target, percent <= MOST_PERCENT)
    report.add(f"{name}, usual block", float(usual), "%")


def _times(compiled: Compiled, rows: Audio) -> list[float]:
    compiled.reset()
    times = []
    for first in range(0, rows.shape[1] - BLOCK + 1, BLOCK):
        block = np.ascontiguousarray(rows[:, first : first + BLOCK])
        began = time.perf_counter()
        compiled.play(block)
        times.append(time.perf_counter() - began)
    compiled.reset()
    return times


def _same(report: Report, artefact: Artefact, player: Player, sound: Audio) -> None:
    """The rack as on stage, block by block, beside the model played whole offline."""
    rack = model_rack(str(artefact.path), Playing("raw"))
    renderer = Renderer(rack, artefact.sample_rate, 1, BLOCK)
    played = np.concatenate([renderer.push(sound[:, None]), renderer.finish()])[:, 0]
    error = float(np.abs(played - player.play(sound, artefact.sample_rate)).max())
    report.add(
        f"{artefact.path.name}, rack against render", error, "of full scale",
        f"at most {artefact.tolerance:g}", error <= artefact.tolerance,
    )  # fmt: skip
