"""The gradient of everything that is optimised, beside finite differences."""

from __future__ import annotations

import numpy as np
import torch

from engine.bench import Report
from models.style.frames import Analysis, Ear
from models.style.objective import Objective, wanted
from models.style.settings import Knobs
from models.style.terms import Style

MOST = 1e-3
SAMPLES, RHYTHM_FRAMES, WAYS, STEP = 4096, 20, 8, 1e-6
ALL = Knobs(harmony=1, timbre=1, rhythm=1, content=1, pitch=1, onsets=1)


def run(report: Report) -> None:
    """Add the largest relative error along random directions."""
    made = np.random.default_rng(0)
    ear = Ear(Analysis(22_050, 256, 64), dtype=torch.float64)

    def tones(count: int) -> torch.Tensor:
        turns = np.cumsum(0.1 + 0.05 * np.sin(np.arange(count) / 700.0))
        return torch.from_numpy(0.2 * np.sin(turns) + 0.02 * made.standard_normal(count))[None]

    style = Style([ear.hear(tones(3 * SAMPLES).flip(1))])
    terms = wanted(ALL, style, ear.hear(tones(SAMPLES)), rhythm_frames=RHYTHM_FRAMES)
    objective = Objective(ear, terms, 1, SAMPLES)
    place = torch.from_numpy(0.1 * made.standard_normal(SAMPLES))
    _, slope = objective(place)
    worst = 0.0
    for _ in range(WAYS):
        way = torch.from_numpy(made.standard_normal(SAMPLES))
        rise = (objective(place + STEP * way)[0] - objective(place - STEP * way)[0]) / (2 * STEP)
        worst = max(worst, abs(rise / float(slope @ way) - 1.0))
    report.add("gradient off finite differences, all terms, float64", worst, "of it",
               f"at most {MOST:g}", worst <= MOST)  # fmt: skip


__all__ = ["run"]
