"""What a network is, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.neural.network import Conv, Gru, Lstm, Network, Op, Ssm, Stage

if TYPE_CHECKING:
    from engine.boxes.box import Box


def title(network: Network) -> str:
    """As "SSM 4x16", "grey box: fir 2048 + LSTM 12", "TCN 10x16" or "linear"."""
    found: dict[str, list[int]] = {}
    for op in network.ops:
        kind, width = _kind(op)
        if kind:
            found.setdefault(kind, []).append(width)
    if len(found) > 1:  # layers that only mix are not what it is known by
        found.pop("MLP", None)
    words = " + ".join(_words(kind, widths) for kind, widths in found.items())
    if any(isinstance(op, Stage) for op in network.ops):
        return f"grey box: {words}"
    return words or "linear"


def _kind(op: Op) -> tuple[str, int]:
    if isinstance(op, Stage):
        return _box(op.box), 0
    if isinstance(op, (Lstm, Gru, Ssm)):
        return type(op).__name__.upper(), op.target.channels
    if isinstance(op, Conv):
        if any(term.lookback for term in op.terms):
            return "TCN", op.out
        if op.steps and op.terms:
            return "MLP", op.out
    return "", 0


def _box(box: Box) -> str:
    """Its kind and, of a box that is one list of numbers, how many."""
    sizes = [v.size for v in box.numbers().values() if isinstance(v, np.ndarray)]
    return f"{box.kind} {sizes[0]}" if len(sizes) == 1 else box.kind


def _words(kind: str, widths: list[int]) -> str:
    if not max(widths):
        return f"{len(widths)} {kind}" if len(widths) > 1 else kind
    return f"{kind} {max(widths)}" if len(widths) == 1 else f"{kind} {len(widths)}x{max(widths)}"
