"""From pairs to an amplifier in some minutes, measured on sound that was never heard."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from engine.bench import Report
from models.bench.effects.sounds import held_out
from models.effects.auto import choose
from models.effects.families import family
from models.effects.make import make_pairs
from models.effects.training import Settings
from models.judging.metrics import esr
from models.pairs import open_pairs

MOST = 0.02
GPU_SECONDS = 60.0
ARCHITECTURE = "lstm+fir"


def run(report: Report, seconds: float) -> None:
    """Train an amplifier and its cabinet, or a distortion where the amplifier's plugin is not."""
    one = family("amp")
    one = family("distortion") if one.missing else one
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        pairs = open_pairs(make_pairs(work, one))
        heard = make_pairs(work / "judged", one, held_out(work / "held-out"))
        chances = [("two cores", "cpu", seconds)]
        if torch.cuda.is_available():
            chances.append(("a GPU", "gpu", min(seconds, GPU_SECONDS)))
        for where, accelerator, budget in chances:
            settings = Settings(minutes=budget / 60.0, accelerator=accelerator)
            best = choose(pairs, ARCHITECTURE, settings, lambda line: None).best
            player = best.candidate.player()
            for pair in open_pairs(heard).pairs:
                if pair.start == 0:
                    dry, wet = pair.whole.load()
                    error = esr(wet, player.play(dry, pairs.sample_rate))
                    told = f"{one.name}, {budget:.0f} s of training on {where}, {pair.dry.stem}"
                    report.add(told, error, "ESR", f"under {MOST:g}", error < MOST)
