"""How fast a thousand pairs are rendered."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from engine.bench import Report
from engine.performance import guitar
from models.effects.families import SAMPLE_RATE, zam_plugins
from models.pairs.render import Effect, Work, render
from models.pairs.spec import parse_chain, parse_grid
from models.pairs.wav import wav_bytes, write_whole

DRY, SETTINGS = 10, 100
SECONDS = 2.0
LEAST = 100.0


def run(report: Report) -> None:
    """Add a row for pedalboard and one for a VST3, with what has to come out each time."""
    _pairs(report, "pedalboard", "pedalboard:Distortion", f"drive_db=0:40:{SETTINGS}")
    zam = zam_plugins()
    if zam is not None and (delay := zam / "ZamDelay.vst3").exists():
        _pairs(report, "VST3", str(delay), f"time_ms=50:900:{SETTINGS}")


def _pairs(report: Report, name: str, chain: str, grid: str) -> None:
    with tempfile.TemporaryDirectory() as given:
        folder, sound = Path(given), guitar(SAMPLE_RATE)
        (folder / "dry").mkdir()
        frames = round(SECONDS * SAMPLE_RATE)
        for number in range(DRY):
            part = np.asarray(sound[number * frames // 2 :][:frames], np.float32)
            write_whole(folder / "dry" / f"{number}.wav", wav_bytes(part, SAMPLE_RATE))
        effect = Effect(parse_chain(chain), grid=parse_grid([grid]), latency="reported")
        summary = render(folder / "dry", folder / "out", effect, Work())
    count = DRY * SETTINGS
    speed, done = summary.times_real_time, summary.rendered
    told = f"{count} pairs, {name}, rendered"
    report.add(told, done, "pairs", f"all {count}", done == count)
    report.add(f"{count} pairs, {name}", speed, "x real time", f"above {LEAST:g}", speed > LEAST)
