"""The four minutes on a GPU, where torch finds one."""

from __future__ import annotations

import torch

from engine.bench import Report
from engine.bench.parts import Missing
from models.bench.style.long import MINUTES, measured
from models.bench.style.telling import say

MOST_S = 10.0


def run(report: Report) -> None:
    """Add the time; Missing without a GPU."""
    if not torch.cuda.is_available():
        raise Missing("needs a GPU, and torch finds none")
    say(f"four minutes on {torch.cuda.get_device_name(0)}")
    wall = measured("cuda")["seconds"]
    report.add(f"{MINUTES:g} minutes of content on a GPU", wall, "s", f"at most {MOST_S:g}",
               wall <= MOST_S)  # fmt: skip


__all__ = ["run"]
