"""Trains a baseline as it was published: Adam, one rate, the best on held-out sound is kept."""

from __future__ import annotations

import math
import time

import torch

from models.effects.baselines.baseline import Baseline
from models.effects.baselines.nets import MADE
from models.effects.dataset import Batch, Material
from models.effects.losses import esr
from models.pairs import Pairs

BATCH, SEGMENT = 16, 64 * MADE
RATE = 2e-3
VALIDATE_EVERY = 50  # steps
PIECES = 8


def train_baseline(
    kind: str, pairs: Pairs, minutes: float, seed: int = 1, steps: int | None = None
) -> Baseline:
    """Return the best of ``minutes``, or of ``steps`` where these are given.

    On one core; BaselineError or PairsError in one line. Ctrl-C goes through.
    """
    baseline = Baseline(kind, seed)
    net, past = baseline.net, baseline.net.past
    heard, held_out = Material(pairs, "train"), Material(pairs, "validation")
    pieces = held_out.spread(8 * SEGMENT, past, PIECES)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    best, best_state = math.inf, net.state_dict()
    began, step = time.monotonic(), 0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        while step < steps if steps is not None else time.monotonic() - began < 60.0 * minutes:
            dry, wet, _ = heard.draw(seed, step, BATCH, past + SEGMENT)
            optimiser.zero_grad()
            net.loss(dry, wet[:, past:]).backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            step += 1
            if step % VALIDATE_EVERY == 0 and (found := _esr(net, pieces)) < best:
                best, best_state = found, {k: v.clone() for k, v in net.state_dict().items()}
    finally:
        torch.set_num_threads(threads)
    if best < math.inf and not _esr(net, pieces) <= best:  # it may be no number
        net.load_state_dict(best_state)
    return baseline


def _esr(net: torch.nn.Module, pieces: Batch) -> float:
    dry, wet, _ = pieces
    with torch.inference_mode():
        return esr(net.made(dry), wet[:, net.past :])
